from collections.abc import Mapping
from dataclasses import replace

import pytest

from client_py.core import effect as do
from client_py.core.event import (
    PeerChanged,
    PeerGathered,
    PeerSaid,
    RecoveryDue,
    RenewalDue,
)
from client_py.core.look import Look
from client_py.core.roster import Roster
from client_py.core.state import Attempt, Cause, Connection, Quality
from client_py.core.verdict import Gathered
from client_py.core.wake import Sign
from protocol import messages as m
from protocol.codes import Presence
from protocol.links import Reach
from protocol.messages import MediaState, ParticipantId, PeerMessage
from tests.unit.people import (
    ANN,
    ANSWER,
    BEN,
    CANDIDATE,
    CAT,
    ICE,
    OFFER,
    RENEW,
    info,
    joined,
    signal,
)

NOBODY: frozenset[ParticipantId] = frozenset()


def roster(random: float = 0.5) -> Roster:
    return Roster(lambda: random)


def newcomer(*others: ParticipantId) -> Roster:
    """Return the roster of somebody who came in last: the initiator of all."""
    made = roster()
    made.enter(joined(*others))
    return made


def member(*others: ParticipantId) -> Roster:
    """Return the roster of somebody who was there first."""
    made = roster()
    made.enter(joined())
    for who in others:
        made.add(info(who))
    return made


def opened(
    who: ParticipantId,
    generation: int = 1,
    *,
    initiator: bool = True,
    patience: float = 15.0,
) -> do.OpenPeer:
    return do.OpenPeer(who, generation, initiator, ICE, patience=patience)


def changed(who: ParticipantId, state: str, generation: int = 1) -> PeerChanged:
    return PeerChanged(who, generation, state)


def connections(roster: Roster) -> dict[str, Connection]:
    return {each.id: each.connection for each in roster.participants(NOBODY)}


# -- who comes and goes


def test_newcomer_offers_to_every_member() -> None:
    assert roster().enter(joined(ANN, BEN)) == [opened(ANN), opened(BEN)]


OTHER_ICE = (m.IceServer(("turn:turn.example",), "1:room:me", "secret"),)


def test_new_credentials_are_for_old_links_and_new_ones() -> None:
    ours = newcomer(ANN)
    assert ours.use(OTHER_ICE) == [do.UseServers(OTHER_ICE)]
    assert ours.add(info(BEN)) == [do.OpenPeer(BEN, 1, False, OTHER_ICE)]


def test_credentials_that_are_known_change_nothing() -> None:
    ours = newcomer(ANN)
    assert ours.use(ICE) == []


def test_without_links_new_credentials_are_only_kept() -> None:
    ours = member()
    assert ours.use(OTHER_ICE) == []
    assert ours.add(info(BEN)) == [do.OpenPeer(BEN, 1, False, OTHER_ICE)]


def test_a_joined_after_a_cut_brings_new_credentials_too() -> None:
    ours = newcomer(ANN)
    again = replace(joined(ANN, BEN, resumed=True), ice_servers=OTHER_ICE)
    assert ours.enter(again) == [
        do.UseServers(OTHER_ICE),
        do.OpenPeer(BEN, 1, False, OTHER_ICE),
    ]


def test_member_waits_for_the_offer_of_a_newcomer() -> None:
    ours = roster()
    assert ours.enter(joined()) == []
    assert ours.add(info(ANN)) == [opened(ANN, initiator=False)]


def test_nobody_is_added_twice() -> None:
    ours = member(ANN)
    assert ours.add(info(ANN, hand=True)) == []
    assert [each.hand for each in ours.participants(NOBODY)] == [True]


def test_who_leaves_takes_their_link_along() -> None:
    ours = newcomer(ANN, BEN)
    assert ours.remove(ANN) == [do.ClosePeer(ANN)]
    assert (ANN in ours, ours.info(ANN), BEN in ours) == (False, None, True)
    assert ours.remove(ANN) == []
    assert ours.clear() == [do.ClosePeer(BEN)]
    assert ours.participants(NOBODY) == ()


