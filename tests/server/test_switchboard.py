"""Seats and lines, without any socket."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial

import pytest
from guest import SECRET, FakeClock, counting

from protocol import messages as m
from protocol.codes import (
    GRACE,
    VERSION,
    CloseCode,
    ErrorCode,
    Presence,
    Role as RoomRole,
)
from protocol.links import Reach
from protocol.numbering import SEQ, Numbers
from server import ice
from server.door import Way
from server.errors import Refused
from server.observer import Observer, Observers
from server.outbox import MESSAGES
from server.rooms import Rooms
from server.seat import Seat
from server.store import STOPPED, LinkRecord, Participation, RoomRecord, aftermath
from server.switchboard import RECORD, Switchboard
from server.ticket import LIFE, Tickets
from server.tokens import Pass, Role
from server.wire import TO_CLIENT

ROOM = m.RoomId("the-room")
RENEWAL = ice.renewal(ice.LIFE)


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
        self.links: list[LinkRecord] = []
        self.stays: list[Participation] = []
        self.kept: dict[str, Participation] = {}  # as a store has them

    def came(self, participation):
        self.kept[participation.id] = participation
        self.lines.append((participation.id, "came"))
        self.stays.append(participation)

    def returned(self, participation):
        kept = self.kept.get(participation.id, participation)
        again = replace(kept, left_at=None, reason="", host=participation.host)
        self.kept[participation.id] = again
        self.lines.append((participation.id, "returned"))
        self.stays.append(participation)

    def went(self, participation, at, reason):
        self.lines.append((participation, reason))
        if not self.kept[participation].reason:
            ended = replace(self.kept[participation], left_at=at, reason=reason)
            self.kept[participation] = ended

    def hosted(self, participation, host):
        self.kept[participation] = replace(self.kept[participation], host=host)

    def reached(self, participation, connection):
        self.lines.append((participation, connection))
        kept = self.kept[participation]
        self.kept[participation] = replace(kept, connection=connection)

    def measured(self, link):
        self.links.append(link)

    def change(self, room):
        self.rooms.append(room)
        self.lines.append((room.id, "changed"))

    def end(self, room, at, hosts):
        self.lines.append((room, "closed"))


class Heard(Observer):
    """Remembers who is told to have come and gone."""

    def __init__(self) -> None:
        self.told: list[tuple[str, ...]] = []

    def room_started(self, room):
        self.told.append(("started",))

    def room_ended(self, room):
        self.told.append(("ended",))

    def joined(self, room, participant):
        self.told.append((participant, "joined"))

    def left(self, room, participant, reason):
        self.told.append((participant, reason))


class Board:
    """A switchboard and the people at it."""

    def __init__(
        self,
        tickets: Tickets | None = None,
        ids: str = "id",
        clock: FakeClock | None = None,
    ) -> None:
        self.ids = ids
        self.heard = Heard()
        self.clock = clock or FakeClock()
        self.journal = FakeJournal()
        self.ice: tuple[m.IceServer, ...] = ()
        rooms = Rooms(counting(ids), lambda room, participant: self.ice)
        tickets = tickets or Tickets(SECRET)
        self.switchboard = Switchboard(
            rooms, self.journal, self.clock, tickets, Observers([self.heard])
        )
        self.record = room(e2ee=False)  # what the store knows

    def join(
        self,
        name: str,
        resume: str = "",
        epoch: str = "",
        last_seq: int = 0,
        subject: str = "",
        role: Role = Role.MEMBER,
    ) -> tuple[Seat, FakeLine]:
        line = FakeLine(self.clock.monotonic())
        hello = m.Hello(
            VERSION, "", name, resume=resume, epoch=epoch, last_seq=last_seq
        )
        granted = Pass(subject or name, ROOM, role)
        seat = self.switchboard.admit(line, hello, granted, self.record)
        return seat, line

    def say(self, seat: Seat, message: m.ClientMessage) -> None:
        self.switchboard.heard(seat, seat.line, message)

    def killed(self) -> "Board":
        """Return the next process, on what this one left."""
        anew = Board(ids=f"{self.ids}'", clock=FakeClock(self.clock.now))
        anew.record = self.record
        stays = self.journal.kept = {
            id: stay
            if stay.reason
            else replace(stay, left_at=self.clock.unix(), reason=STOPPED)
            for id, stay in self.journal.kept.items()
        }
        anew.journal.kept.update(stays)
        newest = {(link.participation, link.peer): link for link in self.journal.links}
        left = aftermath(stays.values())
        anew.switchboard.recall(replace(left, links=tuple(newest.values())))
        return anew


@pytest.fixture
def board() -> Board:
    return Board()


def read(seat: Seat) -> list[m.ServerMessage]:
    found = []
    while (letter := seat.outbox.take()) is not None:
        found.append(TO_CLIENT.decode_numbered(seat.stamped(letter), SEQ)[0])
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


def test_who_was_too_slow_comes_back_as_the_same_to_everything_there_is(board):
    (ana, _), (bo, line) = board.join("Ana"), board.join("Bo")
    resume = secret(bo)
    read(ana)
    for number in range(MESSAGES + 1):
        board.say(ana, m.Signal(bo.participant, number, {}))
    assert line.closed == [CloseCode.SLOW]
    back, _ = board.join("Bo", resume, bo.epoch, 0)
    assert back is bo
    (joined,) = read(back)
    assert joined.resumed
    assert [each.id for each in joined.participants] == [ana.participant]


def test_who_missed_more_than_is_kept_is_told_the_whole_and_no_part(board):
    (ana, _), (bo, line) = board.join("Ana"), board.join("Bo")
    resume = secret(bo)
    board.switchboard.hung_up(bo, line, 1006)
    for number in range(MESSAGES + 1):
        board.say(ana, m.Signal(bo.participant, number, {}))
    read(ana)
    back, _ = board.join("Bo", resume, bo.epoch, 0)
    board.say(ana, m.React("🎉"))
    joined, reacted = read(back)
    assert isinstance(joined, m.Joined)
    assert (joined.you, joined.resumed) == (bo.participant, True)
    assert isinstance(reacted, m.Reacted)
    assert back.outbox.last == joined.last_seq + 1


# -- coming back


def test_who_comes_back_hears_exactly_what_was_missed(board):
    (ana, _), (bo, line) = board.join("Ana"), board.join("Bo")
    resume = secret(bo)
    board.say(ana, m.SetHand(True))
    board.say(ana, m.Signal(bo.participant, 1, {}))
    assert len(read(bo)) == 2  # on its way; only the first arrives
    board.switchboard.hung_up(bo, line, 1006)
    eva, _ = board.join("Eva")
    board.join("Bo", resume, bo.epoch, 1)
    resumed, signaled, came = read(bo)
    assert isinstance(resumed, m.Resumed)
    assert signaled == m.Signaled(ana.participant, 1, {})
    assert came.participant.id == eva.participant


def test_another_epoch_is_answered_with_everything(board):
    bo, _ = board.join("Bo")
    resume = secret(bo)
    board.join("Bo", resume, "another", 0)
    (joined,) = read(bo)
    assert isinstance(joined, m.Joined)
    assert (joined.resumed, joined.epoch) == (True, bo.epoch)


def test_what_is_said_twice_is_done_once(board):
    (ana, line), (bo, _) = board.join("Ana"), board.join("Bo")
    read(bo)
    for number in (1, 1, 2, 1, 2, 3):
        board.switchboard.heard(ana, line, m.React("🎉"), Numbers(number))
    assert len(read(bo)) == 3
    assert ana.heard == 3


def test_who_comes_back_learns_what_was_heard(board):
    ana, line = board.join("Ana")
    resume = secret(ana)
    board.switchboard.heard(ana, line, m.SetHand(True), Numbers(7))
    # It was heard on this line, so the ticket that came with it is the only one.
    board.join("Ana", resume, ana.epoch, 0)
    (resumed,) = read(ana)
    assert resumed.heard == 7


def test_the_ticket_before_is_good_until_the_new_one_arrived(board):
    ana, _ = board.join("Ana")
    first = secret(ana)
    board.join("Ana", first)
    second = secret(ana)
    _, line = board.join("Ana", first)  # as if the answer had been lost
    third = secret(ana)
    assert len({first, second, third}) == 3
    board.switchboard.heard(ana, line, m.Ping(1))
    assert denied(board, "Ana", first)
    assert denied(board, "Ana", second)
    back, _ = board.join("Ana", third)
    assert back is ana


def test_the_ticket_before_is_void_once_the_new_one_was_used(board):
    ana, _ = board.join("Ana")
    first = secret(ana)
    board.join("Ana", first)
    board.join("Ana", secret(ana))
    assert denied(board, "Ana", first)


def test_answers_lost_without_end_leave_the_tickets_few(board):
    ana, _ = board.join("Ana")
    first = newest = secret(ana)
    for _ in range(50):
        board.join("Ana", first)
        newest = secret(ana)
    assert len(ana.tickets) <= 4
    assert board.join("Ana", newest)[0] is ana


def code_of(ask: Callable[[], object]) -> ErrorCode:
    """Return why something is refused."""
    with pytest.raises(Refused) as refused:
        ask()
    return refused.value.code


def denied(board: Board, name: str, resume: str, **more: object) -> bool:
    with pytest.raises(Refused) as refused:
        board.join(name, resume, **more)
    return refused.value.code is ErrorCode.RESUME_DENIED


@pytest.mark.parametrize("spoil", [str.upper, lambda t: t[:-1], lambda t: "x" + t])
def test_a_ticket_that_was_changed_opens_nothing(board, spoil):
    ana, line = board.join("Ana")
    assert denied(board, "Ana", spoil(secret(ana)))
    assert line.closed == []


@pytest.mark.parametrize("text", ["x", ".", "a.b", "é.é", "e30."])
def test_what_is_no_ticket_opens_nothing(board, text):
    assert denied(board, "Ana", text)


def test_a_ticket_in_other_hands_opens_nothing(board):
    ana, line = board.join("Ana")
    assert denied(board, "Ana", secret(ana), subject="Bo")
    assert line.closed == []


def test_a_ticket_of_another_server_opens_nothing(board):
    tickets = Tickets("a secret of somebody else, long enough to be one")
    ana, _ = board.join("Ana")
    forged = tickets.give(ana.participant, ROOM, "Ana", board.clock.unix())
    assert denied(board, "Ana", forged)


def test_a_changed_secret_costs_nobody_their_place(board):
    ana, _ = board.join("Ana")
    ticket = secret(ana)
    new = "another secret than the one before, and as long"
    anew = Board(Tickets(new, [SECRET]))
    again, _ = anew.join("Ana", ticket)
    assert again.participant == ana.participant
    assert denied(Board(Tickets(new)), "Ana", ticket)  # it is retired no more
    assert denied(Board(), "Ana", secret(again))  # the new one signs, not the old


def test_a_ticket_expires(board):
    ana, _ = board.join("Ana")
    ticket = secret(ana)
    board.clock.advance(LIFE)
    assert denied(board, "Ana", ticket)


def test_a_number_that_was_never_given_is_denied(board):
    ana, line = board.join("Ana")
    assert denied(board, "Ana", secret(ana), epoch=ana.epoch, last_seq=9)
    assert line.closed == []


def test_who_is_gone_comes_back_as_somebody_new(board):
    ana, line = board.join("Ana")
    ticket = secret(ana)
    board.switchboard.heard(ana, line, m.Leave())
    again, _ = board.join("Ana", ticket)
    assert again.participant != ana.participant


def test_who_is_host_after_the_one_before_was_lost_is_written_down(board):
    (ana, line), (bo, _) = board.join("Ana"), board.join("Bo")
    board.switchboard.hung_up(ana, line, 1006)
    board.clock.advance(GRACE)
    board.switchboard.tick()
    assert board.journal.kept[bo.participant].host


# -- a server that was started anew


def test_after_a_restart_people_are_who_they_were(board):
    (ana, _), (bo, _) = board.join("Ana"), board.join("Bo")
    tickets = secret(ana), secret(bo)
    anew = Board()
    again, line = anew.join("Ana", tickets[0], ana.epoch, 3)
    (joined,) = read(again)
    assert (joined.you, joined.resumed) == (ana.participant, True)
    assert joined.epoch != ana.epoch
    assert joined.participants == ()
    signal = m.Signal(bo.participant, 1, {"n": 1})
    anew.switchboard.heard(again, line, signal, Numbers(5))
    assert read(again) == []  # not refused: bo may be next
    back, _ = anew.join("Bo", tickets[1], bo.epoch, 3)
    joined, signaled = read(back)
    assert (joined.you, joined.resumed) == (bo.participant, True)
    assert [each.id for each in joined.participants] == [ana.participant]
    assert signaled == m.Signaled(ana.participant, 1, {"n": 1}, n=5)
    (came,) = read(again)
    assert came.participant.id == bo.participant


def test_after_a_restart_nobody_hears_what_was_said_by_who_is_gone(board):
    (ana, _), (bo, _) = board.join("Ana"), board.join("Bo")
    tickets = secret(ana), secret(bo)
    anew = Board()
    again, line = anew.join("Ana", tickets[0])
    anew.switchboard.heard(again, line, m.Signal(bo.participant, 1, {}), Numbers(1))
    anew.switchboard.heard(again, line, m.Leave())
    back, _ = anew.join("Bo", tickets[1])
    (joined,) = read(back)
    assert joined.participants == ()


def test_after_a_restart_a_stay_goes_on_since_it_began(board):
    ana, _ = board.join("Ana")
    (began,) = board.journal.stays
    first = secret(ana)
    anew = Board()
    anew.clock.advance(7)
    again, _ = anew.join("Ana", first)
    second = secret(again)
    third = Board()
    third.clock.advance(9)
    third.join("Ana", second)
    for each in (anew, third):
        assert each.journal.lines == [(ana.participant, "returned")]
        assert each.journal.stays == [began]


def test_a_ticket_that_does_not_say_since_when_begins_a_stay_now(board):
    old = Tickets(SECRET).give(m.ParticipantId("ana"), ROOM, "Ana", board.clock.unix())
    board.join("Ana", old)
    (stay,) = board.journal.stays
    assert (stay.id, stay.joined_at) == ("ana", board.clock.unix())


def room(**how: object) -> RoomRecord:
    return RoomRecord(ROOM, "", "maker", 0.0, **how)


@pytest.mark.parametrize("how", [{"locked": True}, {"waiting_room": True}])
def test_after_a_restart_no_door_stands_between_people_and_their_room(board, how):
    ana, _ = board.join("Ana")
    anew = Board()
    anew.record = room(**how)
    again, _ = anew.join("Ana", secret(ana), ana.epoch)
    (joined,) = read(again)
    assert (joined.you, joined.resumed) == (ana.participant, True)


def test_after_a_restart_a_ban_counts(board):
    ana, _ = board.join("Ana")
    anew = Board()
    anew.record = room(banned=("Ana",))
    with pytest.raises(Refused) as refused:
        anew.join("Ana", secret(ana), ana.epoch)
    assert refused.value.code is ErrorCode.BANNED


@pytest.mark.parametrize("ticket", [True, False])
def test_after_a_restart_who_was_removed_has_no_way_back(board, ticket):
    (ana, _), (bo, _) = board.join("Ana"), board.join("Bo")
    tickets = secret(ana), secret(bo) if ticket else ""
    board.say(ana, m.Remove(bo.participant))
    anew = board.killed()
    assert code_of(lambda: anew.join("Bo", tickets[1])) is ErrorCode.REMOVED
    again, _ = anew.join("Ana", tickets[0])
    assert again.participant == ana.participant
    assert code_of(lambda: anew.join("Bo", tickets[1])) is ErrorCode.REMOVED
    anew.clock.advance(GRACE)
    anew.switchboard.tick()
    assert code_of(lambda: anew.join("Bo", tickets[1])) is ErrorCode.REMOVED


@pytest.mark.parametrize("ticket", [True, False])
def test_who_is_removed_after_a_restart_stays_out_with_all_their_pages(board, ticket):
    ana, bo, other = (board.join(name)[0] for name in ("Ana", "Bo", "Bo"))
    tickets = [secret(each) for each in (ana, bo, other)]
    anew = board.killed()
    host, line = anew.join("Ana", tickets[0])
    anew.join("Bo", tickets[1])
    anew.switchboard.heard(host, line, m.Remove(bo.participant))
    back = tickets[2] if ticket else ""
    assert code_of(lambda: anew.join("Bo", back)) is ErrorCode.REMOVED


def test_after_a_restart_who_was_let_in_again_is_not_removed(board):
    board.record = room(waiting_room=True)
    ana, _ = board.join("Ana", subject="maker")
    for _ in range(2):
        bo, _ = board.join("Bo")
        board.say(ana, m.Admit(bo.participant))
        ticket = next(each.resume for each in read(bo) if isinstance(each, m.Joined))
        if len(board.journal.kept) == 2:  # the first time
            board.say(ana, m.Remove(bo.participant))
    anew = board.killed()
    assert anew.join("Bo", ticket)[0].participant == bo.participant


def test_nobody_comes_back_by_a_ticket_of_a_stay_that_had_ended(board):
    board.record = room(waiting_room=True)
    ana, _ = board.join("Ana", subject="maker")
    bo, _ = board.join("Bo")
    board.say(ana, m.Admit(bo.participant))
    ticket = next(each.resume for each in read(bo) if isinstance(each, m.Joined))
    board.say(bo, m.Leave())
    anew = board.killed()
    again, _ = anew.join("Bo", ticket)
    assert again.participant in again.room.waiting
    assert anew.journal.lines == []


def test_the_grace_of_a_restart_is_not_had_again_at_the_next_one(board):
    ana, _ = board.join("Ana")
    ticket = secret(ana)
    anew = board.killed()
    anew.clock.advance(GRACE)
    anew.switchboard.tick()
    third = anew.killed()
    assert third.join("Ana", ticket)[0].participant != ana.participant


def test_a_second_kill_within_the_grace_costs_nobody_their_place(board):
    (ana, _), (bo, _) = board.join("Ana"), board.join("Bo")
    tickets = secret(ana), secret(bo)
    anew = board.killed()
    anew.join("Ana", tickets[0])
    third = anew.killed()
    assert third.join("Bo", tickets[1])[0].participant == bo.participant


def test_after_a_restart_the_door_knows_who_was_in(board):
    board.record = room()
    board.join("Ana", subject="maker")
    board.join("Bo")
    board.record = room(locked=True)
    anew = board.killed()
    ask = partial(anew.switchboard.rooms.way_in, board.record, role=RoomRole.MEMBER)
    assert ask(subject="Bo") is Way.IN
    assert code_of(lambda: ask(subject="Eva")) is ErrorCode.LOCKED
    anew.clock.advance(GRACE)
    anew.switchboard.tick()
    assert code_of(lambda: ask(subject="Bo")) is ErrorCode.LOCKED


def roles(board: Board) -> dict[str, RoomRole]:
    members = board.switchboard.rooms.find(ROOM).members
    return {member.subject: member.info.role for member in members.values()}


HOST, MEMBER = RoomRole.HOST, RoomRole.MEMBER


def test_after_a_restart_hosts_are_who_they_were(board):
    (ana, _), (bo, _), (eva, _) = map(board.join, ("Ana", "Bo", "Eva"))
    tickets = {"Ana": secret(ana), "Bo": secret(bo), "Eva": secret(eva)}
    board.say(ana, m.HandOver(bo.participant))
    anew = board.killed()
    anew.join("Ana", tickets["Ana"])
    assert roles(anew) == {"Ana": MEMBER}
    anew.join("Gus")
    anew.join("Bo", tickets["Bo"])
    anew.join("Eva", tickets["Eva"])
    assert roles(anew) == {"Ana": MEMBER, "Gus": MEMBER, "Bo": HOST, "Eva": MEMBER}
    third = anew.killed()
    assert {stay.id for stay in third.journal.kept.values() if stay.host} == {
        bo.participant
    }


def test_where_no_host_came_back_another_one_is(board):
    (ana, _), (bo, _), (eva, _) = map(board.join, ("Ana", "Bo", "Eva"))
    tickets = secret(bo), secret(eva)
    anew = board.killed()
    again, _ = anew.join("Bo", tickets[0])
    other, _ = anew.join("Eva", tickets[1])
    anew.say(other, m.Leave())
    read(again)
    assert roles(anew) == {"Bo": MEMBER}
    anew.clock.advance(GRACE)
    anew.switchboard.tick()
    assert roles(anew) == {"Bo": HOST}
    (told,) = read(again)
    assert told.participant.role is HOST
    assert anew.journal.kept[bo.participant].host


def test_who_comes_back_with_a_lesser_token_is_host_no_longer(board):
    ana, _ = board.join("Ana")
    bo, _ = board.join("Bo", role=Role.HOST)
    assert roles(board) == {"Ana": HOST, "Bo": HOST}
    ticket = next(each.resume for each in read(bo) if isinstance(each, m.Joined))
    read(ana)
    board.join("Bo", ticket)
    assert roles(board) == {"Ana": HOST, "Bo": MEMBER}
    (told,) = read(ana)
    assert told.participant.role is MEMBER
    assert not board.journal.kept[bo.participant].host


def test_who_was_made_host_by_people_comes_back_as_host(board):
    ana, _ = board.join("Ana")
    bo, _ = board.join("Bo")
    board.say(ana, m.HandOver(bo.participant))
    ticket = next(each.resume for each in read(bo) if isinstance(each, m.Joined))
    board.join("Bo", ticket)
    assert roles(board) == {"Ana": MEMBER, "Bo": HOST}


def test_after_a_restart_observers_hear_only_what_changed(board):
    (ana, _), (bo, _) = board.join("Ana"), board.join("Bo")
    ticket = secret(ana)
    anew = board.killed()
    again, _ = anew.join("Ana", ticket)
    eva, _ = anew.join("Eva")
    assert anew.heard.told == [(eva.participant, "joined")]
    anew.clock.advance(GRACE)
    anew.switchboard.tick()
    anew.say(eva, m.Leave())
    anew.say(again, m.Leave())
    assert anew.heard.told[1:] == [
        (bo.participant, "lost"),
        (eva.participant, "left"),
        (ana.participant, "left"),
        ("ended",),
    ]
    stay = anew.journal.kept[bo.participant]
    assert (stay.reason, stay.left_at) == ("lost", board.clock.unix())


def test_a_room_to_which_nobody_comes_back_after_a_restart_has_ended(board):
    ana, _ = board.join("Ana")
    anew = board.killed()
    anew.clock.advance(GRACE)
    anew.switchboard.tick()
    anew.switchboard.tick()
    assert anew.heard.told == [(ana.participant, "lost"), ("ended",)]


def test_an_answer_lost_after_a_restart_is_had_again(board):
    ana, _ = board.join("Ana")
    ticket = secret(ana)
    anew = Board()
    again, _ = anew.join("Ana", ticket)
    assert anew.join("Ana", ticket)[0] is again
    assert again.participant == ana.participant


def test_long_after_a_restart_one_is_somebody_new(board):
    board.join("Somebody")
    ana, _ = board.join("Ana")
    ticket = secret(ana)
    anew = Board()
    anew.clock.advance(15)
    anew.switchboard.tick()
    again, line = anew.join("Ana", ticket)
    assert again.participant != ana.participant
    anew.switchboard.heard(again, line, m.Signal(m.ParticipantId("bo"), 1, {}))
    *_, failed = read(again)
    assert failed.code is ErrorCode.NO_SUCH_PEER


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


def test_who_was_let_in_can_come_back_as_the_same(board):
    ana, _ = board.join("Ana")
    board.say(ana, m.SetWaitingRoom(True))
    bo, _ = board.join("Bo")
    (waiting,) = read(bo)
    assert waiting == m.Waiting((m.Newcomer(bo.participant, "Bo"),))
    board.say(ana, m.Admit(bo.participant))
    (joined,) = read(bo)
    assert (joined.you, joined.resumed) == (bo.participant, False)
    board.switchboard.hung_up(bo, bo.line, 1006)
    back, _ = board.join("Bo", joined.resume, joined.epoch, joined.last_seq)
    assert back is bo
    assert isinstance(read(bo)[0], m.Resumed)


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


def test_who_left_is_not_sent_away(board):
    ana, line = board.join("Ana")
    (seat,) = board.switchboard.connected()
    board.say(ana, m.Leave())
    board.switchboard.send_away(seat, 1.0)
    assert line.closed == [CloseCode.NORMAL]


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


def test_who_is_missed_by_all_is_silent_sooner(board):
    ana, hers = board.join("Ana")
    bo, his = board.join("Bo")
    board.clock.advance(12)
    his.heard_at = board.clock.monotonic()
    board.switchboard.tick()
    assert hers.closed == []  # nobody said that they miss her
    lost = m.ReportLinks((m.LinkReport(ana.participant, Reach.RECONNECTING),))
    board.say(bo, lost)
    board.switchboard.tick()
    assert hers.closed == [CloseCode.SILENT]


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


def test_what_links_were_like_is_recorded_when_somebody_goes(board):
    (ana, _), (bo, _) = board.join("Ana"), board.join("Bo")
    sample = m.LinkSample(bo.participant, rtt=0.5, connection="relay", transport="tls")
    stranger = m.LinkSample("nobody", rtt=9.0)
    for _ in range(2):
        board.say(ana, m.ReportStats((sample, stranger)))
    assert board.journal.lines[2:] == [(ana.participant, "relay")]
    board.say(bo, m.Leave())
    assert board.journal.lines[3:] == [(bo.participant, "left")]
    (link,) = board.journal.links
    assert (link.participation, link.peer, link.room, link.samples) == (
        *(ana.participant, bo.participant, ROOM, 2),
    )
    assert (link.round_trip.mean, link.transport) == (0.5, "tls")
    board.say(ana, m.Leave())
    assert board.journal.links == [link]


def measure(board: Board, seat: Seat, peer: str, way: str = "relay") -> None:
    board.say(seat, m.ReportStats((m.LinkSample(peer, rtt=0.5, connection=way),)))


def test_a_kill_costs_what_was_told_of_links_since_they_were_recorded(board):
    (ana, _), (bo, _) = board.join("Ana"), board.join("Bo")
    tickets = secret(ana), secret(bo)
    for _ in range(2):
        measure(board, ana, bo.participant)
    keep_alive(board, RECORD)
    measure(board, ana, bo.participant)
    anew = board.killed()
    (again, _), _ = anew.join("Ana", tickets[0]), anew.join("Bo", tickets[1])
    for _ in range(3):
        measure(anew, again, bo.participant, "direct")
    anew.say(again, m.Leave())
    (link,) = anew.journal.links
    assert (link.samples, link.round_trip.mean) == (5, 0.5)
    assert anew.journal.kept[ana.participant].connection == "relay"


def test_a_server_that_stops_in_order_records_all_that_was_told_of_links(board):
    (ana, _), (bo, _) = board.join("Ana"), board.join("Bo")
    measure(board, ana, bo.participant)
    board.switchboard.record_links()
    board.switchboard.record_links()
    (link,) = board.journal.links
    assert link.samples == 1


def test_of_who_does_not_come_back_links_are_recorded_as_they_were(board):
    (ana, _), (bo, _) = board.join("Ana"), board.join("Bo")
    ticket = secret(ana)
    measure(board, ana, bo.participant)
    board.switchboard.record_links()
    anew = board.killed()
    again, _ = anew.join("Ana", ticket)
    anew.clock.advance(GRACE)
    anew.switchboard.tick()
    assert anew.journal.links == [
        replace(board.journal.links[0], ended_at=anew.clock.unix())
    ]
    measure(anew, again, bo.participant)
    anew.say(again, m.Leave())
    assert len(anew.journal.links) == 1


def keep_alive(board: Board, seconds: float) -> None:
    """Let time pass in which everybody is heard of."""
    board.clock.advance(seconds)
    for seat in board.switchboard.connected():
        seat.line.heard_at = board.clock.monotonic()
    board.switchboard.tick()


def test_nobody_hears_of_statistics_and_who_waits_tells_none(board):
    board.record = RoomRecord(ROOM, "", "Ana", 0.0, waiting_room=True)
    (ana, _), (bo, _) = board.join("Ana"), board.join("Bo")
    read(ana)
    read(bo)
    board.say(bo, m.ReportStats((m.LinkSample(ana.participant),)))
    board.say(ana, m.ReportStats((m.LinkSample(bo.participant, connection="direct"),)))
    board.say(ana, m.Leave())
    assert read(ana) == []
    assert board.journal.links == []


# -- who reaches whom


def test_who_missed_nothing_hears_only_what_came_meanwhile(board):
    (ana, _), (bo, line) = board.join("Ana"), board.join("Bo")
    down = m.LinkReport(bo.participant, Reach.UNREACHABLE)
    board.say(ana, m.ReportLinks((down,)))
    (joined, _) = read(bo)
    board.switchboard.hung_up(bo, line, 1006)
    last = bo.outbox.last
    up = m.LinkReport(bo.participant, Reach.CONNECTED)
    board.say(ana, m.ReportLinks((up,)))
    back, _ = board.join("Bo", joined.resume, bo.epoch, last)
    (resumed, changed) = read(back)
    assert isinstance(resumed, m.Resumed)
    assert changed == m.LinksChanged(ana.participant, (up,))


def test_who_is_told_everything_anew_hears_of_the_links_too(board):
    (ana, _), (bo, line) = board.join("Ana"), board.join("Bo")
    down = m.LinkReport(bo.participant, Reach.UNREACHABLE)
    board.say(ana, m.ReportLinks((down,)))
    (joined, changed) = read(bo)
    board.switchboard.hung_up(bo, line, 1006)
    back, _ = board.join("Bo", joined.resume, "another epoch", 0)
    (again, links) = read(back)
    assert again.resumed
    assert links == changed == m.LinksChanged(ana.participant, (down,))


def test_before_the_door_nobody_tells_of_links(board):
    board.record = RoomRecord(ROOM, "", "Ana", 1.0, waiting_room=True)
    board.join("Ana")
    bo, _ = board.join("Bo")
    read(bo)
    board.say(bo, m.ReportLinks(()))
    (failed,) = read(bo)
    assert (failed.code, failed.about) == (ErrorCode.FORBIDDEN, "report-links")
