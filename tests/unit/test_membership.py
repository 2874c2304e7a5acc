import pytest

from client_py.core import effect as do
from client_py.core.event import RetryDue
from client_py.core.membership import Membership
from client_py.core.state import TRANSITIONS, Phase, Problem

LOBBY, JOINING, WAITING, JOINED, RECONNECTING, LEFT, FAILED = Phase

PATHS: dict[Phase, list[Phase]] = {
    LOBBY: [],
    JOINING: [JOINING],
    WAITING: [JOINING, WAITING],
    JOINED: [JOINING, JOINED],
    RECONNECTING: [JOINING, JOINED, RECONNECTING],
    LEFT: [JOINING, JOINED, LEFT],
    FAILED: [JOINING, FAILED],
}


def member(phase: Phase = LOBBY, random: float = 0.5) -> Membership:
    """Return a membership that came to a phase as the table allows."""
    made = Membership(lambda: random)
    made.room = "room"
    for step in PATHS[phase]:
        made.go(step)
    return made


@pytest.mark.parametrize("after", list(Phase))
@pytest.mark.parametrize("before", list(Phase))
def test_phases_follow_the_table_and_nothing_else(before: Phase, after: Phase) -> None:
    ours = member(before)
    if after is before or after in TRANSITIONS[before]:
        ours.go(after)
        assert ours.phase is after
    else:
        with pytest.raises(AssertionError, match=f"{before} -> {after}"):
            ours.go(after)
        assert ours.phase is before


def test_every_phase_can_be_reached_and_left() -> None:
    assert set(TRANSITIONS) == set(Phase)
    assert set().union(*TRANSITIONS.values()) == set(Phase)
    assert all(TRANSITIONS.values())


def test_inside_is_in_the_room_with_or_without_a_socket() -> None:
    assert {each for each in Phase if member(each).inside} == {JOINED, RECONNECTING}


def test_knocking_is_wanting_in() -> None:
    knocking = {each for each in Phase if member(each).knocking}
    assert knocking == {JOINING, WAITING, RECONNECTING}
    away = member(JOINING)
    away.go(FAILED, Problem.SERVER_UNREACHABLE)
    assert away.knocking


def test_problem_is_told_after_three_tries_and_knocking_goes_on() -> None:
    ours = member()
    assert ours.knock() == [do.Connect("room")]
    trail, delays = [], []
    for _ in range(9):
        (after,) = ours.retry()
        assert isinstance(after, do.After)
        assert isinstance(after.event, RetryDue)
        trail.append((ours.phase, ours.problem))
        delays.append(after.seconds)
        assert ours.retry_due(after.event.attempt) == [do.Connect("room")]
    assert (
        trail
        == [(JOINING, Problem.NONE)] * 2 + [(FAILED, Problem.SERVER_UNREACHABLE)] * 7
    )
    assert delays == [0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 5.0, 5.0]
    ours.enter()
    assert (ours.phase, ours.problem) == (JOINED, Problem.NONE)


def test_cut_is_mended_without_an_end_and_without_a_problem() -> None:
    ours = member(JOINED)
    for _ in range(20):
        ours.retry()
        assert (ours.phase, ours.problem) == (RECONNECTING, Problem.NONE)


def test_first_try_after_a_cut_is_at_once_again() -> None:
    ours = member()
    ours.knock()
    ours.retry()
    ours.retry()
    ours.enter()
    ours.settle()
    (after,) = ours.retry()
    assert isinstance(after, do.After)
    assert after.seconds == 0.0


def test_a_server_that_lets_me_in_and_closes_is_tried_less_and_less() -> None:
    ours = member()
    ours.knock()
    delays = []
    for let_in in (ours.enter, ours.stand_by) * 4:
        let_in()
        (after,) = ours.retry()
        assert isinstance(after, do.After)
        delays.append(after.seconds)
        ours.settle()  # too late: that connection is gone
    assert delays == [0.0, 0.125, 0.25, 0.5, 1.0, 2.0, 4.0, 5.0]


def test_overtaken_timer_does_nothing() -> None:
    ours = member()
    ours.knock()
    first, second = ours.retry()[0], ours.retry()[0]
    assert isinstance(first, do.After)
    assert isinstance(second, do.After)
    assert isinstance(first.event, RetryDue)
    assert isinstance(second.event, RetryDue)
    assert ours.retry_due(first.event.attempt) == []
    assert ours.retry_due(second.event.attempt) == [do.Connect("room")]


def test_timer_of_an_earlier_call_does_nothing_in_the_next() -> None:
    ours = member()
    ours.knock()
    (old,) = ours.retry()
    ours.go(LOBBY)
    ours.knock()
    ours.retry()
    assert isinstance(old, do.After)
    assert isinstance(old.event, RetryDue)
    assert ours.retry_due(old.event.attempt) == []


@pytest.mark.parametrize("phase", [LOBBY, JOINED, LEFT, FAILED])
def test_timer_does_nothing_once_i_do_not_want_in(phase: Phase) -> None:
    ours = member(phase)
    assert [ours.retry_due(attempt) for attempt in range(3)] == [[], [], []]


@pytest.mark.parametrize(
    ("asked", "waited"), [(3.0, 3.0), (0.0, 0.0), (-5.0, 0.0), (1e300, 60.0)]
)
def test_server_that_goes_away_is_left_alone_as_it_asks(
    asked: float, waited: float
) -> None:
    ours = member(JOINED)
    ours.wait(asked)
    delays = [
        each.seconds
        for _ in range(3)
        for each in ours.retry()
        if isinstance(each, do.After)
    ]
    assert delays == [waited, 0.125, 0.25]


def test_new_call_does_not_wait_for_the_server_of_the_old_one() -> None:
    ours = member(JOINED)
    ours.wait(30.0)
    ours.go(LEFT)
    ours.knock()
    assert ours.retry() == [do.After(0.0, RetryDue(2))]


def test_who_waits_to_knock_may_be_hurried_once() -> None:
    ours = member(JOINED)
    (timer,) = ours.retry()
    assert ours.hurry() == [do.Connect("room")]
    assert ours.hurry() == []
    assert isinstance(timer, do.After)
    assert isinstance(timer.event, RetryDue)
    assert ours.retry_due(timer.event.attempt) == []


@pytest.mark.parametrize("phase", list(Phase))
def test_a_try_that_may_be_stuck_is_begun_anew(phase: Phase) -> None:
    ours = member(phase)
    hurried = ours.hurry(anew=True)
    begun = dict.fromkeys((JOINING, RECONNECTING), [do.Connect("room")])
    assert hurried == {**begun, JOINED: [do.Probe()]}.get(phase, [])


@pytest.mark.parametrize("phase", list(Phase))
def test_who_does_not_wait_is_not_hurried(phase: Phase) -> None:
    looks = [do.Probe()] if phase is JOINED else []
    assert member(phase).hurry() == looks


def test_each_network_has_a_first_try_at_once() -> None:
    ours = member(JOINED)
    delays = []
    for anew in (False, False, True):  # each connection was cut before it had settled
        ours.hurry(anew=anew)
        (timer,) = ours.retry()
        assert isinstance(timer, do.After)
        delays.append(timer.seconds)
        ours.enter()
    assert delays == [0.0, 0.125, 0.0]