def test_people_stay_in_the_order_in_which_they_came() -> None:
    ours = newcomer(BEN, ANN)
    ours.add(info(CAT))
    ours.change(info(BEN, hand=True))
    ours.mending.changed(changed(ANN, "connected"))
    ours.enter(joined(CAT, ANN, BEN, resumed=True))
    assert list(connections(ours)) == [BEN, ANN, CAT]


def test_stranger_changes_nothing() -> None:
    ours = newcomer(ANN)
    assert ours.change(info(BEN)) == []
    assert ours.signaled(BEN, 1, OFFER) == []
    assert ours.said(PeerSaid(BEN, 1, OFFER)) == []
    assert ours.mending.changed(changed(BEN, "failed")) == []
    assert ours.mending.renewal_due(RenewalDue(BEN, 1)) == []
    ours.gathered(PeerGathered(BEN, 1, Gathered(finished=True)))
    assert looked(ours, {BEN: Look(Quality.LOST, missed=9)}) == []
    assert list(connections(ours)) == [ANN]


# -- coming back


def test_links_outlive_a_cut() -> None:
    ours = newcomer(ANN)
    ours.mending.changed(changed(ANN, "connected"))
    assert ours.enter(joined(info(ANN, hand=True), resumed=True)) == []
    (ann,) = ours.participants(NOBODY)
    assert (ann.hand, ann.connection) == (True, Connection.CONNECTED)


def test_who_came_during_my_cut_offers_and_who_left_is_gone() -> None:
    ours = newcomer(ANN, BEN)
    assert ours.enter(joined(BEN, CAT, resumed=True)) == [
        do.ClosePeer(ANN),
        opened(CAT, initiator=False),
    ]


# -- generations


@pytest.mark.parametrize("message", [OFFER, ANSWER, CANDIDATE])
def test_words_of_this_generation_reach_the_peer(message: PeerMessage) -> None:
    assert newcomer(ANN).signaled(ANN, 1, message) == [do.Deliver(ANN, message)]
    assert member(ANN).signaled(ANN, 1, message) == [do.Deliver(ANN, message)]


@pytest.mark.parametrize("message", [OFFER, ANSWER, CANDIDATE, RENEW])
def test_words_of_an_older_generation_are_dropped(message: PeerMessage) -> None:
    ours = newcomer(ANN)
    ours.mending.changed(changed(ANN, "failed"))
    ours.mending.renewal_due(RenewalDue(ANN, 1))
    theirs = member(ANN)
    theirs.signaled(ANN, 2, OFFER)
    assert ours.signaled(ANN, 1, message) == []
    assert theirs.signaled(ANN, 1, message) == []


def test_initiator_of_a_later_generation_replaces_the_link() -> None:
    ours = member(ANN)
    assert ours.signaled(ANN, 3, OFFER) == [
        do.ClosePeer(ANN),
        opened(ANN, 3, initiator=False, patience=30.0),
        do.Deliver(ANN, OFFER),
    ]
    assert ours.signaled(ANN, 3, CANDIDATE) == [do.Deliver(ANN, CANDIDATE)]


@pytest.mark.parametrize("message", [OFFER, ANSWER, CANDIDATE, RENEW])
def test_responder_cannot_raise_the_generation(message: PeerMessage) -> None:
    ours = newcomer(ANN)
    assert ours.signaled(ANN, 2, message) == []
    assert ours.said(PeerSaid(ANN, 1, OFFER)) == [do.Send(signal(ANN, OFFER))]


def test_words_of_mine_carry_their_generation_and_no_stale_ones_go_out() -> None:
    ours = member(ANN)
    ours.signaled(ANN, 2, OFFER)
    assert ours.said(PeerSaid(ANN, 1, ANSWER)) == []
    assert ours.said(PeerSaid(ANN, 2, ANSWER)) == [do.Send(signal(ANN, ANSWER, 2))]


