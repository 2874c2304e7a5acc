"""One WebSocket below the application: uvicorn's, with an end and the right errors.

Who is in a room is handed messages past ASGI, as ``server/direct.py`` tells.
"""

import asyncio
import logging
from typing import Any, Final, cast

import uvicorn
from uvicorn._types import ASGIReceiveEvent, ASGISendEvent, WebSocketScope
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import (
    WebSocketsSansIOProtocol,
)
from websockets.protocol import OPEN

from server.conversation import Conversation
from server.direct import EXTENSION, Listener
from server.gate import Gate

log = logging.getLogger("tertulia.transport")
# Whoever makes noise must not fill the log; and uvicorn writes paths at info,
# where somebody may have put a token. Faults of our own still show.
log.setLevel(logging.ERROR)

LINGER: Final = 5.0  # seconds for a client to read what was said last
LAST_ANSWERS: Final = 1.0  # seconds to answer what came before a fault
TOO_DEAF: Final = 4 * 1024 * 1024  # bytes that still come when all was said


class Configuration(uvicorn.Config):
    """uvicorn's configuration, and the gate that its protocols ask."""

    gate: Gate


class WebSocketTransport(WebSocketsSansIOProtocol):
    """One WebSocket: a ``Direct`` connection.

    Drops what a client doesn't read after the conversation is over: closing a
    transport waits for its buffer to be written; a client that reads nothing would
    keep it, and the connection, for ever.
    """

    scope: WebSocketScope
    counted = False
    _listener: Listener | None = None
    _lingering: asyncio.TimerHandle | None = None

    def __init__(self, config: Configuration, *args: Any, **more: Any) -> None:
        super().__init__(config, *args, **more)
        self.logger = log
        self._gate = config.gate
        self._unheard = 0  # bytes that came after the connection had failed
        self.conn: Conversation = Conversation(
            max_size=config.ws_max_size,
            now=self.loop.time,
            scale=config.gate.scale,
            logger=log,
            extensions=self.conn.available_extensions,
        )

    def connection_lost(self, exc: Exception | None) -> None:
        """Count the connection out, and forget what would keep it in memory."""
        super().connection_lost(exc)
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None
        if self.counted:
            self.counted = False
            self._gate.disconnect(host(self.client))

    def data_received(self, data: bytes) -> None:
        """Hand on what came whole; what was wrong with the rest comes after."""
        found = self.conn.fault
        if self.close_sent and found is not None:
            self._unheard += len(data)
            if self._unheard > TOO_DEAF:
                self.transport.abort()
                return
        if self._listener is not None and not self.close_sent:
            texts, data = self.conn.cut_texts(data)
            for text in texts:
                self._listener(text)
        if data:
            self.conn.receive_data(data)
            self.handle_events()
        if found is None and self.conn.fault is not None:
            code, reason = self.conn.fault
            event = {"type": "websocket.disconnect", "code": code, "reason": reason}
            self.queue.put_nowait(cast(ASGIReceiveEvent, event))
            self.loop.call_later(LAST_ANSWERS, self._fail)

    def send_receive_event_to_app(self) -> None:
        """Hand a message over that the parser has read."""
        if self._listener is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data, self.frames = b"".join(self.frames), []
        self._listener(data.decode() if self.curr_msg_data_type == "text" else None)

    def listen(self, listener: Listener) -> None:
        """Hand over what waits, then each message as it comes."""
        for event in [self.queue.get_nowait() for _ in range(self.queue.qsize())]:
            if event["type"] == "websocket.receive":
                listener(event.get("text"))
            else:
                self.queue.put_nowait(event)
        self._listener = listener
        # The handshake is over: its parts would be kept as long as the connection.
        del self.request, self.response
        self.scope["headers"] = []
        # Whoever is handed everything at once is never behind.
        if self.read_paused and not self.transport.is_closing():
            self.read_paused = False
            self.transport.resume_reading()

    async def receive(self) -> ASGIReceiveEvent:
        """Return what came; once all of it was read, the connection may fail."""
        event = await super().receive()
        if event["type"] == "websocket.disconnect":
            self._fail()
        return event

    def _fail(self) -> None:
        if self.conn.fault is None or self.close_sent or self.transport.is_closing():
            return
        self.conn.finish()
        self.transport.write(b"".join(self.conn.data_to_send()))
        self.close_sent = True
        # A close while something is unread would take back what was written.
        if self.transport.can_write_eof():
            self.transport.write_eof()
        self.close_timer = self.loop.call_later(LINGER, self.transport.abort)

    async def send(self, message: ASGISendEvent) -> None:
        """Send what the application says, unless the connection has failed."""
        await self.writable.wait()
        if self.close_sent:
            # uvicorn takes that for a fault of the application, and logs it.
            raise ClientDisconnected
        await super().send(message)

    def write(self, text: str) -> None:
        """Write a text frame (RFC 6455 §5.2)."""
        if self.disconnected or self.close_sent or self.conn.state is not OPEN:
            raise ClientDisconnected
        payload = text.encode()
        length = len(payload)
        if length < 126:
            head = bytes((0x81, length))
        elif length < 1 << 16:
            head = b"\x81\x7e" + length.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + length.to_bytes(8, "big")
        self.transport.write(head + payload)

    async def run_asgi(self) -> None:
        """Run the application; leave the transport a moment to close by itself."""
        extensions = cast(dict[str, object], self.scope["extensions"])
        extensions[EXTENSION] = self
        await super().run_asgi()
        self._listener = None
        del extensions[EXTENSION]  # else the two would keep each other
        if not self.disconnected:
            self._lingering = self.loop.call_later(LINGER, self.transport.abort)


def host(client: tuple[str, int] | None) -> str:
    """Return the address of a connection's other end, empty if it has none."""
    return client[0] if client else ""
