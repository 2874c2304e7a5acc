"""Whatever is cut, lost, resumed or restarted: once and in order, or told anew.

The client's real stream and the server's real switchboard, with a network between
them that the test cuts wherever it likes.
"""

import json
from collections.abc import Callable
from itertools import count

from hypothesis import HealthCheck, given, settings, strategies as st

from client_py.core.stream import Stream, Verdict
from protocol import messages as m
from protocol.codec import Codec
from protocol.codes import VERSION, CloseCode
from protocol.numbering import SEQ, N, Numbers, stamp
from server.rooms import Rooms
from server.seat import Seat
from server.store import RoomRecord
from server.switchboard import Switchboard
from server.ticket import Tickets
from server.tokens import Pass, Role
from server.wire import FROM_CLIENT
from tests.sessions.exchange import SilentJournal

ROOM = m.RoomId("the-room")
RECORD = RoomRecord(ROOM, "", "its maker", 0.0)
SECRET = "a secret that every server of this file has"

TO_SERVER: Codec[m.ClientMessage] = Codec(m.ClientMessage, json.loads, json.dumps)
FROM_SERVER: Codec[m.ServerMessage] = Codec(m.ServerMessage, json.loads, json.dumps)


class Clock:
    """Stands still: nobody's grace ends."""

    def unix(self) -> float:
        return 1_800_000_000.0

    def monotonic(self) -> float:
        return 0.0


class Line:
    """A connection that stands until the test cuts it."""

    heard_at = 0.0

    def ring(self) -> None:
        pass

    def close(self, code: CloseCode) -> None:
        pass


def new_server(ids: Callable[[], str]) -> Switchboard:
    return Switchboard(
        Rooms(ids, lambda room, who: ()), SilentJournal(), Clock(), Tickets(SECRET)
    )


