"""One TCP connection: uvicorn's HTTP, with an end to all that a client may draw out.

uvicorn waits for ever for the end of a request's head, for its body, for a reader
who doesn't read; it counts no connections. Whatever is refused here never becomes
a task, let alone reaches the application.
"""

import asyncio
from enum import Enum, auto
from typing import Any, Final

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.flow_control import FlowControl
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)
from uvicorn.protocols.utils import is_ssl

from server.address import host
from server.configuration import Configuration
from server.errors import TooMany
from server.handshake import Asked, Refusal, check_handshake
from server.websocket import (
    LINGER,
    TOO_DEAF,
    WebSocketTransport,
    log,
)

HEAD_TIME: Final = 10.0  # seconds for a request's head, from the connection on
BODY_TIME: Final = 10.0  # seconds for its body, which is 16 KiB at most
STALL: Final = 60.0  # seconds in which a reader has to take a quarter of a MiB
REFUSED_TIME: Final = 2.0  # seconds to ask something, and be told no
MAX_HEAD: Final = 64 * 1024  # bytes
MAX_LINE: Final = 8 * 1024  # bytes of a request's target
MAX_HEADERS: Final = 100
MAX_PIPELINE: Final = 16  # requests that wait for the one before


class _Untenable(Exception):
    """Stops the parser; uvicorn answers that with ``send_400_response``."""


class _Phase(Enum):
    """Where a connection is."""

    HEAD = auto()  # a request's head comes, or nothing yet
    BODY = auto()  # the rest of a request, and the answer
    TURNED_AWAY = auto()  # it is one too many, and has asked nothing yet
    OVER = auto()  # all was said; what still comes is thrown away


