"""Any order of anything at a server that is started anew, again and again.

The switchboard is whole, over a real store; honest clients number what they say as
the real ones do, and believe what they hear. Liars say anything under any number.
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any, TypeVar

from guest import SECRET, FakeClock, counting
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from person import LIARS, Line, Person
from test_room_machine import about

from protocol import messages as m
from protocol.codes import GRACE, VERSION, CloseCode, ErrorCode, Role
from protocol.numbering import SEQ, Numbers
from server import record
from server.door import is_host
from server.errors import Refused
from server.observer import Observer, Observers
from server.register import Register
from server.room import Room
from server.rooms import Rooms
from server.store import STOPPED, RoomRecord
from server.store.sqlite import SqliteStore
from server.switchboard import Switchboard
from server.ticket import LIFE, Tickets
from server.wire import TO_CLIENT

T = TypeVar("T")

CREATOR = "ana"

picks = st.integers(0, 30)
people = st.sampled_from(["ana", "bo", "bo", "eva", "gus", *LIARS])
places = st.sampled_from([0, 0, 1])
often = st.sampled_from([True, True, True, False])


def unasked(target: m.ParticipantId) -> st.SearchStrategy[Any]:
    """Return what isn't said for others to hear, or not at this time."""
    return st.sampled_from(
        [
            m.Ping(1),
            m.Leave(),
            m.Hello(VERSION, "a.token", "leo"),
            m.ReportStats((m.LinkSample(target, rtt=0.1, connection="relay"),) * 2),
            m.ReportStats(()),
        ]
    )


class Written:
    """A journal that is brought into the store now and then, and at each start."""

    def __init__(self) -> None:
        self.waiting: list[record.Record] = []

    def came(self, participation: Any) -> None:
        self.waiting.append(record.Came(participation))

    def returned(self, participation: Any) -> None:
        self.waiting.append(record.Returned(participation))

    def went(self, participation: str, at: float, reason: str) -> None:
        self.waiting.append(record.Went(participation, at, reason))

    def reached(self, participation: str, connection: str) -> None:
        self.waiting.append(record.Reached(participation, connection))

    def hosted(self, participation: str, host: bool) -> None:
        self.waiting.append(record.Hosted(participation, host))

    def measured(self, link: Any) -> None:
        self.waiting.append(record.Measured(link))

    def change(self, room: RoomRecord) -> None:
        self.waiting.append(record.Changed(room))

    def end(self, room: m.RoomId, at: float, hosts: tuple[str, ...]) -> None:
        self.waiting.append(record.Ended(room, at, hosts))


class Watcher(Observer):
    """Whoever is told what happens, by one server after the other."""

    def __init__(self) -> None:
        self.inside: set[m.ParticipantId] = set()
        self.rooms: set[m.RoomId] = set()

    def room_started(self, room: m.RoomId) -> None:
        assert room not in self.rooms
        self.rooms.add(room)

    def room_ended(self, room: m.RoomId) -> None:
        self.rooms.remove(room)

    def joined(self, room: m.RoomId, participant: m.ParticipantId) -> None:
        assert room in self.rooms
        assert participant not in self.inside
        self.inside.add(participant)

    def left(self, room: m.RoomId, participant: m.ParticipantId, reason: str) -> None:
        self.inside.remove(participant)