class Person:
    """A client at one end of a network of texts."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.me = m.ParticipantId("")
        self.log: list[int | str] = []  # what was told: a serial, or a new beginning
        self.said = 0
        self._stream = Stream()
        self._resume = ""
        self._up: list[str] = []
        self._down: list[str] = []
        self._seat: Seat | None = None
        self._line = Line()
        self._heard: dict[m.ParticipantId, int] = {}

    def connect(self, server: Switchboard) -> None:
        """Come in, or back; nothing of the answer has arrived yet."""
        hello = m.Hello(VERSION, "", self.name, resume=self._resume)
        outgoing = self._stream.say(hello)
        assert outgoing is not None
        said = outgoing[0]
        assert isinstance(said, m.Hello)
        self._line = Line()
        granted = Pass(self.name, ROOM, Role.MEMBER)
        self._seat = server.admit(self._line, said, granted, RECORD)

    def say(self, to: m.ParticipantId) -> None:
        """Send the next signal."""
        self.said += 1
        self._send(m.Signal(to, self.said, {}))

    def ping(self) -> None:
        self._send(m.Ping(1))

    def write(self) -> None:
        """Let the server put on the network what waits."""
        if self._seat is not None and self._seat.line is self._line:
            while (letter := self._seat.outbox.take()) is not None:
                text = self._seat.stamped(letter)
                self._down.append(text)

    def arrive_up(self, server: Switchboard, number: int) -> None:
        """Let so many texts reach the server."""
        for _ in range(min(number, len(self._up))):
            message, numbers = FROM_CLIENT.decode_numbered(self._up.pop(0), N)
            if self._seat is not None:
                server.heard(self._seat, self._line, message, numbers)

    def arrive_down(self, number: int) -> None:
        """Let so many texts reach me."""
        for _ in range(min(number, len(self._down))):
            self._hear(self._down.pop(0))

    def cut(self, server: Switchboard | None) -> None:
        """Lose the connection; a server that is there notices."""
        self._stream.cut()
        self._up.clear()
        self._down.clear()
        if server is not None and self._seat is not None:
            server.hung_up(self._seat, self._line, 1006)
        self._seat = None

    @property
    def connected(self) -> bool:
        return self._seat is not None

    def _hear(self, text: str) -> None:
        message, numbers = FROM_SERVER.decode_numbered(text, SEQ)
        verdict = self._stream.hear(numbers)
        assert verdict is not Verdict.GAP
        if verdict is Verdict.AGAIN:
            return
        if isinstance(message, m.Joined | m.Resumed):
            self._resume = message.resume
            if isinstance(message, m.Joined):
                assert self.me in ("", message.you), "somebody else all at once"
                self.me = message.you
                self.log.append("told anew")
            for each, its in self._stream.go_on(message):
                self._transmit(each, its)
        elif isinstance(message, m.Signaled):
            if message.n <= self._heard.get(message.from_, 0):
                return  # as the roster does
            self._heard[message.from_] = message.n
            self.log.append(message.generation)
        else:
            assert not isinstance(message, m.Failed), message

    def _send(self, message: m.ClientMessage) -> None:
        if outgoing := self._stream.say(message):
            self._transmit(*outgoing)

    def _transmit(self, message: m.ClientMessage, numbers: Numbers) -> None:
        self._up.append(stamp(TO_SERVER.encode(message), N, numbers))


_who = st.sampled_from((0, 1))
STEPS = [
    st.tuples(st.just("say"), _who, st.just(0)),
    st.tuples(st.just("ping"), _who, st.just(0)),
    st.tuples(st.just("write"), _who, st.just(0)),
    st.tuples(st.just("up"), _who, st.integers(1, 4)),
    st.tuples(st.just("down"), _who, st.integers(1, 4)),
    st.tuples(st.just("cut"), _who, st.just(0)),
    st.tuples(st.just("connect"), _who, st.just(0)),
]
RESTART = st.tuples(st.just("restart"), st.just(0), st.just(0))

thoroughly = settings(
    max_examples=400, deadline=None, suppress_health_check=list(HealthCheck)
)


class World:
    """Two people and the server between them."""

    def __init__(self) -> None:
        numbers = count(1)
        self.ids = lambda: f"p{next(numbers)}"
        self.server = new_server(self.ids)
        self.people = [Person("Ana"), Person("Bo")]
        for _ in range(2):
            for person in self.people:
                if not person.connected:
                    person.connect(self.server)
                self.settle(person)

    def settle(self, person: Person) -> None:
        person.write()
        person.arrive_down(10**6)
        person.arrive_up(self.server, 10**6)

    def step(self, verb: str, who: int, number: int) -> None:
        person, other = self.people[who], self.people[1 - who]
        match verb:
            case "say":
                person.say(other.me)
            case "ping":
                person.ping()
            case "write":
                person.write()
            case "up":
                person.arrive_up(self.server, number)
            case "down":
                person.arrive_down(number)
            case "cut":
                person.cut(self.server)
            case "connect":
                person.connect(self.server)  # perhaps a second socket of the same
            case "restart":
                for each in self.people:
                    each.cut(None)
                self.server = new_server(self.ids)

    def finish(self) -> None:
        """Let everyone be back and everything arrive."""
        for _ in range(3):
            for person in self.people:
                if not person.connected:
                    person.connect(self.server)
                self.settle(person)
        for person in self.people:
            self.settle(person)

    def check(self) -> None:
        for hearer, speaker in (self.people, self.people[::-1]):
            last = 0
            told_anew = False
            for each in [*hearer.log[1:], speaker.said + 1]:
                if isinstance(each, str):
                    told_anew = True
                    continue
                assert each > last, "twice, or out of order"
                assert each == last + 1 or told_anew, "lost, and not told anew"
                last, told_anew = each, False


def play(steps: list[tuple[str, int, int]]) -> World:
    world = World()
    for step in steps:
        # A second socket of the same person: what is on the first is lost.
        verb, who, _ = step
        if verb == "connect" and world.people[who].connected:
            world.people[who].cut(None)
        world.step(*step)
    world.finish()
    world.check()
    return world


@thoroughly
@given(st.lists(st.one_of(*STEPS), max_size=80))
def test_cuts_alone_lose_nothing_and_tell_nothing_anew(
    steps: list[tuple[str, int, int]],
) -> None:
    ana, bo = play(steps).people
    assert ana.log == ["told anew", *range(1, bo.said + 1)]
    assert bo.log == ["told anew", *range(1, ana.said + 1)]


@thoroughly
@given(st.lists(st.one_of(*STEPS, RESTART), max_size=80))
def test_restarts_too_are_once_and_in_order_or_told_anew(
    steps: list[tuple[str, int, int]],
) -> None:
    play(steps)


@given(st.lists(st.one_of(*STEPS), max_size=40), st.integers(257, 600))
@settings(max_examples=20, deadline=None, suppress_health_check=list(HealthCheck))
def test_more_than_is_kept_is_told_anew(
    steps: list[tuple[str, int, int]], number: int
) -> None:
    word = [("say", 0, 0), ("up", 0, 9), ("ping", 0, 0), ("up", 0, 1)]
    answer = [("write", 0, 0), ("down", 0, 99)]
    flood = [step for _ in range(number) for step in (*word, *answer)]
    world = play([*steps, ("connect", 0, 0), *answer, ("cut", 1, 0), *flood])
    assert world.people[1].log.count("told anew") >= 2