def test_state_of_an_older_generation_is_dropped() -> None:
    ours = member(ANN)
    ours.signaled(ANN, 2, OFFER)
    assert ours.mending.changed(changed(ANN, "failed", 1)) == []
    assert ours.mending.changed(changed(ANN, "connected", 1)) == []
    assert connections(ours) == {ANN: Connection.RECONNECTING}


# -- failure and renewal


def test_generation_that_the_other_end_gave_up_has_failed_for_me_too() -> None:
    ours = member(ANN)
    ours.mending.changed(changed(ANN, "connected"))
    for generation in (2, 3):
        ours.mending.changed(changed(ANN, "disconnected", generation - 1))
        ours.signaled(ANN, generation, OFFER)
    assert connections(ours) == {ANN: Connection.UNREACHABLE}
    assert causes(ours) == [Cause.NO_RELAY]


def test_link_that_is_replaced_while_it_stands_has_not_failed() -> None:
    ours = member(ANN)
    ours.mending.changed(changed(ANN, "connected"))
    ours.signaled(ANN, 2, OFFER)
    assert connections(ours) == {ANN: Connection.RECONNECTING}
    assert causes(ours) == [Cause.NONE]
    for _ in range(4):  # but it has to stand again, and soon
        looked(ours, {})
    assert causes(ours) == [Cause.NO_RELAY]


@pytest.mark.parametrize(
    ("states", "shown"),
    [
        ([], Connection.CONNECTING),
        (["new", "connecting"], Connection.CONNECTING),
        (["connecting", "connected"], Connection.CONNECTED),
        (["connected", "disconnected"], Connection.RECONNECTING),
        (["connected", "disconnected", "connected"], Connection.CONNECTED),
        (["connected", "failed"], Connection.RECONNECTING),
        (["connected", "closed"], Connection.CONNECTED),
        (["connected", "a word of next year"], Connection.CONNECTED),
    ],
)
def test_state_of_a_link_is_shown(states: list[str], shown: Connection) -> None:
    for ours in (newcomer(ANN), member(ANN)):
        for state in states:
            ours.mending.changed(changed(ANN, state))
        assert connections(ours) == {ANN: shown}


def test_initiator_replaces_a_link_that_failed() -> None:
    ours = newcomer(ANN)
    due = RenewalDue(ANN, 1)
    assert ours.mending.changed(changed(ANN, "failed")) == [do.After(0.0, due)]
    made = [do.ClosePeer(ANN), opened(ANN, 2, patience=30.0)]
    assert ours.mending.renewal_due(due) == made
    assert ours.mending.renewal_due(due) == []  # it is another link by now


def test_responder_asks_for_a_renewal() -> None:
    ours = member(ANN)
    assert ours.mending.changed(changed(ANN, "failed")) == [
        do.Send(signal(ANN, RENEW)),
        do.After(10.0, RenewalDue(ANN, 1)),
    ]


def test_renewal_that_was_asked_for_is_paced_as_any_other() -> None:
    ours = newcomer(ANN)
    delays, given = [], []
    for generation in range(1, 6):
        (after,) = ours.signaled(ANN, generation, RENEW)
        assert isinstance(after, do.After)
        assert isinstance(after.event, RenewalDue)
        closed, made = ours.mending.renewal_due(after.event)
        assert closed == do.ClosePeer(ANN)
        assert isinstance(made, do.OpenPeer)
        assert made == opened(ANN, generation + 1, patience=made.patience)
        delays.append(after.seconds)
        given.append(made.patience)
    assert delays == [0.0, 0.125, 0.25, 0.5, 1.0]
    assert given == [30.0, 60.0, 60.0, 60.0, 60.0]


def test_link_that_stood_is_given_as_long_as_the_first() -> None:
    ours = newcomer(ANN)
    for generation in (1, 2):
        ours.mending.changed(changed(ANN, "failed", generation))
        ours.mending.renewal_due(RenewalDue(ANN, generation))
    ours.mending.changed(changed(ANN, "connected", 3))
    ours.signaled(ANN, 3, RENEW)
    assert ours.mending.renewal_due(RenewalDue(ANN, 3)) == [
        do.ClosePeer(ANN),
        opened(ANN, 4, patience=30.0),
    ]