class Machine(RuleBasedStateMachine):
    """Two rooms, and people who come from outside, some of them twice."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.store = SqliteStore(":memory:")
        self.journal = Written()
        self.watcher = Watcher()
        self.new_id = counting("p")
        self.people: list[Person] = []
        self.tickets: list[tuple[str, str, str]] = []  # subject, secret, epoch
        self.recalled_until = self.clock.now
        self.do(self.store.start())
        self.rooms_made = [self.make(persistent=True), self.make(persistent=False)]
        self.start()
        for who in ("ana", "bo", "eva"):
            self.come(who, 0)

    def make(self, *, persistent: bool) -> m.RoomId:
        room = m.RoomId(self.new_id())
        made = RoomRecord(room, "", CREATOR, 1.0, persistent=persistent)
        self.do(self.store.add_room(made))
        return room

    def teardown(self) -> None:
        self.agree()
        self.do(self.store.close())
        self.loop.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        return self.loop.run_until_complete(work)

    # -- the server

    def start(self) -> None:
        """Begin as the application does."""
        self.rooms = Rooms(self.new_id, lambda room, who: ())
        self.board = Switchboard(
            self.rooms,
            self.journal,
            self.clock,
            Tickets(SECRET),
            Observers([self.watcher]),
        )
        self.register = Register(self.rooms, self.store)
        self.write_down()
        self.do(self.store.end_open(self.clock.unix(), STOPPED))
        since = self.clock.unix() - LIFE
        self.board.recall(self.do(self.store.aftermath(since)))
        self.recalled_until = self.clock.now + GRACE
        self.sent: dict[tuple[str, str], int] = {}  # the last that this server heard

    @rule()
    def write_down(self) -> None:
        for each in self.journal.waiting:
            self.do(record.write(each, self.store))
        self.journal.waiting.clear()

    @rule(away=st.sampled_from([0.1, 2.0, 2.0, GRACE, 60.0]), killed=st.booleans())
    def start_anew(self, away: float, killed: bool) -> None:
        if not killed:
            for seat in self.board.connected():
                self.board.send_away(seat, 1.0)
            self.settle()
            self.board.record_links()
            self.write_down()
            self.do(self.store.end_open(self.clock.unix(), STOPPED))
        for person in self.people:
            self.lose(person)
        self.clock.advance(away)
        self.start()

    @rule(seconds=st.sampled_from([1.0, 5.0, GRACE, 40.0]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for person in self.people:  # who is there pings
            if person.line is not None and not person.line.slow:
                person.line.heard_at = self.clock.now
        self.board.tick()
        self.settle()

    @rule(
        at=places,
        capacity=st.sampled_from([1, 3, 5, 8, 8, 8]),
        waits=st.booleans(),
        lock=st.booleans(),
    )
    def change_from_outside(
        self, at: int, capacity: int, waits: bool, lock: bool
    ) -> None:
        before = self.do(self.register.find(self.place(at)))
        assert before is not None
        after = replace(before, capacity=capacity, waiting_room=waits, locked=lock)
        self.board.change(before, after)
        self.settle()

    def place(self, at: int) -> m.RoomId:
        """Return a room that was not ended."""
        if self.do(self.register.find(self.rooms_made[at])) is None:
            self.rooms_made[at] = self.make(persistent=at == 0)
        return self.rooms_made[at]

    @rule(at=places)
    def end_from_outside(self, at: int) -> None:
        self.board.end(self.place(at))
        self.settle()

    # -- people

    @rule(who=people, at=places)
    def come(self, who: str, at: int) -> None:
        if len(self.people) < 12:
            person = Person(who, self.place(at))
            self.people.append(person)
            self.enter(person, m.Hello(VERSION, "", who))

    @rule(by=picks)
    def come_back(self, by: int) -> None:
        if outside := [each for each in self.people if each.line is None]:
            person = outside[by % len(outside)]
            hello = m.Hello(VERSION, "", person.subject, resume=person.ticket)
            self.enter(person, hello)

    @rule(who=st.sets(people, min_size=1))
    def many_come_back(self, who: set[str]) -> None:
        for person in list(self.people):
            if person.line is None and person.subject in who:
                hello = m.Hello(VERSION, "", person.subject, resume=person.ticket)
                self.enter(person, hello)

    @rule(by=picks)
    def come_by_another_way(self, by: int) -> None:
        """The one before still stands, as far as the server knows."""
        if inside := [each for each in self.people if each.line and each.ticket]:
            person = inside[by % len(inside)]
            line, person.line = person.line, None
            person.stream.cut()
            hello = m.Hello(VERSION, "", person.subject, resume=person.ticket)
            self.enter(person, hello)
            assert line is not None and line.seat is not None
            self.board.hung_up(line.seat, line, line.code or 1006)
            self.settle()

    @rule(
        who=st.sampled_from(LIARS),
        at=places,
        by=picks,
        last=st.sampled_from([0, 1, 99]),
    )
    def come_by_a_ticket_of_any_age(
        self, who: str, at: int, by: int, last: int
    ) -> None:
        if not self.tickets or len(self.people) >= 12:
            return
        owner, secret, epoch = self.tickets[by % len(self.tickets)]
        person = Person(who, self.place(at))
        hello = m.Hello(VERSION, "", who, resume=secret, epoch=epoch, last_seq=last)
        self.people.append(person)
        came = self.enter(person, hello)
        assert not came or owner == who

    def enter(self, person: Person, hello: m.Hello) -> bool:
        """Say hello; return whether there was a place."""
        said, _ = person.stream.say(hello) or (hello, None)
        assert isinstance(said, m.Hello)
        line = Line(self.clock.monotonic())
        known = self.do(self.register.find(person.room))
        found = self.rooms.find(person.room)
        before = set(found.members) if found else set()
        try:
            seat = self.board.admit(line, said, person.granted, known)
        except Refused as refused:
            assert person.lies or refused.code is not ErrorCode.RESUME_DENIED
            if not person.lies and refused.code is not ErrorCode.ROOM_FULL:
                person.begin_anew()
            return False
        room = seat.room
        if seat.participant in room.members and seat.participant not in before:
            assert len(room.members) <= room.record.capacity
        line.seat, person.line, person.inside = seat, line, False
        line.ring()
        self.settle()
        return True

    @rule(by=picks, arrives=often)
    def signal(self, by: int, arrives: bool) -> None:
        speakers = [each for each in self.people if each.known and not each.lies]
        if speakers:
            person = speakers[by % len(speakers)]
            for target in sorted(person.known):
                person.said[target] = serial = person.said.get(target, 0) + 1
                self.say(person, m.Signal(target, 1, {"serial": serial}), arrives)

    @rule(by=picks)
    def signal_again(self, by: int) -> None:
        self.signal(by, True)

    @rule(data=st.data(), by=picks, at=picks, arrives=often)
    def say_anything(
        self, data: st.DataObject, by: int, at: int, arrives: bool
    ) -> None:
        seats = [*self.seats()]
        if seats and self.people:
            message = data.draw(about(seats[at % len(seats)]))
            if not isinstance(message, m.Signal):
                self.say(self.people[by % len(self.people)], message, arrives)

    @rule(data=st.data(), by=picks, at=picks)
    def host_somebody(self, data: st.DataObject, by: int, at: int) -> None:
        hosts = [each for each in self.people if each.role is Role.HOST and each.me]
        hosts = [each for each in hosts if each.line]
        if not hosts:
            return
        host = hosts[by % len(hosts)]
        room = self.rooms.find(host.room)
        assert room is not None
        targets = [*room.waiting, *room.members]
        kind = data.draw(st.sampled_from([m.Remove, m.Ban, m.Admit, m.Refuse]))
        self.say(host, kind(targets[at % len(targets)]), True)

    @rule(
        data=st.data(), by=picks, at=picks, n=st.integers(0, 9), ack=st.integers(0, 99)
    )
    def lie(self, data: st.DataObject, by: int, at: int, n: int, ack: int) -> None:
        liars = [each for each in self.people if each.lies and each.line]
        if liars:
            seats = [*self.seats()]
            target = seats[at % len(seats)]
            message = data.draw(st.one_of(about(target), unasked(target)))
            line = liars[by % len(liars)].line
            assert line is not None
            line.going.append((message, Numbers(n, ack)))
            self.arrive(line)

    def say(self, person: Person, message: m.ClientMessage, arrives: bool) -> None:
        outgoing = person.stream.say(message)
        if person.line is not None and outgoing is not None:
            person.line.going.append(outgoing)
            if arrives:
                self.arrive(person.line)

    def arrive(self, line: Line) -> None:
        """Let the server hear what is on its way to it."""
        assert line.seat is not None
        while line.going and line.code is None:
            message, numbers = line.going.pop(0)
            if isinstance(message, m.Signal) and "serial" in message.body:
                way = line.seat.participant, message.to
                self.sent[way] = message.body["serial"]
            line.heard_at = self.clock.monotonic()
            self.board.heard(line.seat, line, message, numbers)
        self.settle()

    def listen(self, person: Person, many: int = 10_000) -> None:
        line = person.line
        for _ in range(many):
            if line is None or not line.coming:
                break
            text = line.coming.pop(0)
            if person.lies:
                self.overhear(person, text)
            else:
                line.going += person.told(text)
                self.keep_ticket(person)

    def overhear(self, person: Person, text: str) -> None:
        """A liar takes what is of use."""
        message: Any = TO_CLIENT.decode_numbered(text, SEQ)[0]
        if isinstance(message, m.Joined):
            person.role, person.me = message.role, message.you
        if isinstance(message, m.Joined | m.Resumed):
            person.ticket = message.resume
            self.keep_ticket(person)
            person.stream.go_on(message)

    def keep_ticket(self, person: Person) -> None:
        epoch = person.line.seat.epoch if person.line and person.line.seat else ""
        kept = person.subject, person.ticket, epoch
        if person.ticket and kept not in self.tickets:
            self.tickets.append(kept)

    @rule(by=picks, slow=st.booleans(), behind=st.booleans())
    def stop_reading(self, by: int, slow: bool, behind: bool) -> None:
        if inside := [each for each in self.people if each.line]:
            line = inside[by % len(inside)].line
            assert line is not None
            line.slow, line.behind = slow, behind
            line.ring()
            self.settle()

    @rule(by=picks, heard=st.integers(0, 9))
    def cut(self, by: int, heard: int) -> None:
        """Lose the network; the server notices, sooner or later."""
        if inside := [each for each in self.people if each.line]:
            person = inside[by % len(inside)]
            self.listen(person, heard)
            self.hang_up(person, 1006)

    @rule(by=picks, leaves=st.booleans())
    def go(self, by: int, leaves: bool) -> None:
        if inside := [each for each in self.people if each.line]:
            person = inside[by % len(inside)]
            line = person.line
            assert line is not None and line.seat is not None
            if leaves:
                self.board.heard(line.seat, line, m.Leave())
            self.hang_up(person, 1001)
            self.people.remove(person)
            self.settle()

    # -- what follows

    def hang_up(self, person: Person, code: int) -> None:
        line = person.line
        self.lose(person)
        assert line is not None and line.seat is not None
        self.board.hung_up(line.seat, line, code)
        self.settle()

    def lose(self, person: Person) -> None:
        person.line = None
        person.stream.cut()

    def settle(self) -> None:
        """Let all connections end that the server closed."""
        while closed := [each for each in self.people if each.line and each.line.code]:
            self.be_closed(closed[0])
        for person in self.people:
            if person.line is not None and not person.line.behind:
                self.listen(person)

    def be_closed(self, person: Person) -> None:
        line = person.line
        assert line is not None and line.seat is not None and line.code is not None
        line.ring()
        self.listen(person)
        self.lose(person)
        self.board.hung_up(line.seat, line, line.code)
        if line.code in (CloseCode.NORMAL, CloseCode.REFUSED):
            person.begin_anew()

    @invariant()
    def nobody_is_in_who_may_not_be(self) -> None:
        for room in self.found():
            inside = {each.subject for each in room.members.values()}
            waiting = {each.entry.subject for each in room.waiting.values()}
            assert not inside & room.removed
            for subject in (inside | waiting) & set(room.record.banned):
                assert is_host(room.record, subject, Role.MEMBER)

    @invariant()
    def seats_and_rooms_know_the_same(self) -> None:
        places = [
            who for room in self.found() for who in [*room.members, *room.waiting]
        ]
        assert sorted(places) == sorted(self.seats())
        assert self.board.seats == len(places)

    @invariant()
    def somebody_is_host_where_anybody_is_in(self) -> None:
        for room in self.found():
            waited_for = room.returning and self.clock.now <= self.recalled_until
            assert room.hosts() or not room.members or waited_for

    @rule()
    def agree(self) -> None:
        """Everybody reads everything: they know what is so, and so does the store."""
        for person in self.people:
            if person.line is not None:
                person.line.slow = person.line.behind = False
                person.line.ring()
        for _ in range(3):
            for person in list(self.people):
                self.listen(person)
                if person.line is not None:
                    self.arrive(person.line)
        for person in self.people:
            room = self.rooms.find(person.room)
            if person.lies or not person.line or not room or not person.me:
                continue
            infos = {who: each.info for who, each in room.members.items()}
            assert person.role is infos.pop(person.me).role
            assert person.others == infos
            for who in infos:
                if serial := self.sent.get((who, person.me)):
                    assert person.heard.get(who) == serial
        self.write_down()
        if self.clock.now > self.recalled_until:
            self.board.tick()
            self.settle()
            assert self.watcher.inside == self.inside()
        assert self.inside() <= self.watcher.inside
        for each in self.rooms_made:
            room = self.rooms.find(each)
            stays = self.do(self.store.participations(each))
            still = {stay.id: stay.host for stay in stays if stay.left_at is None}
            members = room.members if room else {}
            hosts = room.hosts() if room else []
            assert still == {who: who in hosts for who in members}

    def seats(self) -> list[m.ParticipantId]:
        return [who for room in self.found() for who in [*room.members, *room.waiting]]

    def inside(self) -> set[m.ParticipantId]:
        return {who for room in self.found() for who in room.members}

    def found(self) -> list[Room]:
        found = [self.rooms.find(each) for each in self.rooms_made]
        return [room for room in found if room is not None]


TestSwitchboard = Machine.TestCase
TestSwitchboard.settings = settings(
    max_examples=100, stateful_step_count=50, deadline=None
)
