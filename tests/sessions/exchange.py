"""The real server's core in the place of a server, with a network before it.

What the sockets and the endpoint do for it is done here in memory, on the running
loop's time: every text takes its own time, and none overtakes another.
"""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import count
from random import Random
from typing import Any

from client_py.core.errors import SignalingError
from client_py.core.ports import Closed, TextReceived
from client_py.core.state import Problem
from client_py.core.wake import Sign
from protocol import messages as m
from protocol.codes import CloseCode
from protocol.numbering import N
from server.errors import Refused
from server.journal import Journal
from server.rooms import Rooms
from server.seat import Seat
from server.store import RoomRecord
from server.switchboard import Switchboard
from server.ticket import Tickets
from server.tokens import Pass, Role
from server.wire import FROM_CLIENT, TO_CLIENT

ROOM = m.RoomId("the-room")
RECORD = RoomRecord(ROOM, "", "", 0.0, e2ee=False)  # secrets decide it here
TICK = 1.0  # seconds between two looks of the server at who is gone
SLOWEST = 0.2  # seconds that a text takes at the most, each way

Emit = Callable[[TextReceived | Closed], None]
#: What is told in place of a text, given whose device it is for.
Meddle = Callable[[str, str], str]


class LoopClock:
    """Goes as the loop goes."""

    def unix(self) -> float:
        return 1_800_000_000.0 + self.monotonic()

    def monotonic(self) -> float:
        return asyncio.get_running_loop().time()


class SilentJournal(Journal):
    """Writes nothing down."""

    def __init__(self) -> None:
        pass

    def came(self, participation: Any) -> None:
        pass

    def returned(self, participation: Any) -> None:
        pass

    def went(self, participation: str, at: float, reason: str) -> None:
        pass

    def hosted(self, participation: str, host: bool) -> None:
        pass

    def measured(self, link: Any) -> None:
        pass

    def reached(self, participation: str, way: Any) -> None:
        pass

    def end(self, room: m.RoomId, at: float, hosts: tuple[str, ...]) -> None:
        pass


class Exchange:
    """One server of one room; ``board`` is None while it is away."""

    def __init__(self, random: Random) -> None:
        self.random = random
        self.board: Switchboard | None = None
        self.sockets: list[Socket] = []
        self.heard: list[m.ClientMessage] = []
        self.meddle: Meddle = lambda subject, text: text
        self._numbers = count(1)
        self._secrets = count(1)
        self._forget()
        self._start()
        self._ticking = asyncio.create_task(self._tick())

    def line(self, subject: str) -> "Line":
        """Return the way of a device to this server."""
        return Line(self, subject)

    def restart(self, away: float, *, forgets: bool = False) -> None:
        """Be killed, and come back; one that ``forgets`` honours no older ticket."""
        if self.board is None:
            return
        self.board = None
        for socket in list(self.sockets):
            socket.end(1006)
        if forgets:
            self._forget()
        asyncio.get_running_loop().call_later(away, self._start)

    @property
    def seats(self) -> int:
        """How many places are taken."""
        return self.board.seats if self.board else 0

    async def close(self) -> None:
        """Be there no longer."""
        self._ticking.cancel()
        await asyncio.wait([self._ticking])

    def _forget(self) -> None:
        self._secret = f"secret number {next(self._secrets)} of this server"

    def _start(self) -> None:
        rooms = Rooms(lambda: f"p{next(self._numbers)}", lambda room, who: ())
        self.board = Switchboard(
            rooms, SilentJournal(), LoopClock(), Tickets(self._secret)
        )

    async def _tick(self) -> None:
        while True:
            await asyncio.sleep(TICK)
            if self.board is not None:
                self.board.tick()


