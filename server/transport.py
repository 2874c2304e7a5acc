"""uvicorn's WebSocket protocol, with a short way through and an end to everything.

ASGI carries each message in a dict, through a queue, to a task that has to be woken.
Once somebody is in a room, the application talks to the protocol directly: it is
handed each text as it comes, and writes at once where nothing has to wait. The
ASGI extension ``tertulia.direct`` is where it finds the protocol.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol, cast

from uvicorn._types import WebSocketScope
from uvicorn.protocols.utils import ClientDisconnected
from uvicorn.protocols.websockets.websockets_sansio_impl import (
    WebSocketsSansIOProtocol,
)
from websockets.frames import apply_mask  # type: ignore[attr-defined]
from websockets.protocol import OPEN

LINGER: Final = 5.0  # seconds
EXTENSION: Final = "tertulia.direct"

# RFC 6455 §5.2: the first byte of a whole text message, the second's mask bit, and
# the first of the lengths that say that the next two or eight bytes hold it.
_TEXT: Final = 0x81
_MASKED: Final = 0x80
_MEDIUM: Final = 126
_SHORT: Final = 6  # bytes of the shortest masked frame


class Direct(Protocol):
    """The short way between a socket and who talks at it."""

    #: Set while what is written goes to the network before much of it waits.
    writable: asyncio.Event

    def listen(self, listener: Callable[[str], None]) -> None:
        """Hand each message over from now on, in the turn in which it comes.

        What is no text comes as an empty one. Only the disconnect still comes
        through ASGI.
        """

    def write(self, text: str) -> bool:
        """Write a message, unless it would have to wait; return whether it went.

        Raises ``OSError`` once the connection is gone or closing.
        """


class WebSocketTransport(WebSocketsSansIOProtocol):
    """A ``Direct`` connection, which drops what a client doesn't read at the end.

    Closing a transport waits for its buffer to be written; a client that reads
    nothing would keep it, and the connection, for ever.
    """

    scope: WebSocketScope
    _listener: Callable[[str], None] | None = None
    _lingering: asyncio.TimerHandle | None = None
    _rest = b""  # the beginning of a frame
    _failing = False  # what comes now can only be refused

    async def run_asgi(self) -> None:
        """Run the application; leave the transport a moment to close by itself."""
        extensions = cast(dict[str, object], self.scope["extensions"])
        extensions[EXTENSION] = self
        await super().run_asgi()
        self._listener = None
        del extensions[EXTENSION]  # else the two would keep each other
        if not self.disconnected:
            self._lingering = self.loop.call_later(LINGER, self.transport.abort)

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline, which would keep what is gone in memory."""
        super().connection_lost(exc)
        if self._lingering is not None:
            self._lingering.cancel()
            self._lingering = None

    def listen(self, listener: Callable[[str], None]) -> None:
        """Hand over what waits, then each message as it comes."""
        for event in [self.queue.get_nowait() for _ in range(self.queue.qsize())]:
            if event["type"] == "websocket.receive":
                listener(event.get("text") or "")
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

    def data_received(self, data: bytes) -> None:
        """Cut what comes into frames; hand texts over at once, else ask the parser.

        The parser sees whole frames alone, so that it always waits for a new one.
        """
        if not self.handshake_initiated or self._failing:
            super().data_received(data)
            return
        data = self._rest + data if self._rest else data
        at, size = 0, len(data)
        while size - at >= _SHORT:
            length, start = data[at + 1] - _MASKED, at + 6
            if length >= _MEDIUM:
                wide = 2 if length == _MEDIUM else 8
                start += wide
                if start > size:
                    break
                length = int.from_bytes(data[at + 2 : at + 2 + wide], "big")
            if not 0 <= length <= self.config.ws_max_size:
                # Unmasked, or too long: the parser knows what to say to that.
                self._failing, self._rest = True, b""
                super().data_received(data[at:])
                return
            end = start + length
            if end > size:
                break
            if data[at] != _TEXT or not self._hand_over(data, start, end):
                super().data_received(data[at:end])
            at = end
        self._rest = data[at:]

    def _hand_over(self, data: bytes, start: int, end: int) -> bool:
        """Hand a whole text message over, if somebody listens and nothing is wrong."""
        listener = self._listener
        if listener is None or self.frames or self.close_sent:
            return False
        if self.conn.state is not OPEN:
            return False
        try:
            text = str(apply_mask(data[start:end], data[start - 4 : start]), "utf-8")
        except UnicodeDecodeError:
            return False
        listener(text)
        return True

    def send_receive_event_to_app(self) -> None:
        """Hand a message over, by the short way where there is one."""
        if self._listener is None or self.close_sent:
            super().send_receive_event_to_app()
            return
        data = self.frames[0] if len(self.frames) == 1 else b"".join(self.frames)
        text = ""
        if self.curr_msg_data_type == "text":
            try:
                text = str(data, "utf-8")
            except UnicodeDecodeError:
                super().send_receive_event_to_app()  # it knows how to close
                return
        self.frames = []
        self._listener(text)

    def write(self, text: str) -> bool:
        """Write a text frame (RFC 6455 §5.2), unless it would have to wait."""
        if self.disconnected or self.close_sent or self.conn.state is not OPEN:
            raise ClientDisconnected
        if not self.writable.is_set():
            return False
        payload = text.encode()
        length = len(payload)
        if length < 126:
            head = bytes((0x81, length))
        elif length < 1 << 16:
            head = b"\x81\x7e" + length.to_bytes(2, "big")
        else:
            head = b"\x81\x7f" + length.to_bytes(8, "big")
        self.transport.write(head + payload)
        return True
