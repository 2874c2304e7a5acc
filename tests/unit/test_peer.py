"""Two ends over fake connections; the test carries the words between them."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random

import pytest

from client_py.core.effect import OpenPeer
from client_py.core.encoding import CAMERA, SCREEN as SCREENS
from client_py.core.event import (
    PeerChanged,
    PeerGathered,
    PeerHinted,
    PeerSaid,
    PeerSecured,
)
from client_py.core.peer import Peer
from client_py.core.ports import CandidateRefused, LinkStats, RelayGathered, Track
from client_py.core.recovery import FIRST
from client_py.core.sending import SMALL
from client_py.core.slot import Slot
from client_py.core.uplink import Shape
from client_py.core.verdict import Gathered
from protocol.messages import (
    Candidate,
    Description,
    Hint,
    ParticipantId,
    Pausing,
    PeerMessage,
    Watching,
)
from tests.contract.fakes import FakeNetwork, FakeTrack
from tests.unit.clock import timeless
from tests.unit.people import ANN, BEN, ICE

MIC, CAM, SCREEN, AUDIO = Slot
WHOLE = {Slot.CAMERA: Shape().camera, Slot.SCREEN: Shape().screen}
STABLE, OFFERED, ASKED = "stable", "have-local-offer", "have-remote-offer"


async def turns(count: int = 30) -> None:
    """Let the loop turn: all that fakes do takes turns, never time."""
    for _ in range(count):
        await asyncio.sleep(0)


class End:
    """One end of a link, and what it said and showed."""

    def __init__(
        self,
        network: FakeNetwork,
        other: ParticipantId,
        *,
        initiator: bool,
        tracks: Mapping[Slot, Track] | None = None,
    ) -> None:
        self.said: list[PeerMessage] = []
        self.changes: list[str] = []
        self.gathered: list[Gathered] = []
        self.hints: list[Hint] = []
        self.played: list[tuple[ParticipantId, Slot]] = []
        link = OpenPeer(other, 7, initiator, ICE)
        self.peer = Peer(link, network, tracks or {}, self._post, self._play)
        self.pc = network.connections[-1]
        self.task = asyncio.create_task(self.peer.run())
        self._other = other
        self._carried = 0

    @property
    def words(self) -> list[str]:
        """What it said: kinds of descriptions, and candidates."""
        return [
            each.kind if isinstance(each, Description) else type(each).__name__
            for each in self.said
        ]

    def fresh(self) -> list[PeerMessage]:
        """Return what it said since this was asked last."""
        fresh = self.said[self._carried :]
        self._carried = len(self.said)
        return fresh

    def _post(
        self, event: PeerSaid | PeerChanged | PeerSecured | PeerGathered | PeerHinted
    ) -> None:
        assert (event.participant, event.generation) == (self._other, 7)
        match event:
            case PeerSaid():
                self.said.append(event.message)
            case PeerChanged():
                self.changes.append(event.state)
            case PeerGathered():
                self.gathered.append(event.gathered)
            case PeerHinted():
                self.hints.append(event.hint)

    def _play(self, who: ParticipantId, slot: Slot, track: Track) -> None:
        self.played.append((who, slot))


class Link:
    """A newcomer, who offers, and a member."""

    def __init__(self, network: FakeNetwork) -> None:
        self.network = network
        self.newcomer = End(network, BEN, initiator=True)
        self.member = End(network, ANN, initiator=False)

    @property
    def ends(self) -> tuple[End, End]:
        return self.newcomer, self.member

    async def carry(self) -> None:
        """Carry all words to and fro until nobody has any left."""
        await turns()
        while messages := [end.fresh() for end in self.ends]:
            if not any(messages):
                return
            for end, fresh in zip(reversed(self.ends), messages, strict=True):
                for message in fresh:
                    end.peer.deliver(message)
            await turns()

    def forget(self) -> None:
        """Begin the trails anew."""
        for end in self.ends:
            del end.pc.trail[:-1]
            del end.said[:], end.changes[:]
            end.fresh()


@asynccontextmanager
async def link(network: FakeNetwork | None = None) -> AsyncIterator[Link]:
    made = Link(network or FakeNetwork())
    try:
        yield made
    finally:
        for end in made.ends:
            end.task.cancel()
        await asyncio.wait([end.task for end in made.ends])


@asynccontextmanager
async def connected(network: FakeNetwork | None = None) -> AsyncIterator[Link]:
    async with link(network) as made:
        await made.carry()
        made.forget()
        yield made


# -- the first exchange


async def test_newcomer_offers_and_member_answers() -> None:
    async with link() as pair:
        await pair.carry()
        newcomer, member = pair.ends
        assert newcomer.pc.trail == [STABLE, OFFERED, STABLE]
        assert member.pc.trail == [STABLE, ASKED, STABLE]
        assert newcomer.words == ["offer", *["Candidate"] * 3]
        assert member.words == ["answer", *["Candidate"] * 3]
        assert newcomer.changes == ["connecting", "connected"]
        assert member.changes == ["connecting", "connected"]


async def test_member_alone_says_nothing() -> None:
    async with link() as pair:
        await turns()
        assert pair.member.said == []
        assert pair.member.pc.trail == [STABLE]


async def test_tracks_of_every_slot_are_played() -> None:
    async with link() as pair:
        await pair.carry()
        assert pair.newcomer.played == [(BEN, slot) for slot in Slot]
        assert pair.member.played == [(ANN, slot) for slot in Slot]


async def test_connection_is_made_with_the_ice_servers_of_the_room() -> None:
    async with link() as pair:
        assert [end.pc.ice_servers for end in pair.ends] == [ICE, ICE]


async def test_second_exchange_goes_either_way() -> None:
    async with connected() as pair:
        pair.newcomer.pc.need_negotiation()
        await pair.carry()
        assert pair.newcomer.pc.trail == [STABLE, OFFERED, STABLE]
        assert pair.member.pc.trail == [STABLE, ASKED, STABLE]
        pair.forget()
        pair.member.pc.need_negotiation()
        await pair.carry()
        assert pair.member.pc.trail == [STABLE, OFFERED, STABLE]
        assert pair.newcomer.pc.trail == [STABLE, ASKED, STABLE]


async def test_need_in_the_middle_of_an_exchange_waits_for_its_end() -> None:
    async with link() as pair:
        await turns()
        pair.newcomer.pc.need_negotiation()
        pair.newcomer.pc.restart_ice()
        await turns()
        assert pair.newcomer.words[0] == "offer"
        assert "offer" not in pair.newcomer.words[1:]


# -- glare


async def test_polite_end_rolls_back_and_impolite_end_stands() -> None:
    async with connected() as pair:
        newcomer, member = pair.ends
        newcomer.pc.restart_ice()
        member.pc.restart_ice()
        await turns()
        assert [newcomer.words[0], member.words[0]] == ["offer", "offer"]
        await pair.carry()
        assert newcomer.pc.trail == [STABLE, OFFERED, STABLE, ASKED, STABLE]
        assert member.pc.trail == [
            *(STABLE, OFFERED),
            *(STABLE, ASKED, STABLE),  # rolled back, answered
            *(OFFERED, STABLE),  # and what it wanted, in its turn
        ]
        assert [newcomer.changes, member.changes] == [[], []]


async def test_candidates_of_an_ignored_offer_are_swallowed(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO, "tertulia.peer")
    async with connected() as pair:
        newcomer, member = pair.ends
        newcomer.pc.restart_ice()
        member.pc.restart_ice()
        await turns()
        ignored = member.fresh()
        assert [type(each) for each in ignored] == [Description, *[Candidate] * 3]
        for message in ignored:
            newcomer.peer.deliver(message)
        await turns()
        assert newcomer.pc.trail == [STABLE, OFFERED]
        assert newcomer.changes == []
        assert caplog.records == []


async def test_end_without_rollback_fails_and_says_so() -> None:
    async with connected(FakeNetwork(rollback=False)) as pair:
        for end in pair.ends:
            end.pc.need_negotiation()
        await pair.carry()
        assert pair.member.changes == ["failed"]


# -- strays


async def test_answer_that_nobody_waits_for_is_dropped() -> None:
    async with connected() as pair:
        stray = Description("answer", '{"ufrag": "9.9", "answers": 9}')
        for end in pair.ends:
            end.peer.deliver(stray)
        await turns()
        assert [end.pc.trail for end in pair.ends] == [[STABLE], [STABLE]]
        assert [end.changes for end in pair.ends] == [[], []]


async def test_answer_to_an_offer_that_was_rolled_back_is_dropped() -> None:
    async with connected() as pair:
        newcomer, member = pair.ends
        member.pc.need_negotiation()
        newcomer.pc.need_negotiation()
        await turns()
        (late,) = member.fresh()
        assert isinstance(late, Description)
        for message in newcomer.fresh():
            member.peer.deliver(message)
        await turns()  # rolled back and answered; its own offer is made again
        assert member.words == ["offer", "answer", "offer"]
        offer = json.loads(newcomer.said[0].sdp)  # type: ignore[union-attr]
        assert offer["offer"] == 1
        assert member.changes == []


@pytest.mark.parametrize(
    "candidate",
    [
        Candidate("no candidate at all"),
        Candidate("candidate:1", username_fragment="another"),
    ],
)
async def test_candidate_that_is_refused_costs_itself_alone(
    candidate: Candidate, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "tertulia.peer")
    async with connected() as pair:
        pair.member.peer.deliver(candidate)
        await turns()
        assert pair.member.changes == []
        assert len(caplog.records) == 1
        assert candidate.candidate not in caplog.text  # it is an address


async def test_candidate_before_any_offer_costs_itself_alone() -> None:
    async with link() as pair:
        pair.member.peer.deliver(Candidate("candidate:1"))
        await pair.carry()
        assert pair.member.changes == ["connecting", "connected"]


# -- failure


@pytest.mark.parametrize(
    "description",
    [
        Description("offer", "no description"),
        Description("offer", '{"ufrag": "0.0", "kinds": []}'),
    ],
)
async def test_offer_that_is_refused_is_a_failure_of_the_link(
    description: Description,
) -> None:
    async with connected() as pair:
        pair.member.peer.deliver(description)
        await turns()
        assert pair.member.changes == ["failed"]
        assert not pair.member.task.done()  # the roster decides what follows


@pytest.mark.parametrize(
    ("operation", "failed"),
    [
        ("set_local_description", [True, False]),
        ("set_remote_description", [False, True]),
    ],
)
async def test_refused_step_is_a_failure_of_the_link(
    operation: str, failed: list[bool]
) -> None:
    network = FakeNetwork()
    network.refuse.append(operation)
    async with link(network) as pair:
        await pair.carry()
        assert ["failed" in end.changes for end in pair.ends] == failed


async def test_states_of_the_connection_are_told_as_they_come() -> None:
    async with connected() as pair:
        for state in ("disconnected", "connected", "failed"):
            pair.newcomer.pc.change_connection(state)
        await turns()
        assert pair.newcomer.changes == ["disconnected", "connected", "failed"]


@timeless
async def test_offer_that_nobody_answers_is_a_failure_in_the_end() -> None:
    async with link() as pair:
        await asyncio.sleep(FIRST - 1)
        assert [end.changes for end in pair.ends] == [[], []]
        await asyncio.sleep(2)
        assert [end.changes for end in pair.ends] == [["failed"], []]


@timeless
async def test_link_that_came_about_may_last() -> None:
    async with connected() as pair:
        await asyncio.sleep(10 * FIRST)
        assert [end.changes for end in pair.ends] == [[], []]


@timeless
async def test_link_that_was_taken_down_is_not_missed() -> None:
    async with link() as pair:
        pair.newcomer.peer.close()
        await asyncio.sleep(10 * FIRST)
        assert pair.newcomer.changes == []


@timeless
async def test_picture_is_small_until_the_connection_stood_for_a_moment() -> None:
    async with link() as pair:
        await asyncio.sleep(2 * SMALL)
        assert [end.pc.shapes for end in pair.ends] == [{}, {}]
    async with connected() as pair:
        await asyncio.sleep(SMALL / 2)
        assert [end.pc.shapes for end in pair.ends] == [{}, {}]
        await asyncio.sleep(SMALL)
        assert [end.pc.shapes for end in pair.ends] == [WHOLE, WHOLE]


@timeless
async def test_picture_of_a_link_that_was_taken_down_grows_no_more() -> None:
    async with connected() as pair:
        pair.newcomer.peer.close()
        await asyncio.sleep(2 * SMALL)
        assert [end.pc.shapes for end in pair.ends] == [{}, WHOLE]


@timeless
async def test_shape_is_taken_once_the_first_pictures_have_grown() -> None:
    small = Shape(CAMERA[0], SCREENS[0])
    async with connected() as pair:
        pair.newcomer.peer.shape(small)
        await asyncio.sleep(SMALL / 2)
        assert pair.newcomer.pc.shapes == {}
        await asyncio.sleep(SMALL)
        assert pair.newcomer.pc.shapes == {
            Slot.CAMERA: CAMERA[0],
            Slot.SCREEN: SCREENS[0],
        }
        pair.newcomer.peer.shape(Shape())
        await turns()
        assert pair.newcomer.pc.shapes == WHOLE


@timeless
async def test_another_picture_is_shaped_anew_for_it_has_a_size_of_its_own() -> None:
    async with connected() as pair:
        await asyncio.sleep(2 * SMALL)
        for slot, shaped in ((CAM, WHOLE), (SCREEN, WHOLE), (MIC, {})):
            pair.newcomer.pc.shapes.clear()
            pair.newcomer.peer.replace_track(slot, FakeTrack("video", "another"))
            await turns()
            assert pair.newcomer.pc.shapes == shaped


async def test_hints_come_out_at_the_other_end() -> None:
    async with connected() as pair:
        pair.newcomer.peer.tell(Watching(180, 0))
        pair.newcomer.peer.tell(Pausing(True))
        await pair.carry()
        assert pair.member.hints == [Watching(180, 0), Pausing(True)]
        assert pair.newcomer.hints == []


# -- the end


async def test_cancelled_task_closes_the_connection() -> None:
    async with connected() as pair:
        pair.newcomer.task.cancel()
        await asyncio.wait([pair.newcomer.task])
        assert pair.newcomer.pc.trail == [STABLE, "closed"]
        await turns()
        assert pair.newcomer.changes == []
        assert pair.member.changes == ["disconnected"]


async def test_peer_that_never_ran_is_closed_all_the_same() -> None:
    async with link() as pair:
        for end in pair.ends:
            end.task.cancel()
            end.peer.close()
            end.peer.close()
        await asyncio.wait([end.task for end in pair.ends])
        assert [end.pc.trail for end in pair.ends] == [[STABLE, "closed"]] * 2
        assert [end.said for end in pair.ends] == [[], []]


async def test_peer_is_cancelled_in_the_middle_of_a_step() -> None:
    async with link(FakeNetwork(turns=iter(lambda: 5, None))) as pair:
        await turns(3)
        pair.newcomer.task.cancel()
        await asyncio.wait([pair.newcomer.task])
        assert pair.newcomer.pc.trail == [STABLE, "closed"]
        assert pair.newcomer.said == []


# -- tracks


async def test_tracks_that_are_open_are_sent_from_the_start() -> None:
    network = FakeNetwork()
    camera = FakeTrack("video", "ann")
    for initiator in (True, False):
        end = End(network, BEN, initiator=initiator, tracks={CAM: camera})
        await turns()
        assert end.pc.sending == {CAM: camera}
        end.task.cancel()


async def test_track_is_replaced_before_and_after_the_exchange() -> None:
    async with link() as pair:
        one, two = FakeTrack("audio", "one"), FakeTrack("audio", "two")
        pair.member.peer.replace_track(MIC, one)
        await pair.carry()
        assert pair.member.pc.sending == {MIC: one}
        pair.forget()
        pair.member.peer.replace_track(MIC, two)
        await pair.carry()
        assert pair.member.pc.sending == {MIC: two}
        pair.member.peer.replace_track(MIC, None)
        await pair.carry()
        assert pair.member.pc.sending == {}
        assert [end.said for end in pair.ends] == [[], []]  # nothing renegotiates
        assert [end.pc.trail for end in pair.ends] == [[STABLE], [STABLE]]


async def test_last_of_many_replacements_is_sent() -> None:
    turns_taken: Iterator[int] = iter(Random(1).choices(range(4), k=100))
    async with link(FakeNetwork(turns=turns_taken)) as pair:
        tracks = [FakeTrack("video", str(number)) for number in range(6)]
        for track in tracks:
            pair.newcomer.peer.replace_track(SCREEN, None)
            pair.newcomer.peer.replace_track(SCREEN, track)
        await pair.carry()
        assert pair.newcomer.pc.sending == {SCREEN: tracks[-1]}


async def test_what_is_measured_comes_from_the_connection() -> None:
    async with connected() as pair:
        pair.newcomer.pc.levels[MIC] = 0.25
        pair.newcomer.pc.stats = LinkStats(1.0, packets_received=5)
        assert await pair.newcomer.peer.audio_level() == 0.25
        assert await pair.newcomer.peer.get_stats() == LinkStats(1.0, 5)


# -- any order


async def carry_slowly(random: Random, sender: End, taker: End) -> None:
    """Carry words one way, in order, each as late as it likes."""
    while True:
        for message in sender.fresh():
            await turns(random.randrange(8))
            taker.peer.deliver(message)
        await turns(1)


async def disturb(link: Link, random: Random) -> None:
    """Do what people and networks do, at any time."""
    for _ in range(random.randrange(2, 9)):
        await turns(random.randrange(25))
        end = random.choice(link.ends)
        match random.randrange(4):
            case 0 if end.pc.remote_tracks:
                end.pc.restart_ice()
            case 1 if end.pc.remote_tracks:
                end.pc.need_negotiation()
            case _:
                track = random.choice([None, FakeTrack("video", "any")])
                end.peer.replace_track(random.choice([CAM, SCREEN]), track)


def at_rest(link: Link) -> bool:
    return all(
        end.pc.signaling_state == STABLE and end.changes[-1:] == ["connected"]
        for end in link.ends
    )


@pytest.mark.parametrize("seed", range(200))
async def test_any_order_of_words_comes_to_rest(seed: int) -> None:
    random = Random(seed)
    network = FakeNetwork(turns=iter(lambda: random.randrange(4), None))
    async with link(network) as pair:
        newcomer, member = pair.ends
        tasks = [
            asyncio.create_task(work)
            for work in (
                carry_slowly(random, newcomer, member),
                carry_slowly(random, member, newcomer),
                disturb(pair, random),
            )
        ]
        await tasks[-1]
        for _ in range(100):
            said = [len(end.said) for end in pair.ends]
            await turns(60)  # longer than anything waits
            if at_rest(pair) and said == [len(end.said) for end in pair.ends]:
                break
        for task in tasks:
            task.cancel()
        assert [end.pc.signaling_state for end in pair.ends] == [STABLE, STABLE]
        assert "failed" not in newcomer.changes + member.changes
        assert at_rest(pair)


async def test_new_ice_servers_reach_the_connection() -> None:
    ann = End(FakeNetwork(), BEN, initiator=True)
    assert ann.pc.ice_servers == ICE
    ann.peer.use_servers(())
    assert ann.pc.ice_servers == ()
    ann.task.cancel()
    await turns()


# -- ways out


async def test_what_is_gathered_is_told_once_it_is_news() -> None:
    async with connected() as pair:
        end = pair.newcomer
        assert end.gathered == [Gathered(finished=True)]
        for event in (
            RelayGathered("tcp"),
            RelayGathered("tcp"),
            CandidateRefused("stun:stun.example", 701),
            CandidateRefused("turn:turn.example", 401),
        ):
            end.pc.tell(event)
        await turns()
        relay = Gathered(frozenset({"tcp"}), finished=True)
        assert end.gathered[1:] == [relay, replace(relay, refused=frozenset({401}))]
