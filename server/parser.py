"""What reads the frames of a WebSocket, one by one, and keeps its state.

It adds to the library's what the library leaves to others: how many frames may come,
and how a fault ends a connection whose earlier messages are still to be answered.
"""

import codecs
import logging
from collections.abc import Callable, Generator
from functools import cache
from typing import Final

from websockets.frames import Frame, Opcode
from websockets.protocol import SERVER, Protocol

from protocol.codes import CloseCode
from server.limits import Bucket, Rate

FRAMES: Final = Rate(300, 1200)  # of every kind, so that pieces cost something too
PINGS: Final = Rate(10, 50)  # pings and pongs: each is answered, or does nothing


class Pace:
    """How many frames may still come on one connection."""

    __slots__ = ("frames", "_now", "_pings", "_scale")

    def __init__(self, now: Callable[[], float], scale: float) -> None:
        self._now = now
        self._scale = scale
        self.frames = Bucket(_rates(scale)[0], now())
        self._pings: Bucket | None = None  # most clients send none

    def affords(self, opcode: Opcode) -> bool:
        """Count a frame, and return whether it may come."""
        now = self._now()
        if self.frames.take(now):
            return False
        if opcode is not Opcode.PING and opcode is not Opcode.PONG:
            return True
        if self._pings is None:
            self._pings = Bucket(_rates(self._scale)[1], now)
        return not self._pings.take(now)


class Parser(Protocol):
    """A WebSocket's parser and state, from after the handshake to the close."""

    def __init__(self, *, pace: Pace, max_size: int, logger: logging.Logger) -> None:
        super().__init__(SERVER, max_size=max_size, logger=logger)
        self.debug = False  # it would write every frame to the log
        self.between = True  # it waits for a frame's first byte
        self.fault: tuple[int, str] | None = None
        self._pace = pace
        self._text: codecs.IncrementalDecoder | None = None

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        """Read no further; what came before the fault can still be answered.

        ``finish`` then fails the connection (RFC 6455 §7.1.7).
        """
        if self.fault is None:
            self.fault = int(code), reason
            self.parser = self._ignore()
            next(self.parser)

    def flooded(self) -> None:
        """Fail: more came than may come."""
        self.fail(CloseCode.TOO_MANY, CloseCode.TOO_MANY.name.lower())

    def finish(self) -> None:
        """Fail the connection for the fault that was found."""
        if self.fault is not None:
            super().fail(*self.fault)

    def _ignore(self) -> Generator[None]:
        while True:
            self.reader.discard()
            yield

    def receive_data(self, data: bytes | bytearray) -> None:
        """Parse what came."""
        self.between = False
        super().receive_data(data)

    def recv_frame(self, frame: Frame) -> None:
        """Judge a frame, then take it in."""
        # True only after the last frame, and only if nothing of another follows.
        self.between = not self.reader.buffer
        if not self._pace.affords(frame.opcode):
            self.flooded()
            return
        if frame.opcode is Opcode.CLOSE:
            # A close may come between the pieces of a message (RFC 6455 §5.4), which
            # then never ends: no error, but the end.
            self.current_size = None
        self._check_text(frame)
        super().recv_frame(frame)

    def _check_text(self, frame: Frame) -> None:
        """Find out at once that a text is not UTF-8 (RFC 6455 §8.1)."""
        match frame.opcode:
            case Opcode.TEXT if frame.fin:
                str(frame.data, "utf-8")
            case Opcode.TEXT if self.current_size is None:
                self._text = _decoder()
                self._text.decode(frame.data)
            case Opcode.BINARY:
                self._text = None
            case Opcode.CONT if self._text is not None:
                self._text.decode(frame.data, frame.fin)
                if frame.fin:
                    self._text = None


_decoder = codecs.getincrementaldecoder("utf-8")


@cache
def _rates(scale: float) -> tuple[Rate, Rate]:
    """Return the rates of frames and of pings, as all connections have them."""
    return FRAMES.times(scale), PINGS.times(scale)
