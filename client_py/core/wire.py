"""My wire to the server: one connection after the other, and what goes over it.

Messages are numbered (``core/stream.py``), so that after a cut the next connection
goes on where the one before it was.
"""

import asyncio
import json
import logging
from collections.abc import Callable

from client_py.core import event as e
from client_py.core.backoff import ATTEMPT, SETTLED
from client_py.core.errors import SignalingError
from client_py.core.heartbeat import Heartbeat
from client_py.core.ports import Closed, Signaling, TextReceived
from client_py.core.state import Problem
from client_py.core.stream import Outgoing, Stream, Verdict
from client_py.core.tasks import Tasks
from protocol.codec import Codec
from protocol.errors import ProtocolError
from protocol.messages import (
    ClientMessage,
    Joined,
    Ping,
    Pong,
    Resumed,
    ServerMessage,
    Waiting,
)
from protocol.numbering import SEQ, N, stamp

log = logging.getLogger("tertulia.wire")

_TO_SERVER: Codec[ClientMessage] = Codec(
    ClientMessage, json.loads, lambda plain: json.dumps(plain, separators=(",", ":"))
)
_FROM_SERVER: Codec[ServerMessage] = Codec(ServerMessage, json.loads, json.dumps)


class Wire:
    """The way to the server over ``signaling``; what happens on it is posted."""

    def __init__(
        self, signaling: Signaling, post: Callable[[e.Event], None], tasks: Tasks
    ) -> None:
        self._signaling = signaling
        self._post = post
        self._tasks = tasks
        self._stream = Stream()
        self._connecting: asyncio.Task[None] | None = None
        self._beating: asyncio.Task[None] | None = None
        self._beat = self._new_beat()
        self._settling: asyncio.TimerHandle | None = None

    def connect(self, room: str, passcode: str) -> None:
        """Begin another connection, in the place of the one there is."""
        self.hang_up()
        self._connecting = self._tasks.spawn(self._connect(room, passcode))
        self._connecting.add_done_callback(self._connected)

    def hang_up(self) -> None:
        """End the connection, or the try to get one."""
        if self._settling is not None:
            self._settling.cancel()
        for task in (self._connecting, self._beating):
            if task is not None and task is not asyncio.current_task():
                task.cancel()
        self._connecting = self._beating = self._settling = None
        self._stream.cut()
        self._signaling.close()

    def say(self, message: ClientMessage) -> None:
        """Send a message, or keep it for the next connection."""
        if outgoing := self._stream.say(message):
            self._transmit(outgoing)
        self._acknowledge()

    def probe(self) -> None:
        """Find out now whether anybody is at the other end."""
        if self._beating is not None:
            self._beat.check()

    async def _connect(self, room: str, passcode: str) -> None:
        beat = self._beat = self._new_beat()
        try:
            async with asyncio.timeout(ATTEMPT):
                token = await self._signaling.admit(room, passcode)
                await self._signaling.connect(self._got)
        except SignalingError as error:
            self._post(e.AdmissionFailed(error.problem))
            return
        except TimeoutError:
            self._post(e.AdmissionFailed(Problem.SERVER_UNREACHABLE))
            return
        self._beating = self._tasks.spawn(beat.run())
        loop = asyncio.get_running_loop()
        self._settling = loop.call_later(SETTLED, self._post, e.Settled())
        self._post(e.Admitted(token))

    def _connected(self, task: asyncio.Task[None]) -> None:
        if task is self._connecting and not task.cancelled() and task.exception():
            self._post(e.AdmissionFailed(Problem.INTERNAL))

    def _new_beat(self) -> Heartbeat:
        return Heartbeat(lambda ping: self.say(Ping(ping)), self._lose)

    def _got(self, event: TextReceived | Closed) -> None:
        if isinstance(event, Closed):
            self.hang_up()
            self._post(e.SocketClosed(event.code))
            return
        try:
            message, numbers = _FROM_SERVER.decode_numbered(event.text, SEQ)
        except ProtocolError as error:
            log.warning("< not understood: %s", error)
            return
        match self._stream.hear(numbers):
            case Verdict.NEW:
                self._hear(message)
            case Verdict.GAP:
                log.warning("< something is missing")
                self._lose()
        self._acknowledge()

    def _hear(self, message: ServerMessage) -> None:
        if isinstance(message, Pong):
            self._beat.pong(message.id)
            return
        match message:
            case Joined() | Resumed():
                for outgoing in self._stream.go_on(message):
                    self._transmit(outgoing)
            case Waiting():
                self._stream.wait()
        self._post(e.Heard(message))

    def _acknowledge(self) -> None:
        if self._stream.owes:
            self.say(Ping(0))  # nobody waits for its pong

    def _transmit(self, outgoing: Outgoing) -> None:
        message, numbers = outgoing
        self._signaling.send(stamp(_TO_SERVER.encode(message), N, numbers))

    def _lose(self) -> None:
        """The socket is open, but nobody answers."""
        self.hang_up()
        self._post(e.SocketClosed(1006))