def test_of_two_who_wait_for_each_other_the_smaller_begins() -> None:
    ours = member(ANN)
    assert ours.signaled(ANN, 1, RENEW) == [do.Send(signal(ANN, RENEW))]
    zoe = ParticipantId("zoe")
    ours = member(zoe)
    assert ours.signaled(zoe, 3, RENEW) == [do.ClosePeer(zoe), opened(zoe, 4)]


def test_who_waits_for_too_long_asks_for_a_beginning() -> None:
    ours = member(ANN)
    for _ in range(19):
        assert looked(ours, {}) == []
    asked = [do.Send(signal(ANN, RENEW)), do.After(10.0, RenewalDue(ANN, 1))]
    assert looked(ours, {}) == asked
    assert looked(ours, {}) == []


def test_who_waits_after_a_failure_gives_the_other_end_more_time_too() -> None:
    ours = member(ANN)
    ours.signaled(ANN, 2, OFFER)  # so it gave up the first
    for _ in range(34):
        assert looked(ours, {}) == []
    assert do.Send(signal(ANN, RENEW, 2)) in looked(ours, {})


def test_generation_fails_once_whoever_notices() -> None:
    ours = newcomer(ANN)
    due = do.After(0.0, RenewalDue(ANN, 1))
    assert ours.mending.changed(changed(ANN, "failed")) == [due]
    assert ours.mending.changed(changed(ANN, "failed")) == []
    assert ours.signaled(ANN, 1, RENEW) == []
    theirs = member(ANN)
    assert theirs.mending.changed(changed(ANN, "failed")) != []
    assert theirs.mending.changed(changed(ANN, "failed")) == []


def test_link_that_keeps_failing_is_unreachable_and_retried_ever_slower() -> None:
    ours = newcomer(ANN)
    shown, delays = [], []
    for generation in range(1, 11):
        (after,) = ours.mending.changed(changed(ANN, "failed", generation))
        assert isinstance(after, do.After)
        delays.append(after.seconds)
        shown.append(connections(ours)[ANN])
        ours.mending.renewal_due(RenewalDue(ANN, generation))
    assert shown == [Connection.RECONNECTING] + [Connection.UNREACHABLE] * 9
    assert delays == [0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0, 5.0]


def test_initiator_restarts_ice_of_a_link_that_stood() -> None:
    ours = newcomer(ANN)
    ours.mending.changed(changed(ANN, "connected"))
    shaken, restarted = RecoveryDue(ANN, 1, 2), RecoveryDue(ANN, 1, 3)
    assert ours.mending.changed(changed(ANN, "disconnected")) == [do.After(2.0, shaken)]
    mending = [do.RestartIce(ANN), do.After(8.0, restarted)]
    assert ours.mending.due(shaken) == mending
    assert ours.mending.due(shaken) == []  # that stage is over
    assert connections(ours) == {ANN: Connection.RECONNECTING}
    ours.mending.changed(changed(ANN, "connected"))
    assert connections(ours) == {ANN: Connection.CONNECTED}
    assert ours.mending.due(restarted) == []


def test_responder_leaves_the_initiator_a_moment_to_begin() -> None:
    ours = member(ANN)
    ours.mending.changed(changed(ANN, "connected"))
    due = RecoveryDue(ANN, 1, 2)
    assert ours.mending.changed(changed(ANN, "disconnected")) == [do.After(3.0, due)]


def test_restart_that_does_not_help_is_followed_by_a_new_link() -> None:
    ours = newcomer(ANN)
    ours.mending.changed(changed(ANN, "connected"))
    overdue = RecoveryDue(ANN, 1, 2)
    mending = [do.RestartIce(ANN), do.After(8.0, overdue)]
    assert ours.mending.changed(changed(ANN, "failed")) == mending
    due = RenewalDue(ANN, 1)
    assert ours.mending.due(overdue) == [do.After(0.0, due)]
    assert ours.mending.renewal_due(due) == [
        do.ClosePeer(ANN),
        opened(ANN, 2, patience=30.0),
    ]
    assert ours.mending.due(RecoveryDue(ANN, 1, 3)) == []  # of the link before


