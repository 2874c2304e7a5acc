"""Seats and lines, without any socket."""

import pytest
from guest import FakeClock, counting

from protocol import messages as m
from protocol.codes import VERSION, CloseCode, LeaveReason, Presence
from server.ice import RENEWAL
from server.outbox import MESSAGES
from server.rooms import Rooms
from server.switchboard import Seat, Switchboard
from server.tokens import Pass, Role
from server.wire import TO_CLIENT

ROOM = m.RoomId("the-room")


class FakeLine:
    """A connection whose other side reads only when the test does."""

    def __init__(self, heard_at: float) -> None:
        self.heard_at = heard_at
        self.closed: list[CloseCode] = []

    def ring(self) -> None:
        pass

    def close(self, code: CloseCode) -> None:
        self.closed.append(code)


class FakeJournal:
    """Remembers who came and who went."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []

    def came(self, participation):
        self.lines.append((participation.id, "came"))

    def went(self, participation, at, reason):
        self.lines.append((participation, reason))


class Board:
    """A switchboard and the people at it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.journal = FakeJournal()
        self.ice: tuple[m.IceServer, ...] = ()
        rooms = Rooms(counting(), lambda room, participant: self.ice)
        self.switchboard = Switchboard(rooms, self.journal, self.clock)

    def join(self, name: str, resume: str = "") -> tuple[Seat, FakeLine]:
        line = FakeLine(self.clock.monotonic())
        hello = m.Hello(VERSION, "", name, resume=resume)
        granted = Pass(name, ROOM, Role.MEMBER)
        return self.switchboard.admit(line, hello, granted), line

    def say(self, seat: Seat, message: m.ClientMessage) -> None:
        self.switchboard.heard(seat, seat.line, message)


@pytest.fixture
def board() -> Board:
    return Board()


def read(seat: Seat) -> list[m.ServerMessage]:
    found = []
    while letter := seat.outbox.first():
        found.append(TO_CLIENT.decode(letter.text))
        seat.outbox.sent(letter)
    return found


def secret(seat: Seat) -> str:
    (joined, *_) = read(seat)
    assert isinstance(joined, m.Joined)
    return joined.resume


def test_who_reads_too_slowly_is_cut_and_the_others_hear_it(board):
    (ana, _), (bo, line) = board.join("Ana"), board.join("Bo")
    read(ana)
    read(bo)
    for number in range(MESSAGES):
        board.say(ana, m.Signal(bo.participant, number, {}))
    assert line.closed == []
    board.say(ana, m.Signal(bo.participant, MESSAGES, {}))
    assert line.closed == [CloseCode.SLOW]
    (changed,) = read(ana)
    assert changed.participant.presence is Presence.RECONNECTING


def test_who_was_slow_with_answers_alone_comes_back_as_the_same(board):
    (ana, _), (bo, line) = board.join("Ana"), board.join("Bo")
    resume = secret(bo)
    board.say(ana, m.Signal(bo.participant, 1, {}))
    for number in range(MESSAGES):
        board.say(bo, m.Ping(number))
        if line.closed:
            break
    assert line.closed == [CloseCode.SLOW]
    back, _ = board.join("Bo", resume)
    assert back is bo
    joined, signaled = read(back)
    assert joined.resumed
    assert signaled == m.Signaled(ana.participant, 1, {})


def test_who_missed_more_than_is_kept_is_somebody_new(board):
    (ana, _), (bo, line) = board.join("Ana"), board.join("Bo")
    resume = secret(bo)
    board.switchboard.hung_up(bo, line, 1006)
    for number in range(MESSAGES + 1):
        board.say(ana, m.Signal(bo.participant, number, {}))
    read(ana)
    new, _ = board.join("Bo", resume)
    assert new.participant != bo.participant
    (joined,) = read(new)
    assert not joined.resumed
    left, came = read(ana)
    assert left == m.ParticipantLeft(bo.participant, LeaveReason.LOST)
    assert came.participant.id == new.participant
    assert board.journal.lines[-2:] == [
        (bo.participant, "lost"),
        (new.participant, "came"),
    ]


def test_a_room_can_end_while_somebody_does_not_read(board):
    (ana, _), (bo, line) = board.join("Ana"), board.join("Bo")
    for number in range(MESSAGES - 1):
        board.say(ana, m.Signal(bo.participant, number, {}))
    board.switchboard.end(ROOM)
    assert line.closed[-1] in (CloseCode.SLOW, CloseCode.REFUSED)
    assert board.switchboard.seats == 0
    assert [reason for _, reason in board.journal.lines[2:]] == ["ended", "ended"]


def test_a_line_that_lost_its_seat_has_no_say_any_more(board):
    (ana, old), (bo, _) = board.join("Ana"), board.join("Bo")
    board.join("Ana", secret(ana))
    read(bo)
    assert old.closed == [CloseCode.ELSEWHERE]
    board.switchboard.heard(ana, old, m.SetHand(True))
    board.switchboard.hung_up(ana, old, 1000)
    assert read(bo) == []


def test_who_is_gone_leaves_nothing_behind(board):
    seat, line = board.join("Ana")
    board.say(seat, m.Leave())
    board.switchboard.hung_up(seat, line, CloseCode.NORMAL)
    assert line.closed == [CloseCode.NORMAL]
    assert board.switchboard.seats == 0
    assert board.switchboard.rooms.find(ROOM) is None
    assert board.journal.lines == [
        (seat.participant, "came"),
        (seat.participant, "left"),
    ]


def test_silence_closes_and_the_grace_ends_the_stay(board):
    seat, line = board.join("Ana")
    board.clock.advance(30)
    board.switchboard.tick()
    assert line.closed == [CloseCode.SILENT]
    board.switchboard.hung_up(seat, line, CloseCode.SILENT)
    board.clock.advance(15)
    board.switchboard.tick()
    assert board.journal.lines[-1] == (seat.participant, "lost")
    assert board.switchboard.seats == 0


# -- credentials

TURN = m.IceServer(("turn:t.example",), "name", "word")


def test_new_credentials_come_once_and_not_too_soon(board):
    board.ice = (TURN,)
    ana, line = board.join("Ana")
    read(ana)
    wait(board, RENEWAL - 1, line)
    assert read(ana) == []
    wait(board, 1, line)
    assert read(ana) == [m.IceRenewed((TURN,))]
    wait(board, RENEWAL - 1, line)
    assert read(ana) == []


def test_who_comes_back_has_new_credentials_with_the_joined(board):
    board.ice = (TURN,)
    ana, line = board.join("Ana")
    resume = secret(ana)
    wait(board, RENEWAL - 1, line)
    board.switchboard.hung_up(ana, line, 1006)
    wait(board, 5)
    assert read(ana) == []  # who is cut off is told of none
    back, line = board.join("Ana", resume)
    (joined,) = read(back)
    assert (joined.resumed, joined.ice_servers) == (True, (TURN,))
    wait(board, RENEWAL - 1, line)
    assert read(back) == []


def test_without_credentials_nothing_has_to_come_again(board):
    board.ice = (m.IceServer(("stun:s.example",)),)
    ana, line = board.join("Ana")
    read(ana)
    wait(board, 2 * RENEWAL, line)
    assert read(ana) == []


def wait(board: Board, seconds: float, *lines: FakeLine) -> None:
    """Let time go by; these lines are heard of meanwhile."""
    board.clock.advance(seconds)
    for line in lines:
        line.heard_at = board.clock.monotonic()
    board.switchboard.tick()
