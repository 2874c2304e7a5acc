"""The rooms that one of several processes follows, without any Redis."""

import asyncio

import pytest
from guest import SECRET, FakeClock, counting
from test_switchboard import FakeJournal, FakeLine, read

from protocol import messages as m
from protocol.codes import VERSION, ErrorCode
from protocol.numbering import Numbers
from server.cluster.command import Command, End, Entry as Written
from server.cluster.replica import IDLE
from server.cluster.streams import FIRST, Past, is_after
from server.cluster.switchboard import SNAPSHOT_SIZE, SharedSwitchboard
from server.errors import StreamError
from server.metrics import Traffic
from server.observer import Observers
from server.rooms import Rooms
from server.seat import Seat
from server.store import RoomRecord
from server.ticket import Tickets
from server.tokens import Pass, Role

ROOMS = tuple(m.RoomId(f"room-{number}") for number in range(3))
OPEN = RoomRecord(ROOMS[0], "", "its maker", 1.0, e2ee=False)
NODE = "one"


class FakeStreams:
    """A Redis that answers at once, or not at all; what is written can be read back.

    ``asked`` runs while an answer is on its way.
    """

    full = False

    def __init__(self) -> None:
        self.there = True
        self.kept: dict[m.RoomId, list[tuple[str, Written]]] = {}
        self.waiting: dict[int, tuple[m.RoomId, Command]] = {}
        self.asked = lambda: None
        self._entries = 0
        self._serials = counting("")

    def append(self, room, command):
        self.waiting[int(self._serials())] = (room, command)

    def awaits(self, serial):
        return serial in self.waiting

    def came_back(self, serial):
        self.waiting.pop(serial, None)

    @property
    def unread(self):
        return {room for room, _ in self.waiting.values()}

    def follow(self, room, last):
        pass

    def leave(self, room):
        pass

    async def past(self, room):
        self._ask()
        entries = self.kept.get(room)
        return Past(FIRST, b"", list(entries)) if entries else None

    async def save(self, room, last, state):
        self._ask()
        entries = self.kept.get(room)
        return entries[-1][0] if entries and is_after(entries[-1][0], last) else last

    async def contains(self, room, *ids):
        self._ask()
        return set(ids) <= {id for id, _ in self.kept.get(room, ())}

    def write(self) -> dict[m.RoomId, list[tuple[str, Written]]]:
        """Take what waits; return what is to be read of it."""
        news: dict[m.RoomId, list[tuple[str, Written]]] = {}
        for serial, (room, command) in self.waiting.items():
            self._entries += 1
            entry = f"{self._entries}-0", Written(NODE, serial, command)
            self.kept.setdefault(room, []).append(entry)
            news.setdefault(room, []).append(entry)
        return news

    def _ask(self):
        self.asked()
        if not self.there:
            raise StreamError("Redis is away")


