"""Doors, hosts and what they ask: a session's side of it."""

from dataclasses import replace

import pytest

from client_py.core import effect as do, event as e
from client_py.core.session import Session
from client_py.core.slot import Slot
from client_py.core.state import NoticeKind, Phase, Problem, SourceState
from protocol import messages as m
from protocol.codes import CloseCode, ErrorCode, Role, Wish
from tests.unit.people import ANN, BEN, CAT, ME, info, joined

QUEUE = m.Waiting((m.Newcomer(CAT, "Cat"),))


def session(*events: e.Event) -> Session:
    made = Session(lambda: 0.5, "test")
    for event in (e.EnterLobby("room"), e.Join("Me"), e.Admitted("token"), *events):
        made.handle(event)
    return made


def inside(role: Role, *events: e.Event) -> Session:
    ann = info(ANN, role=Role.HOST)
    room = replace(joined(ann, BEN), role=role, door=m.Door(waiting_room=True))
    return session(e.Heard(room), *events)


def notices(ours: Session) -> list[tuple[NoticeKind, str]]:
    return [(each.kind, each.subject) for each in ours.snapshot.notices]


# -- a passcode


def test_a_passcode_goes_with_every_knock() -> None:
    ours = Session(lambda: 0.5)
    ours.handle(e.EnterLobby("room"))
    assert ours.handle(e.Join("Me", "sesam")) == [do.Connect("room", "sesam")]
    (after,) = ours.handle(e.AdmissionFailed(Problem.SERVER_UNREACHABLE))
    assert isinstance(after, do.After)
    assert ours.handle(after.event) == [do.Connect("room", "sesam")]


@pytest.mark.parametrize(
    "problem",
    [Problem.PASSCODE_REQUIRED, Problem.PASSCODE_WRONG, Problem.TOO_MANY],
)
def test_a_missing_passcode_is_asked_for_in_the_lobby(problem: Problem) -> None:
    ours = Session(lambda: 0.5)
    ours.handle(e.EnterLobby("room"))
    ours.handle(e.Join("Me", "wrong"))
    assert ours.handle(e.AdmissionFailed(problem)) == [do.Disconnect()]
    shown = ours.snapshot
    assert (shown.phase, shown.problem) == (Phase.LOBBY, problem)
    # what was wrong isn't sent again by itself
    assert ours.handle(e.Join("Me")) == [do.Connect("room")]
    assert ours.snapshot.problem is Problem.NONE


def test_another_room_is_not_told_the_passcode_of_this_one() -> None:
    ours = Session(lambda: 0.5)
    ours.handle(e.EnterLobby("room"))
    ours.handle(e.Join("Me", "sesam"))
    ours.handle(e.EnterLobby("other"))
    assert ours.handle(e.Join("Me")) == [do.Connect("other")]


def test_a_passcode_is_in_no_snapshot() -> None:
    ours = Session(lambda: 0.5)
    ours.handle(e.EnterLobby("room"))
    ours.handle(e.Join("Me", "sesam"))
    assert "sesam" not in repr(ours.snapshot)


# -- before the door


def test_whoever_waits_is_shown_so_until_they_are_in() -> None:
    ours = session(e.Heard(QUEUE))
    assert ours.snapshot.phase is Phase.WAITING
    assert ours.snapshot.waiting == ()  # the list is for hosts
    ours.handle(e.Heard(joined(ANN)))
    assert ours.snapshot.phase is Phase.JOINED


def test_waiting_goes_on_after_a_cut() -> None:
    ours = session(e.Heard(QUEUE))
    (after,) = ours.handle(e.SocketClosed(1006))
    assert ours.snapshot.phase is Phase.JOINING
    assert isinstance(after, do.After)
    assert ours.handle(after.event) == [do.Connect("room")]
    ours.handle(e.Admitted("token"))
    ours.handle(e.Heard(QUEUE))
    assert ours.snapshot.phase is Phase.WAITING


def test_giving_up_waiting_tells_the_server() -> None:
    ours = session(e.Heard(QUEUE))
    assert ours.handle(e.Leave()) == [do.Send(m.Leave()), do.Disconnect()]
    assert ours.snapshot.phase is Phase.LOBBY


def test_who_comes_back_too_late_waits_and_has_left_everyone() -> None:
    ours = inside(Role.MEMBER, e.SocketClosed(1006), e.Admitted("token"))
    effects = ours.handle(e.Heard(QUEUE))
    assert effects == [do.ClosePeer(ANN), do.ClosePeer(BEN)]
    shown = ours.snapshot
    assert (shown.phase, shown.participants) == (Phase.WAITING, ())


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        (ErrorCode.LOCKED, Problem.LOCKED),
        (ErrorCode.NOT_ADMITTED, Problem.REFUSED),
        (ErrorCode.REMOVED, Problem.REMOVED),
        (ErrorCode.BANNED, Problem.BANNED),
    ],
)
def test_a_closed_door_is_told_by_its_name(code: ErrorCode, problem: Problem) -> None:
    for before in ((), (e.Heard(QUEUE),)):
        ours = session(*before, e.Heard(m.Failed(code, "no", "hello")))
        ours.handle(e.SocketClosed(CloseCode.REFUSED))
        assert (ours.snapshot.phase, ours.snapshot.problem) == (Phase.FAILED, problem)


