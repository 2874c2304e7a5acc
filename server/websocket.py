"""One WebSocket below the application: it opens, closes, and ends in time.

Whoever is in a room is handed messages past ASGI, as ``server/direct.py`` tells. All
that comes before is plain ASGI, and done once: the request that ``transport.py`` has
read is not read again.
"""

import asyncio
import logging
from collections import deque
from enum import Enum, auto
from typing import Final

from starlette.types import Message
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.server import ServerState
from websockets.frames import CloseCode as Goodbye, Frame, Opcode
from websockets.protocol import OPEN

from protocol.codes import CloseCode
from server.address import host
from server.configuration import Configuration
from server.conversation import Conversation, frame_of
from server.direct import Listener
from server.handshake import Asked, Refusal, acceptance, response

log = logging.getLogger("tertulia.transport")
# Whoever makes noise must not fill the log; and uvicorn writes paths at info,
# where somebody may have put a token. Faults of our own still show.
log.setLevel(logging.ERROR)

LINGER: Final = 5.0  # seconds for a client to read what was said last
LAST_ANSWERS: Final = 1.0  # seconds to answer what came before a fault
PARTING: Final = 10.0  # seconds for a client to answer a close
TOO_DEAF: Final = 4 * 1024 * 1024  # bytes that still come when all was said
STALL: Final = 60.0  # seconds for a slow reader to take what was written
AHEAD: Final = 64 * 1024  # bytes that may come before they are listened to


_TEXT, _BINARY, _PONG = 0x81, 0x82, 0x8A  # whole ones


class _Phase(Enum):
    """Where a WebSocket is. The connection may be lost in any of them."""

    ASKED = auto()  # not answered yet
    OPEN = auto()
    OVER = auto()  # we said our last
    LOST = auto()