def test_on_waking_what_shakes_is_mended_at_once_and_the_rest_left_alone() -> None:
    ours = newcomer(ANN, BEN)
    for who in (ANN, BEN):
        ours.mending.changed(changed(who, "connected"))
    ours.mending.changed(changed(BEN, "disconnected"))
    assert ours.mending.woken(Sign.AWAKE) == [
        do.RestartIce(BEN),
        do.After(8.0, RecoveryDue(BEN, 1, 3)),
    ]
    assert ours.mending.due(RecoveryDue(BEN, 1, 2)) == []


def test_on_another_network_every_line_is_looked_for_anew() -> None:
    ours = newcomer(ANN, BEN)
    ours.mending.changed(changed(ANN, "connected"))
    assert ours.mending.woken(Sign.NETWORK) == [
        do.RestartIce(ANN),
        do.After(8.0, RecoveryDue(ANN, 1, 2)),
        # Ben's is still being made, of ways that are no more.
        do.ClosePeer(BEN),
        opened(BEN, 2),
    ]


def test_each_restart_has_its_own_time_to_help() -> None:
    ours = newcomer(ANN)
    ours.mending.changed(changed(ANN, "connected"))
    ours.mending.woken(Sign.NETWORK)
    assert ours.mending.woken(Sign.NETWORK) == [
        do.RestartIce(ANN),
        do.After(8.0, RecoveryDue(ANN, 1, 3)),
    ]
    assert ours.mending.due(RecoveryDue(ANN, 1, 2)) == []
    assert ours.mending.due(RecoveryDue(ANN, 1, 3)) == [
        do.After(0.0, RenewalDue(ANN, 1))
    ]


@pytest.mark.parametrize("sign", Sign)
def test_what_was_given_up_is_replaced_at_once_on_waking(sign: Sign) -> None:
    ours = newcomer(ANN)
    for generation in (1, 2, 3):
        ours.mending.changed(changed(ANN, "failed", generation))
        ours.mending.renewal_due(RenewalDue(ANN, generation))
    ours.mending.changed(changed(ANN, "failed", 4))
    assert ours.mending.woken(sign) == [
        do.ClosePeer(ANN),
        opened(ANN, 5, patience=60.0),
    ]
    assert ours.mending.renewal_due(RenewalDue(ANN, 4)) == []


# -- while words don't reach the other end


def test_link_is_left_as_it_is_while_nothing_can_be_said_of_it() -> None:
    ours = newcomer(ANN, BEN)
    for who in (ANN, BEN):
        ours.mending.changed(changed(who, "connected"))
    ours.mending.changed(changed(ANN, "disconnected"))
    ours.mending.cut_off()
    assert ours.mending.due(RecoveryDue(ANN, 1, 2)) == []
    assert ours.mending.changed(changed(BEN, "failed")) == []
    assert ours.mending.changed(changed(ANN, "failed")) == []
    assert {each.attempt for each in ours.participants(NOBODY)} == {Attempt.WAIT}
    ours.mending.changed(changed(BEN, "connected"))  # by itself
    assert connections(ours)[BEN] is Connection.CONNECTED
    assert ours.mending.go_on() == [
        do.RestartIce(ANN),
        do.After(8.0, RecoveryDue(ANN, 1, 4)),
    ]


def test_link_to_somebody_who_is_away_waits_for_them() -> None:
    ours = newcomer(ANN)
    ours.mending.changed(changed(ANN, "connected"))
    ours.change(info(ANN, presence=Presence.RECONNECTING))
    assert ours.mending.changed(changed(ANN, "failed")) == []
    assert ours.change(info(ANN)) == [
        do.RestartIce(ANN),
        do.After(8.0, RecoveryDue(ANN, 1, 3)),
    ]