# -- taken out


@pytest.mark.parametrize(
    ("code", "phase", "problem"),
    [
        (ErrorCode.REMOVED, Phase.LEFT, Problem.REMOVED),
        (ErrorCode.BANNED, Phase.FAILED, Problem.BANNED),
    ],
)
def test_who_is_taken_out_closes_everything(
    code: ErrorCode, phase: Phase, problem: Problem
) -> None:
    ours = inside(Role.MEMBER)
    effects = ours.handle(e.Heard(m.Failed(code, "out")))
    assert effects == [do.ClosePeer(ANN), do.ClosePeer(BEN), do.Disconnect()]
    ours.handle(e.SocketClosed(CloseCode.REFUSED))
    assert (ours.snapshot.phase, ours.snapshot.problem) == (phase, problem)


# -- what a host asks of me


def test_a_hosts_mute_is_done_announced_and_told() -> None:
    mic = Slot.MICROPHONE
    ours = inside(Role.MEMBER, e.TurnOn(mic), e.SourceStarted(mic, (mic,)))
    assert ours.handle(e.Heard(m.Asked(ANN, Wish.MUTE))) == [
        do.Unpublish(mic),
        do.Send(m.SetMedia(m.MediaState())),
    ]
    assert ours.snapshot.microphone.state is SourceState.MUTED
    assert notices(ours) == [(NoticeKind.MUTED, "Ann")]
    # and it is mine to undo, nobody else's
    assert do.Publish(mic) in ours.handle(e.TurnOn(mic))


def test_a_share_is_stopped_and_told() -> None:
    screen = Slot.SCREEN
    ours = inside(Role.MEMBER, e.TurnOn(screen), e.SourceStarted(screen, (screen,)))
    effects = ours.handle(e.Heard(m.Asked(ANN, Wish.STOP_SHARE)))
    assert do.StopSource(screen) in effects
    assert notices(ours) == [(NoticeKind.SHARE_STOPPED, "Ann")]


def test_nothing_is_told_of_a_mute_that_changes_nothing() -> None:
    ours = inside(Role.MEMBER)
    assert ours.handle(e.Heard(m.Asked(ANN, Wish.MUTE))) == []
    assert notices(ours) == []


# -- my role


def test_a_member_asks_for_nothing_that_is_a_hosts() -> None:
    ours = inside(Role.MEMBER)
    assert ours.handle(e.Moderate(m.Lock(True))) == []
    assert ours.handle(e.Moderate(m.Remove(BEN))) == []


def test_a_host_asks_the_server() -> None:
    ours = inside(Role.HOST)
    assert ours.handle(e.Moderate(m.Remove(BEN))) == [do.Send(m.Remove(BEN))]
    ours.handle(e.SocketClosed(1006))
    assert ours.handle(e.Moderate(m.Remove(BEN))) == []  # not minutes later


def test_whoever_becomes_host_is_told_and_shown_so() -> None:
    ours = inside(Role.MEMBER)
    ours.handle(e.Heard(m.ParticipantChanged(info(ME, role=Role.HOST))))
    ours.handle(e.Heard(QUEUE))
    shown = ours.snapshot
    assert shown.role is shown.participants[0].role is Role.HOST
    assert shown.waiting == QUEUE.people
    assert notices(ours) == [(NoticeKind.HOST, ""), (NoticeKind.WAITING, "Cat")]


def test_whoever_is_host_no_longer_sees_nobody_wait() -> None:
    ours = inside(Role.HOST, e.Heard(QUEUE))
    ours.handle(e.Heard(m.ParticipantChanged(info(ME))))
    assert (ours.snapshot.role, ours.snapshot.waiting) == (Role.MEMBER, ())


def test_each_newcomer_is_told_once_and_by_their_id() -> None:
    ours = inside(Role.HOST, e.Heard(QUEUE), e.Heard(QUEUE))
    both = m.Waiting((*QUEUE.people, m.Newcomer(ME, "Dan")))
    ours.handle(e.Heard(both))
    told = [(each.subject, each.detail) for each in ours.snapshot.notices]
    assert told == [("Cat", CAT), ("Dan", ME)]


def test_the_door_is_shown_as_it_is() -> None:
    ours = inside(Role.MEMBER)
    assert ours.snapshot.door == m.Door(waiting_room=True)
    ours.handle(e.Heard(m.RoomChanged(m.Door(locked=True))))
    assert ours.snapshot.door == m.Door(locked=True)


def test_the_others_roles_are_shown() -> None:
    roles = [each.role for each in inside(Role.MEMBER).snapshot.participants]
    assert roles == [Role.MEMBER, Role.HOST, Role.MEMBER]