class Place:
    """A process, its clock and its streams."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.streams = FakeStreams()
        self.board = SharedSwitchboard(
            Rooms(counting(), lambda room, participant: ()),
            FakeJournal(),
            self.clock,
            Tickets(SECRET),
            Observers(),
            Traffic(),
            lambda seconds: None,
            node=NODE,
            streams=self.streams,
        )

    def read(self) -> None:
        for room, entries in self.streams.write().items():
            self.board.apply(room, entries)

    async def join(self, name: str, record: RoomRecord = OPEN) -> Seat:
        hello = m.Hello(VERSION, "", name)
        granted = Pass(name, ROOMS[0], Role.MEMBER)
        line = FakeLine(self.clock.monotonic())
        record = record or RoomRecord(ROOMS[0], "", "its maker", 0.0)
        coming = asyncio.create_task(self.board.enter(line, hello, granted, record))
        while not self.streams.waiting:  # noqa: ASYNC110 (it tells nobody)
            await asyncio.sleep(0)
        self.read()
        return await coming

    def say(self, seat: Seat, message: m.ClientMessage, n: int) -> None:
        self.board.heard(seat, seat.line, message, Numbers(n, 0))

    def said(self) -> list[str]:
        return [type(each).__name__ for _, each in self.streams.waiting.values()]

    def idle(self) -> list[m.RoomId]:
        return self.board.idle(frozenset({NODE}))

    def close_the_idle(self) -> None:
        for room in self.idle():
            self.board.close(room)


@pytest.fixture
async def place() -> Place:
    """Somebody here has changed all of the rooms."""
    place = Place()
    for room in ROOMS:
        await place.board.prepare(room)
        place.board.end(room)
    place.read()
    return place


async def test_rooms_that_are_closed_while_redis_comes_back_stop_nothing(place):
    place.clock.advance(IDLE)
    place.streams.asked = place.close_the_idle
    await place.board.catch_up()
    assert place.idle() == []


async def test_a_room_of_which_something_was_missed_is_begun_anew(place):
    missed = "99-0", Written("another", 1, End(deserted=False))
    place.streams.kept[ROOMS[1]] = [missed]
    await place.board.catch_up()
    last = [place.board.snapshot(room)[0] for room in ROOMS]
    assert last == ["1-0", "99-0", "3-0"]


async def test_a_room_that_was_missed_and_closed_meanwhile_stays_closed(place):
    missed = "99-0", Written("another", 1, End(deserted=False))
    place.streams.kept[ROOMS[1]] = [missed]
    place.clock.advance(IDLE)
    asked = iter(range(5))

    def close_between_two_answers():
        if next(asked) == 2:  # the room was saved, and is looked for
            place.close_the_idle()

    place.streams.asked = close_between_two_answers
    await place.board.catch_up()
    with pytest.raises(KeyError):
        place.board.snapshot(ROOMS[1])


async def test_a_room_is_followed_until_what_was_said_in_it_was_read_back(place):
    place.board.end(ROOMS[1])
    place.streams.there = False  # for longer than a room is kept for nobody
    place.clock.advance(IDLE)
    assert place.idle() == [ROOMS[0], ROOMS[2]]
    place.close_the_idle()
    place.streams.there = True
    place.read()
    assert place.streams.waiting == {}
    place.clock.advance(IDLE)
    assert place.idle() == [ROOMS[1]]


async def test_what_nobody_would_hear_is_not_written():
    place = Place()
    ana, bo = await place.join("Ana"), await place.join("Bo")
    nobody = m.ParticipantId("nobody")
    read(ana)
    for n, to in enumerate((nobody, ana.participant, bo.participant), 1):
        place.say(ana, m.Signal(to, 1, {"sdp": "x" * 9000}), n)
    assert place.said() == ["Deny", "Deny", "Relay"]
    place.read()
    assert [each.code for each in read(ana)] == [ErrorCode.NO_SUCH_PEER] * 2
    assert read(bo)[-1].body == {"sdp": "x" * 9000}


async def test_who_waits_before_the_door_is_not_written_down():
    place = Place()
    record = RoomRecord(ROOMS[0], "", "Ana", 1.0, waiting_room=True)
    await place.join("Ana", record)
    bo = await place.join("Bo", record)
    read(bo)
    place.say(bo, m.Chat(m.ParticipantId("c"), "let me in"), 1)
    assert place.said() == ["Deny"]
    place.read()
    assert [each.code for each in read(bo)] == [ErrorCode.FORBIDDEN]


async def test_another_hello_is_refused_and_its_token_not_written():
    place = Place()
    ana = await place.join("Ana")
    read(ana)
    place.say(ana, m.Hello(VERSION, "a.token.of.hers", "Ana"), 0)
    assert place.said() == []
    assert read(ana) == [
        m.Failed(ErrorCode.BAD_MESSAGE, "not expected now", "hello"),
    ]


async def test_a_room_in_which_much_is_said_is_saved_the_sooner():
    place, saved = Place(), []
    ana, bo = await place.join("Ana"), await place.join("Bo")
    place.board.save = lambda room, last, state: saved.append(last)
    body = {"sdp": "x" * (SNAPSHOT_SIZE // 32 - len('{"sdp":""}'))}
    for n in range(1, 64):
        place.say(ana, m.Signal(bo.participant, 1, body), n)
    place.read()
    assert len(saved) == 1
    place.say(ana, m.Signal(bo.participant, 1, body), 64)
    place.read()
    assert len(saved) == 2