def test_who_does_not_begin_leaves_the_first_word_to_who_is_back() -> None:
    ours = member(ANN)
    ours.mending.changed(changed(ANN, "connected"))
    ours.mending.cut_off()
    ours.mending.changed(changed(ANN, "failed"))
    assert ours.mending.go_on() == [do.After(3.0, RecoveryDue(ANN, 1, 3))]


def test_link_that_was_given_up_is_made_when_words_arrive_again() -> None:
    ours = newcomer(ANN)
    ours.mending.changed(changed(ANN, "failed"))
    ours.mending.cut_off()
    assert ours.mending.renewal_due(RenewalDue(ANN, 1)) == []
    assert ours.mending.go_on() == [do.ClosePeer(ANN), opened(ANN, 2, patience=30.0)]


def test_other_end_is_asked_for_a_new_link_until_there_is_one() -> None:
    ours = member(ANN)
    again = [
        do.Send(signal(ANN, RENEW)),
        do.After(10.0, RenewalDue(ANN, 1)),
    ]
    assert ours.mending.changed(changed(ANN, "failed")) == again
    assert ours.mending.changed(changed(ANN, "connected")) == []
    assert connections(ours) == {ANN: Connection.RECONNECTING}
    assert ours.mending.renewal_due(RenewalDue(ANN, 1)) == again
    ours.mending.cut_off()
    assert ours.mending.renewal_due(RenewalDue(ANN, 1)) == again[1:]
    assert ours.mending.go_on() == again
    ours.signaled(ANN, 2, OFFER)
    assert ours.mending.renewal_due(RenewalDue(ANN, 1)) == []


def test_nobody_who_is_gone_is_mended() -> None:
    ours = newcomer(ANN)
    ours.mending.changed(changed(ANN, "connected"))
    ours.mending.changed(changed(ANN, "disconnected"))
    ours.remove(ANN)
    assert ours.mending.due(RecoveryDue(ANN, 1, 2)) == []


def test_connection_ends_the_row_of_failures() -> None:
    ours = newcomer(ANN)
    for generation in (1, 2, 3):
        ours.mending.changed(changed(ANN, "failed", generation))
        ours.mending.renewal_due(RenewalDue(ANN, generation))
    ours.mending.changed(changed(ANN, "connected", 4))
    assert connections(ours) == {ANN: Connection.CONNECTED}
    ours.mending.changed(changed(ANN, "failed", 4))
    due = RenewalDue(ANN, 4)
    assert ours.mending.changed(changed(ANN, "failed", 4)) == [do.After(0.0, due)]
    assert connections(ours) == {ANN: Connection.RECONNECTING}


def test_link_that_is_replaced_is_not_shown_as_connected() -> None:
    ours = member(ANN)
    ours.mending.changed(changed(ANN, "connected"))
    ours.signaled(ANN, 2, OFFER)
    assert connections(ours) == {ANN: Connection.RECONNECTING}


def test_renewal_of_somebody_who_left_and_came_anew_is_not_due() -> None:
    ours = newcomer(ANN)
    ours.mending.changed(changed(ANN, "failed"))
    ours.remove(ANN)
    assert ours.mending.renewal_due(RenewalDue(ANN, 1)) == []


# -- what is shown


def test_cut_of_signaling_is_shown_over_a_link_that_holds() -> None:
    ours = newcomer(ANN)
    away = info(ANN, presence=Presence.RECONNECTING)
    ours.change(away)
    assert connections(ours) == {ANN: Connection.CONNECTING}
    ours.mending.changed(changed(ANN, "connected"))
    assert connections(ours) == {ANN: Connection.RECONNECTING}
    ours.change(info(ANN))
    assert connections(ours) == {ANN: Connection.CONNECTED}


def test_only_who_announced_a_microphone_speaks() -> None:
    ours = roster()
    heard = info(ANN, media=MediaState(microphone=True))
    ours.enter(joined(heard, BEN))
    speaking = [each.speaking for each in ours.participants(frozenset({ANN, BEN}))]
    assert speaking == [True, False]


