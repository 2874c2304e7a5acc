"""Two processes that read the same commands know the same room, whoever lies.

Over one log in memory, which each of them reads as late as it likes.
"""

import asyncio
import itertools
from typing import Any

from guest import SECRET, FakeClock, counting
from hypothesis import settings, strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule
from test_switchboard import FakeJournal, FakeLine

from protocol import messages as m
from protocol.codes import GRACE, VERSION
from protocol.numbering import Numbers
from server.cluster.command import Command, Entry, decode, encode
from server.cluster.snapshot import Snapshot, decode as opened
from server.cluster.streams import FIRST, Read
from server.cluster.switchboard import SharedSwitchboard
from server.errors import Refused
from server.metrics import Traffic
from server.observer import Observers
from server.rooms import Rooms
from server.seat import Seat
from server.store import RoomRecord
from server.ticket import Tickets
from server.tokens import Pass, Role
from server.wire import TO_CLIENT

ROOM = m.RoomId("the-room")
RECORD = RoomRecord(ROOM, "", "ana", 0.0)
TURNS = 5  # of the loop, in which whatever can go on has gone on

picks = st.integers(0, 20)
people = st.sampled_from(["ana", "bo", "eva", "gus"])


class Log:
    """What Redis keeps: the commands, in the one order."""

    def __init__(self, clock: FakeClock) -> None:
        self.entries: list[Read] = []
        self._clock = clock

    def add(self, entry: Entry) -> None:
        id = f"{int(self._clock.unix() * 1000)}-{len(self.entries) + 1}"
        self.entries.append((id, decode(encode(entry))))


class LoggedStreams:
    """One process's way to the log: ``Streams`` without any Redis."""

    full = False

    def __init__(self, log: Log, node: str) -> None:
        self._log = log
        self._node = node
        self._serials = itertools.count(1)
        self._waiting: set[int] = set()

    def append(self, room: m.RoomId, command: Command) -> None:
        serial = next(self._serials)
        self._waiting.add(serial)
        self._log.add(Entry(self._node, serial, command))

    def awaits(self, serial: int) -> bool:
        return serial in self._waiting

    def came_back(self, serial: int) -> None:
        self._waiting.discard(serial)

    async def past(self, room: m.RoomId) -> None:
        return None  # both follow the room from its first entry

    def follow(self, room: m.RoomId, last: str) -> None:
        assert last == FIRST


class Process:
    """A switchboard, and how far it has read."""

    def __init__(self, name: str, log: Log, clock: FakeClock) -> None:
        self.board = SharedSwitchboard(
            Rooms(counting(f"{name}-"), lambda room, who: ()),
            FakeJournal(),
            clock,
            Tickets(SECRET),
            Observers(),
            Traffic(),
            lambda seconds: None,
            node=name,
            streams=LoggedStreams(log, name),  # type: ignore[arg-type]
        )
        self.log = log
        self.read = 0

    def catch_up(self, entries: int) -> None:
        news = self.log.entries[self.read : self.read + entries]
        self.read += len(news)
        self.board.apply(ROOM, news)

    def known(self) -> tuple[str, Snapshot]:
        last, state = self.board.snapshot(ROOM)
        return last, opened(state)


class Machine(RuleBasedStateMachine):
    """Four people at two processes, any of whom may lie."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.clock = FakeClock()
        self.log = Log(self.clock)
        self.processes = [Process(name, self.log, self.clock) for name in "ab"]
        self.coming: list[tuple[Process, asyncio.Task[Seat]]] = []
        self.seated: list[tuple[Process, Seat]] = []
        self.tickets: dict[str, list[tuple[str, str]]] = {}  # with their epochs
        for process in self.processes:
            self.loop.run_until_complete(process.board.open(ROOM))

    def teardown(self) -> None:
        for _, task in self.coming:
            task.cancel()
        self.settle()
        self.loop.close()

    @rule(at=picks, who=people, resume=picks, last_seq=st.sampled_from([0, 1, 999_999]))
    def come(self, at: int, who: str, resume: int, last_seq: int) -> None:
        process = self.processes[at % 2]
        mine = self.tickets.get(who, [])
        ticket, epoch = [("", ""), *mine[::-1]][resume % (len(mine) + 1)]
        hello = m.Hello(VERSION, "", who, resume=ticket, epoch=epoch, last_seq=last_seq)
        granted = Pass(who, ROOM, Role.MEMBER)
        line = FakeLine(self.clock.monotonic())
        entering = process.board.enter(line, hello, granted, RECORD)
        self.coming.append((process, self.loop.create_task(entering)))
        self.settle()

    @rule(at=picks, entries=st.integers(1, 5))
    def catch_up(self, at: int, entries: int) -> None:
        self.processes[at % 2].catch_up(entries)
        self.settle()

    @rule(by=picks, to=picks, number=st.integers(0, 9), data=st.data())
    def say(self, by: int, to: int, number: int, data: st.DataObject) -> None:
        if not self.seated:
            return
        process, seat = self.seated[by % len(self.seated)]
        target = self.seated[to % len(self.seated)][1].participant
        message = data.draw(
            st.sampled_from(
                [
                    m.Signal(target, 1, {"n": number}),
                    m.SetHand(True),
                    m.Chat(m.ParticipantId(f"c{number}"), "hola"),
                    m.Remove(target),
                    m.HandOver(target),
                    m.Lock(True),
                    m.Lock(False),
                    m.Leave(),
                ]
            )
        )
        if seat.line is not None:
            process.board.heard(seat, seat.line, message, Numbers(number, 0))

    @rule(by=picks)
    def cut(self, by: int) -> None:
        if self.seated:
            process, seat = self.seated[by % len(self.seated)]
            if seat.line is not None:
                process.board.hung_up(seat, seat.line, 1006)

    @rule(seconds=st.sampled_from([1.0, GRACE]))
    def wait(self, seconds: float) -> None:
        self.clock.advance(seconds)
        for process in self.processes:
            process.board.tick()

    @invariant()
    def who_has_read_the_same_knows_the_same(self) -> None:
        one, two = self.processes
        if one.read == two.read:
            assert one.known() == two.known()

    @rule()
    def agree(self) -> None:
        for process in self.processes:
            process.catch_up(len(self.log.entries))
        self.settle()

    def settle(self) -> None:
        async def turn() -> None:
            for _ in range(TURNS):
                await asyncio.sleep(0)

        self.loop.run_until_complete(turn())
        for process, task in [each for each in self.coming if each[1].done()]:
            self.coming.remove((process, task))
            self.seat(process, task)

    def seat(self, process: Process, task: asyncio.Task[Seat]) -> None:
        if task.cancelled() or isinstance(task.exception(), Refused):
            return
        seat = task.result()
        self.seated.append((process, seat))
        while (letter := seat.outbox.take()) is not None:
            told: Any = TO_CLIENT.decode(letter.text)
            if isinstance(told, m.Joined | m.Resumed) and told.resume:
                who = seat.room.members[seat.participant].subject
                self.tickets.setdefault(who, []).append((told.resume, seat.epoch))


TestReplicas = Machine.TestCase
TestReplicas.settings = settings(max_examples=40, stateful_step_count=30, deadline=None)