class HttpTransport(HttpToolsProtocol):
    """One TCP connection, until it becomes a WebSocket."""

    def __init__(self, config: Configuration, *args: Any, **more: Any) -> None:
        super().__init__(config, *args, **more)
        self.logger = log
        self._configuration = config
        self._gate = config.gate
        self._counted = False
        self._refusal: Refusal | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._stalled: asyncio.TimerHandle | None = None
        self._answering: RequestResponseCycle | None = None
        self._phase = _Phase.HEAD
        self._upgrades: bool | None = None  # once its headers are here
        self._size = 0  # bytes of the head's parts so far
        self._read = 0  # bytes that came of this head, or since all was said

    # -- the connection

    def connection_made(  # type: ignore[override]  # as uvicorn has it
        self, transport: asyncio.Transport
    ) -> None:
        """Count the connection in; who is too many may ask, and is told so."""
        # Not as uvicorn does, which makes a socket of its own to ask for its ends.
        self.connections.add(self)
        self.transport = transport
        self.flow = FlowControl(transport)
        self.server = _end(transport.get_extra_info("sockname"))
        self.client = _end(transport.get_extra_info("peername"))
        self.scheme = "https" if is_ssl(transport) else "http"
        try:
            self._gate.connect(host(self.client))
        except TooMany as crowd:
            self._phase = _Phase.TURNED_AWAY
            self._refusal = Refusal.of(crowd)
            self._arm(REFUSED_TIME)
        else:
            self._counted = True
            self._arm(HEAD_TIME)

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection out."""
        self._abandon()
        super().connection_lost(exc)
        self._disarm()
        self.resume_writing()
        if self._counted:
            self._counted = False
            self._gate.disconnect(host(self.client))

    def data_received(self, data: bytes) -> None:
        """Read on, if what is drawn out has not become too large."""
        match self._phase:
            case _Phase.TURNED_AWAY:
                self._refuse()
            case _Phase.OVER:
                self._read += len(data)
                if self._read > TOO_DEAF:
                    self.transport.abort()
            case _:
                self._feed(data)

    def _feed(self, data: bytes) -> None:
        if self._timer is None and (self.cycle is None or self.cycle.response_complete):
            # Even an empty line between two requests ends uvicorn's own wait.
            self._phase = _Phase.HEAD
            self._arm(HEAD_TIME)
        if self._phase is _Phase.HEAD:
            self._read += len(data)
        super().data_received(data)
        if self._phase is _Phase.HEAD and self._read > MAX_HEAD:
            self._refuse(Refusal(431, b"too long a head\n"))

    def pause_writing(self) -> None:
        """Wait for a slow reader, but not for ever."""
        super().pause_writing()
        if self._stalled is None:
            self._stalled = self.loop.call_later(STALL, self.transport.abort)

    def resume_writing(self) -> None:
        """The reader has caught up."""
        super().resume_writing()
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None

    # -- one request

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._upgrades = None
        self._phase = _Phase.HEAD
        self._read = self._size = 0

    def on_url(self, url: bytes) -> None:
        """Read the request's target, or a part of it."""
        super().on_url(url)
        self._size += len(url)
        if len(self.url) > MAX_LINE:
            self._stop(414, b"too long an address\n")

    def on_header(self, name: bytes, value: bytes) -> None:
        """Read one header."""
        name = name.lower()
        if name == b"expect" and value.lower() == b"100-continue":
            self.expect_100_continue = True
        self.headers.append((name, value))
        self._size += len(name) + len(value)
        if len(self.headers) > MAX_HEADERS:
            self._stop(431, b"too many headers\n")

    def on_headers_complete(self) -> None:
        """Begin to answer."""
        if self._size > MAX_HEAD:
            self._stop(431, b"too long a head\n")
        if len(self.pipeline) >= MAX_PIPELINE:
            self._stop(429, b"wait for the answers\n")
        self._phase = _Phase.BODY
        super().on_headers_complete()
        self._arm(BODY_TIME)

    def _should_upgrade(self) -> bool:
        # Asked three times, and every time by reading all headers.
        if self._upgrades is None:
            self._upgrades = super()._should_upgrade()
        return self._upgrades

    def on_body(self, body: bytes) -> None:
        """Read a piece of the body; nobody needs it after the answer."""
        if self.cycle.response_complete:
            self._end()
        else:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here, whole."""
        self._disarm()
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no request, or what stopped the parser."""
        self._refuse()

    def handle_websocket_upgrade(self) -> None:
        """Become a WebSocket, unless the handshake is none."""
        self._disarm()
        refusal = check_handshake(
            self.parser.get_http_version(), self.scope["method"], self.headers
        )
        if refusal is None and not self._is_quiet():
            refusal = Refusal(429, b"wait for the answers\n")
        if refusal is not None:
            self._refuse(refusal)
            return
        scheme = self.scheme or "http"
        asked = Asked(self.url, self.headers, scheme, self.server, self.client)
        config = self._configuration
        socket = WebSocketTransport(
            config, self.server_state, self.loop, self.transport, asked
        )
        self.connections.discard(self)
        self._counted = False  # it counts itself out, from now on
        self.parser = None  # type: ignore[assignment]  # they would keep each other
        socket.begin()

    def _is_quiet(self) -> bool:
        """Whether all that was asked for was answered, and the answers read.

        Else a socket would begin within an answer, or with what is left of one: its
        reader is behind, and has its time to catch up counted here.
        """
        answered = self._answering is None or self._answering.response_complete
        return answered and not self.flow.write_paused

    # -- refusing

    def _stop(self, status: int, body: bytes) -> None:
        self._refusal = Refusal(status, body)
        raise _Untenable

    def _refuse(self, refusal: Refusal | None = None) -> None:
        refusal = refusal or self._refusal or Refusal(400, b"not a request\n")
        if self._phase is _Phase.OVER or self.transport.is_closing():
            return
        # In the middle of an answer, another one can't be told from it.
        answer = self._answering
        if answer is None or answer.response_complete or not answer.response_started:
            self.transport.write(refusal.answer())
        self._end()

    def _end(self) -> None:
        """Say no more; read on for a moment, so that what was said gets there.

        A close while something is unread would take back what was written.
        """
        self._phase = _Phase.OVER
        self._read = 0
        self._disarm()
        self._unset_keepalive_if_required()
        self.pipeline.clear()
        self._abandon()
        self.flow.resume_reading()
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.loop.call_later(LINGER, self.transport.abort)

    def _start_asgi_task(
        self, cycle: RequestResponseCycle, app: ASGI3Application
    ) -> None:
        # Of several requests, uvicorn remembers only the last that came.
        self._answering = cycle
        super()._start_asgi_task(cycle, app)

    def _abandon(self) -> None:
        """Let whoever answers find out that nobody listens."""
        if self._answering is not None and not self._answering.response_complete:
            self._answering.disconnected = True
            self._answering.message_event.set()

    def _arm(self, seconds: float) -> None:
        self._disarm()
        self._timer = self.loop.call_later(seconds, self._too_late)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _too_late(self) -> None:
        self._timer = None
        if self._phase is _Phase.BODY and self.cycle.response_complete:
            self._end()
        else:
            self._refuse(self._refusal or Refusal(408, b"too slow\n"))


def _end(address: Any) -> tuple[str, int] | None:
    """Return one end of a connection; a socket in the file system has none."""
    return (str(address[0]), int(address[1])) if isinstance(address, tuple) else None