def test_quality_is_the_one_measured_last() -> None:
    ours = newcomer(ANN)
    looked(ours, {ANN: Look(Quality.POOR)})
    looked(ours, {})
    assert [each.quality for each in ours.participants(NOBODY)] == [Quality.POOR]


# -- what is seen of a link


def looked(
    ours: Roster, looks: Mapping[ParticipantId, Look], *, asked: bool = True
) -> list[do.Effect]:
    """A second is over; what people show is sent to me, if it is ``asked`` for."""

    def sends(who: m.ParticipantInfo) -> bool:
        return asked and who.media != MediaState()

    return ours.mending.look(looks, sends)


TALKS = info(ANN, media=MediaState(microphone=True))


def silence(looks: int | None) -> dict[ParticipantId, Look]:
    return {ANN: Look(missed=looks)}


def standing(media: m.ParticipantInfo = TALKS) -> Roster:
    ours = roster()
    ours.enter(joined(media))
    ours.mending.changed(changed(ANN, "connected"))
    return ours


def test_link_through_which_nothing_comes_is_shaken_before_the_browser_says_so() -> (
    None
):
    ours = standing()
    assert looked(ours, silence(1)) == []
    assert looked(ours, silence(2)) == [do.After(2.0, RecoveryDue(ANN, 1, 2))]
    assert connections(ours) == {ANN: Connection.RECONNECTING}
    assert looked(ours, silence(3)) == []
    assert looked(ours, silence(0)) == []
    assert connections(ours) == {ANN: Connection.CONNECTED}
    assert ours.mending.due(RecoveryDue(ANN, 1, 2)) == []


@pytest.mark.parametrize(
    ("asked", "media", "patience"),
    [
        (True, MediaState(), 8),
        (True, MediaState(microphone=True), 2),
        (True, MediaState(camera=True), 2),
        (True, MediaState(screen=True), 2),
        (False, MediaState(camera=True), 8),
    ],
)
def test_somebody_who_sends_nothing_may_be_quiet_for_longer(
    asked: bool, media: MediaState, patience: int
) -> None:
    ours = standing(info(ANN, media=media))
    for missed in range(1, patience):
        assert looked(ours, silence(missed), asked=asked) == []
    assert looked(ours, silence(patience), asked=asked) != []


def test_what_was_asked_for_just_now_need_not_be_there_yet() -> None:
    ours = standing()
    for missed in range(5):
        assert looked(ours, silence(missed), asked=False) == []
    assert looked(ours, silence(5)) == []
    assert looked(ours, silence(6)) != []


def test_platform_that_cannot_tell_silence_shakes_nothing() -> None:
    ours = standing()
    for _ in range(20):
        assert looked(ours, silence(None)) == []
    assert connections(ours) == {ANN: Connection.CONNECTED}


def test_restart_after_which_something_comes_has_helped() -> None:
    ours = standing()
    ours.mending.changed(changed(ANN, "failed"))
    looked(ours, silence(0))
    assert connections(ours) == {ANN: Connection.CONNECTED}
    assert ours.mending.due(RecoveryDue(ANN, 1, 2)) == []


def told(ours: Roster) -> tuple[Reach, Attempt]:
    (report,) = ours.reports
    return report.state, report.trying