class Line:
    """``Signaling`` to an exchange.

    One that is ``deaf`` carries nothing in either direction, and neither end knows.
    """

    def __init__(self, exchange: Exchange, subject: str) -> None:
        self.subject = subject
        self.deaf = False
        self.wake: Callable[[Sign], None] | None = None
        self._exchange = exchange
        self._socket: Socket | None = None

    # -- the port

    async def create_room(self) -> str:
        await self._ask()
        return str(ROOM)

    async def admit(self, room: str, passcode: str = "") -> str:
        await self._ask()
        return "token"

    async def connect(self, emit: Emit) -> None:
        await self._ask()
        self._socket = Socket(self._exchange, self, emit)
        self.deaf = False

    def watch(self, wake: Callable[[Sign], None] | None) -> None:
        self.wake = wake

    def send(self, text: str) -> None:
        if self._socket is not None:
            self._socket.send(text)

    def close(self) -> None:
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.hang_up(CloseCode.HUNG_UP)

    # -- the test as the network

    def drop(self) -> None:
        """Cut the socket; both ends notice."""
        socket, self._socket = self._socket, None
        if socket is not None:
            socket.end(1006)

    def vanish(self) -> None:
        """Let the whole device be gone: not even the server notices."""
        self.deaf = True

    async def _ask(self) -> None:
        await asyncio.sleep(self._exchange.random.random() * SLOWEST)
        if self._exchange.board is None:
            raise SignalingError(Problem.SERVER_UNREACHABLE)


class Socket:
    """One connection, and the endpoint's part for it: a ``server.seat.Line``."""

    def __init__(self, exchange: Exchange, line: Line, emit: Emit) -> None:
        self.heard_at = LoopClock().monotonic()
        self._up = _Way(self)
        self._down = _Way(self)
        self._exchange = exchange
        self._board = exchange.board
        self._line = line
        self._emit = emit
        self._seat: Seat | None = None
        self._stands = True
        self._hung_up = False  # by the client, who hears nothing any more
        exchange.sockets.append(self)

    @property
    def carries(self) -> bool:
        """Whether what is on its way arrives."""
        return self._stands and not self._line.deaf

    @property
    def delay(self) -> float:
        return self._exchange.random.random() * SLOWEST

    # -- what the client does to it

    def send(self, text: str) -> None:
        self._up.put(lambda: self._hear(text))

    def hang_up(self, code: int) -> None:
        self._hung_up = True
        self._up.put(lambda: self.end(code))  # what was said before arrives before

    # -- what the server does to it

    def ring(self) -> None:
        seat = self._seat
        if seat is None:
            return  # it is rung once there is one
        while seat.line is self and (letter := seat.outbox.take()) is not None:
            self._tell(TextReceived(seat.stamped(letter)))

    def close(self, code: CloseCode) -> None:
        asyncio.get_running_loop().call_later(SLOWEST, self.end, int(code))

    # -- how it ends

    def end(self, code: int) -> None:
        """Be closed for both ends, unless the way to the client is gone."""
        if not self._stands:
            return
        told, self._stands = self.carries, False
        self._exchange.sockets.remove(self)
        seat, self._seat = self._seat, None
        if seat is not None and self._board is self._exchange.board is not None:
            self._board.hung_up(seat, self, code)
        if told and not self._hung_up:
            self._emit(Closed(code))

    def _tell(self, event: TextReceived) -> None:
        event = TextReceived(self._exchange.meddle(self._line.subject, event.text))
        self._down.put(lambda: self._hung_up or self._emit(event))

    def _hear(self, text: str) -> None:
        board = self._board
        if board is None:
            return  # it was away before they came
        self.heard_at = LoopClock().monotonic()
        message, numbers = FROM_CLIENT.decode_numbered(text, N)
        if not isinstance(message, m.Ping):
            self._exchange.heard.append(message)
        if self._seat is not None:
            board.heard(self._seat, self, message, numbers)
        elif isinstance(message, m.Hello):
            granted = Pass(self._line.subject, ROOM, Role.MEMBER)
            try:
                self._seat = board.admit(self, message, granted, RECORD)
            except Refused as refused:
                failed = m.Failed(refused.code, str(refused), "hello")
                self._tell(TextReceived(TO_CLIENT.encode(failed)))
                self.close(CloseCode.REFUSED)
            else:
                self.ring()
        else:
            self.close(CloseCode.BAD_MESSAGE)


class _Way:
    """What goes in one direction: in order, each at its own pace."""

    def __init__(self, socket: Socket) -> None:
        self._socket = socket
        self._underway: deque[Callable[[], object]] = deque()

    def put(self, arrive: Callable[[], object]) -> None:
        self._underway.append(arrive)
        asyncio.get_running_loop().call_later(self._socket.delay, self._carry)

    def _carry(self) -> None:
        arrive = self._underway.popleft()
        if self._socket.carries:
            arrive()