class WebSocketTransport(asyncio.Protocol):
    """One WebSocket: a ``Direct`` connection.

    Drops what a client doesn't read after the conversation is over: closing a
    transport waits for its buffer to be written; a client that reads nothing would
    keep it, and the connection, for ever.
    """

    __slots__ = (
        "_ahead",
        "_asked",
        "_config",
        "_deaf",
        "_early",
        "_events",
        "_frames",
        "_leaving",
        "_lingering",
        "_listener",
        "_loop",
        "_phase",
        "_pinged",
        "_reading",
        "_response",
        "_stalled",
        "_state",
        "_waiter",
        "conn",
        "transport",
        "writable",
    )

    def __init__(
        self,
        config: Configuration,
        state: ServerState,
        loop: asyncio.AbstractEventLoop,
        transport: asyncio.Transport,
        asked: Asked,
    ) -> None:
        self.transport = transport
        self.writable = asyncio.Event()
        self.writable.set()
        self.conn = Conversation(
            max_size=config.ws_max_size,
            now=loop.time,
            scale=config.gate.scale,
            logger=log,
        )
        self._config = config
        self._state = state
        self._loop = loop
        self._asked = asked
        self._phase = _Phase.ASKED
        self._early = b""  # what came before the handshake was answered
        self._events: deque[Message] = deque([{"type": "websocket.connect"}])
        self._waiter: asyncio.Future[None] | None = None
        self._frames: list[bytes] = []  # of a message that isn't whole yet
        self._listener: Listener | None = None
        self._reading = True
        self._ahead = 0  # characters that wait to be listened to
        self._response: Message | None = None  # of a refusal
        self._leaving: asyncio.TimerHandle | None = None
        self._lingering: asyncio.TimerHandle | None = None
        self._pinged: bytes | None = None  # what a slow reader is still to be told
        self._stalled: asyncio.TimerHandle | None = None
        self._deaf = 0  # bytes that came after the connection had failed

    def begin(self) -> None:
        """Take the connection over, and let the application talk."""
        self._state.connections.add(self)  # type: ignore[arg-type]  # uvicorn's own
        self.transport.set_protocol(self)
        task = self._loop.create_task(self._run())
        self._state.tasks.add(task)
        task.add_done_callback(self._state.tasks.discard)

    # -- the connection

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection out, and forget what would keep it in memory."""
        code = 1006 if self._phase is _Phase.ASKED else 1005
        self._phase = _Phase.LOST
        self._put({"type": "websocket.disconnect", "code": code})
        self._state.connections.discard(self)
        self.writable.set()  # else who waits for it would do so for ever
        self._stay()
        self._be_patient()
        if self._lingering is not None:
            self._lingering.cancel()
        self.conn.end()
        self._config.gate.disconnect(host(self._asked.client))

    def eof_received(self) -> None:
        """Close: nobody is there any more who could say something."""

    def pause_writing(self) -> None:
        """Wait for a slow reader, but not for ever."""
        self.writable.clear()
        self._stalled = self._loop.call_later(STALL, self._stall)

    def resume_writing(self) -> None:
        """The reader has caught up."""
        self._be_patient()
        self.writable.set()
        pinged, self._pinged = self._pinged, None
        if pinged is not None and self._phase is _Phase.OPEN:
            self.transport.write(frame_of(_PONG, pinged))

    def _stall(self) -> None:
        """Nobody reads: a close frame wouldn't be read either."""
        self._put({"type": "websocket.disconnect", "code": CloseCode.SLOW})
        self.transport.abort()

    def _be_patient(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    def shutdown(self) -> None:
        """End at once: the server stops."""
        if self._phase is _Phase.OPEN:
            code = Goodbye.SERVICE_RESTART
            self._put({"type": "websocket.disconnect", "code": code})
            self._say_close(code, "")
        elif self._phase is _Phase.ASKED:
            self._refuse(Refusal(503, b"this server stops\n").answer())
        self.transport.close()

    # -- in

    def data_received(self, data: bytes) -> None:
        """Hand on what came whole; what was wrong with the rest comes after."""
        if self._phase is _Phase.ASKED:
            self._early += data
            self._pause(len(self._early))
            return
        found, over = self.conn.fault, self._phase is not _Phase.OPEN
        if over and found is not None:
            self._deaf += len(data)
            if self._deaf > TOO_DEAF:
                self.transport.abort()
                return
        if not over:
            texts, data = self.conn.cut_texts(data)
            for text in texts:
                self._hand_on(text)
        if data:
            for frame in self.conn.receive_data(data):
                self._judge(frame)
        if found is None and self.conn.fault is not None:
            code, reason = self.conn.fault
            self._put({"type": "websocket.disconnect", "code": code, "reason": reason})
            self._loop.call_later(LAST_ANSWERS, self._fail)

    def _judge(self, frame: Frame) -> None:
        match frame.opcode:
            case Opcode.CLOSE:
                self._part()
            case Opcode.PING:
                self._answer(frame.data)  # type: ignore[arg-type]
            case Opcode.TEXT | Opcode.BINARY | Opcode.CONT:
                if frame.opcode is not Opcode.CONT:
                    self._frames = [bytes((frame.opcode,))]
                self._frames.append(frame.data)  # type: ignore[arg-type]
                if frame.fin:
                    (kind, *parts), self._frames = self._frames, []
                    data = b"".join(parts)
                    text = kind[0] == Opcode.TEXT
                    self._hand_on(data.decode() if text else data)

    def _answer(self, pinged: bytes) -> None:
        """Let the pongs go out, or the last one later: it answers all before it."""
        pongs = self.conn.data_to_send()
        if self.writable.is_set():
            self.transport.write(pongs)
        else:  # RFC 6455 §5.5.3
            self._pinged = pinged

    def _hand_on(self, said: str | bytes) -> None:
        """Let a message be heard."""
        if self._phase is not _Phase.OPEN:
            return
        text = said if isinstance(said, str) else None
        if self._listener is not None:
            self._listener(text)
            return
        kind = "bytes" if text is None else "text"
        self._put({"type": "websocket.receive", kind: said})
        self._ahead += len(said)
        self._pause(self._ahead)

    def _part(self) -> None:
        """The other side closes, or answers to our close."""
        if self._phase is _Phase.OPEN and not self.transport.is_closing():
            close = self.conn.close_rcvd
            assert close is not None
            event = {"code": close.code, "reason": close.reason}
            self._put({"type": "websocket.disconnect", **event})
            self.transport.write(self.conn.data_to_send())
        self._stay()
        self.transport.close()

    def _pause(self, size: int) -> None:
        """Read no more while so much waits that nobody listens to."""
        if self._reading and size > AHEAD:
            self._reading = False
            self.transport.pause_reading()

    def _resume(self) -> None:
        self._ahead = 0
        if not self._reading and not self.transport.is_closing():
            self._reading = True
            self.transport.resume_reading()

    # -- the application's side

    async def _run(self) -> None:
        """Run the application; leave the transport a moment to close by itself."""
        scope = self._asked.scope(self)
        try:
            await self._config.loaded_app(scope, self.receive, self.send)
        except ClientDisconnected:
            pass
        except Exception:
            log.exception("= a WebSocket failed")
        finally:
            scope["extensions"].clear()  # else the two would keep each other
            self._end()

    def _end(self) -> None:
        """The application has no more to say."""
        self._listener = None
        if self._phase is _Phase.LOST:
            return
        if self._phase is _Phase.ASKED:
            self._refuse(Refusal(500, b"something is wrong here\n").answer())
        if self._leaving is None:
            self.transport.close()
        self._lingering = self._loop.call_later(LINGER, self.transport.abort)

    async def receive(self) -> Message:
        """Return what came; once all of it was read, the connection may fail."""
        while not self._events:
            self._waiter = self._loop.create_future()
            await self._waiter
        event = self._events.popleft()
        if not self._events:
            self._resume()
        if event["type"] == "websocket.disconnect":
            self._fail()
        return event

    def _put(self, event: Message) -> None:
        self._events.append(event)
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def listen(self, listener: Listener) -> None:
        """Hand over what waits, then each message as it comes."""
        events, self._events = self._events, deque()
        for event in events:
            if event["type"] == "websocket.receive":
                listener(event.get("text"))
            else:
                self._put(event)
        self._listener = listener
        # Whoever is handed everything at once is never behind.
        self._resume()

    # -- out

    async def send(self, message: Message) -> None:
        """Send what the application says, unless the connection is over."""
        if not self.writable.is_set():
            await self.writable.wait()
        if self._phase is _Phase.LOST or self._phase is _Phase.OVER:
            raise ClientDisconnected
        match self._phase, message["type"]:
            case _Phase.ASKED, "websocket.accept":
                self._accept(message.get("subprotocol") or "")
            case _Phase.ASKED, "websocket.http.response.start":
                self._response = message
            case _Phase.ASKED, "websocket.http.response.body":
                start = self._response or {"status": 500, "headers": []}
                answer = response(start["status"], start["headers"], message["body"])
                self._refuse(answer)
            case _Phase.ASKED, "websocket.close":
                self._refuse(Refusal(403, b"nothing to talk to\n").answer())
            case _Phase.OPEN, "websocket.send" if message.get("text") is not None:
                self.write(message["text"])
            case _Phase.OPEN, "websocket.send":
                self._write(_BINARY, message["bytes"])
            case _Phase.OPEN, "websocket.close" if not self.transport.is_closing():
                self._say_close(message["code"], message.get("reason") or "")
                self._leaving = self._loop.call_later(PARTING, self.transport.close)
                self._resume()  # their answer is to be read

    def write(self, text: str) -> None:
        """Write a text frame."""
        self._write(_TEXT, text.encode())

    def _write(self, first: int, payload: bytes) -> None:
        """Write a whole message."""
        if self._phase is not _Phase.OPEN or self.conn.state is not OPEN:
            raise ClientDisconnected
        self.transport.write(frame_of(first, payload))

    def _accept(self, subprotocol: str) -> None:
        self.transport.write(acceptance(self._asked.headers, subprotocol))
        self._phase = _Phase.OPEN
        early, self._early = self._early, b""
        self._resume()
        # The handshake is over: its parts would be kept as long as the connection.
        self._asked.headers.clear()
        if early:
            self.data_received(early)

    def _refuse(self, answer: bytes) -> None:
        """Answer that there will be no WebSocket."""
        self._phase = _Phase.OVER
        self.transport.write(answer)
        self.transport.close()

    def _say_close(self, code: int, reason: str) -> None:
        self._phase = _Phase.OVER
        self._put({"type": "websocket.disconnect", "code": code, "reason": reason})
        if self.conn.state is OPEN:  # else they closed, or the connection failed
            self.conn.send_close(code, reason)
        self.transport.write(self.conn.data_to_send())

    def _fail(self) -> None:
        """Say what was wrong, after everything before it was answered."""
        if self.conn.fault is None or self._phase is not _Phase.OPEN:
            return
        if self.transport.is_closing():
            return
        self.conn.finish()
        self.transport.write(self.conn.data_to_send())
        self._phase = _Phase.OVER
        # A close while something is unread would take back what was written.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self._leaving = self._loop.call_later(LINGER, self.transport.abort)

    def _stay(self) -> None:
        if self._leaving is not None:
            self._leaving.cancel()
            self._leaving = None