@pytest.mark.parametrize(
    ("servers", "way", "anew"),
    [
        (ICE, Attempt.WAY, Attempt.ANEW),
        (OTHER_ICE, Attempt.RELAY, Attempt.RELAY),
    ],
)
def test_what_is_tried_is_told_step_by_step(
    servers: tuple[m.IceServer, ...], way: Attempt, anew: Attempt
) -> None:
    ours = newcomer(ANN)
    ours.use(servers)
    trail = [told(ours)]
    for _ in range(4):
        looked(ours, {})
    trail.append(told(ours))
    for state in ("connected", "disconnected"):
        ours.mending.changed(changed(ANN, state))
        trail.append(told(ours))
    ours.mending.due(RecoveryDue(ANN, 1, 2))
    trail.append(told(ours))
    ours.mending.due(RecoveryDue(ANN, 1, 3))
    trail.append(told(ours))
    ours.mending.renewal_due(RenewalDue(ANN, 1))
    trail.append(told(ours))
    ours.mending.changed(changed(ANN, "failed", 2))
    trail.append(told(ours))
    ours.mending.renewal_due(RenewalDue(ANN, 2))
    ours.mending.changed(changed(ANN, "connected", 3))
    trail.append(told(ours))
    assert trail == [
        (Reach.CONNECTING, Attempt.NOTHING),
        (Reach.CONNECTING, way),
        (Reach.CONNECTED, Attempt.NOTHING),
        (Reach.RECONNECTING, Attempt.WAIT),
        (Reach.RECONNECTING, way),
        (Reach.RECONNECTING, anew),
        (Reach.RECONNECTING, anew),
        (Reach.UNREACHABLE, anew),
        (Reach.CONNECTED, Attempt.NOTHING),
    ]
    (shown,) = ours.participants(NOBODY)
    assert shown.attempt is Attempt.NOTHING


def test_way_that_a_link_takes_is_told_while_it_stands() -> None:
    ours = standing()
    looked(ours, {ANN: Look(connection="relay", transport="tls")})
    (report,) = ours.reports
    assert (report.connection, report.transport) == ("relay", "tls")
    ours.mending.changed(changed(ANN, "disconnected"))
    (report,) = ours.reports
    assert (report.connection, report.transport) == ("unknown", "unknown")


def causes(ours: Roster) -> list[Cause]:
    return [each.cause for each in ours.participants(NOBODY)]


def test_moment_of_weakness_needs_no_reason() -> None:
    ours = standing()
    ours.mending.changed(changed(ANN, "disconnected"))
    assert causes(ours) == [Cause.NONE]


def test_link_that_failed_has_the_reason_that_its_end_knows() -> None:
    ours = newcomer(ANN)
    ours.mending.changed(changed(ANN, "failed"))
    assert causes(ours) == [Cause.NO_RELAY]
    ours.use(OTHER_ICE)
    assert causes(ours) == [Cause.NONE]  # nothing was gathered from these yet
    stale = PeerGathered(ANN, 2, Gathered(finished=True))
    ours.gathered(stale)
    assert causes(ours) == [Cause.NONE]
    ours.gathered(PeerGathered(ANN, 1, Gathered(refused=frozenset({401}))))
    assert causes(ours) == [Cause.RELAY_REFUSED]
    ours.mending.renewal_due(RenewalDue(ANN, 1))
    assert causes(ours) == [Cause.RELAY_REFUSED]  # until this one knows better
    ours.gathered(PeerGathered(ANN, 2, Gathered(relays=frozenset({"udp"}))))
    assert causes(ours) == [Cause.NONE]
    ours.mending.changed(changed(ANN, "connected", 2))
    assert causes(ours) == [Cause.NONE]


def test_relay_that_doesn_t_answer_in_time_is_away() -> None:
    ours = newcomer(ANN)
    ours.use(OTHER_ICE)
    for _ in range(4):
        looked(ours, {})
    assert causes(ours) == [Cause.RELAY_AWAY]
    ours.mending.changed(changed(ANN, "failed"))
    ours.mending.renewal_due(RenewalDue(ANN, 1))
    assert causes(ours) == [Cause.RELAY_AWAY]


def test_first_connection_that_is_late_has_a_reason_too() -> None:
    ours = newcomer(ANN)
    for _ in range(3):
        looked(ours, {})
    assert causes(ours) == [Cause.NONE]
    looked(ours, {})
    assert causes(ours) == [Cause.NO_RELAY]


def test_who_is_away_is_the_reason_whatever_there_is_to_go_over() -> None:
    ours = standing()
    ours.change(info(ANN, presence=Presence.RECONNECTING))
    assert causes(ours) == [Cause.CUT]
    ours.mending.changed(changed(ANN, "disconnected"))
    assert causes(ours) == [Cause.AWAY]
    assert ours.away == {ANN}
