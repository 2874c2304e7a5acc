"""Seats and lines, without any socket."""

import pytest
from guest import FakeClock, counting

from protocol import messages as m
from protocol.codes import VERSION, CloseCode, LeaveReason, Presence
from server.outbox import MESSAGES
from server.rooms import Rooms
from server.store import RoomRecord
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
        self.rooms: list[RoomRecord] = []

    def came(self, participation):
        self.lines.append((participation.id, "came"))

    def went(self, participation, at, reason):
        self.lines.append((participation, reason))

    def change(self, room):
        self.rooms.append(room)
        self.lines.append((room.id, "changed"))

    def end(self, room, at):
        self.lines.append((room, "closed"))


class Board:
    """A switchboard and the people at it."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.journal = FakeJournal()
        rooms = Rooms(counting(), lambda participant: ())
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
    reasons = [reason for _, reason in board.journal.lines[2:]]
    assert reasons == ["closed", "ended", "ended"]


def test_a_line_that_lost_its_seat_has_no_say_any_more(board):
    (ana, old), (bo, _) = board.join("Ana"), board.join("Bo")
    board.join("Ana", secret(ana))
    read(bo)
    assert old.closed == [CloseCode.ELSEWHERE]
    board.switchboard.heard(ana, old, m.SetHand(True))
    board.switchboard.hung_up(ana, old, 1000)
    assert read(bo) == []


def test_who_waits_and_does_not_read_is_let_go(board):
    ana, _ = board.join("Ana")
    board.say(ana, m.SetWaitingRoom(True))
    bo, line = board.join("Bo")
    for number in range(MESSAGES + 1):
        board.say(bo, m.Ping(number))
        if line.closed:
            break
    assert line.closed == [CloseCode.SLOW]
    assert board.switchboard.seats == 1
    assert read(ana)[-1] == m.Waiting(())
    board.switchboard.hung_up(bo, line, CloseCode.SLOW)
    assert [line for line in board.journal.lines if line[0] == bo.participant] == []


def test_only_who_is_let_in_is_recorded_as_having_come(board):
    ana, _ = board.join("Ana")
    board.say(ana, m.SetWaitingRoom(True))
    bo, _ = board.join("Bo")
    eva, line = board.join("Eva")
    board.say(ana, m.Admit(bo.participant))
    board.say(ana, m.Refuse(eva.participant))
    assert line.closed == [CloseCode.REFUSED]
    assert board.journal.lines == [
        (ana.participant, "came"),
        (ROOM, "changed"),
        (bo.participant, "came"),
    ]


def test_a_ban_is_kept(board):
    (ana, _), (bo, line) = board.join("Ana"), board.join("Bo")
    board.say(ana, m.Ban(bo.participant))
    assert line.closed == [CloseCode.REFUSED]
    assert board.journal.rooms[-1].banned == ("Bo",)


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
