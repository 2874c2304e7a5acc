"""The frames of one WebSocket: websockets' parser, stricter where RFC 6455 is."""

import codecs
import logging
from collections.abc import Callable, Generator
from functools import cache
from typing import Final

from websockets.frames import Frame, Opcode, apply_mask  # type: ignore[attr-defined]
from websockets.protocol import OPEN, SERVER, Protocol

from protocol.codes import CloseCode
from server.limits import Bucket, Rate

FRAMES: Final = Rate(300, 1200)  # of every kind, so that pieces cost something too
PINGS: Final = Rate(10, 50)  # pings and pongs: each is answered, or does nothing

# RFC 6455 §5.2: the first byte of a whole text message, the second's mask bit, and
# the length that says that the next two bytes hold it.
_TEXT: Final = 0x81
_MASKED: Final = 0x80
_MEDIUM: Final = 126
_SHORTEST: Final = 6  # bytes of a masked frame


class Conversation(Protocol):
    """A WebSocket's parser and state, from after the handshake to the close."""

    def __init__(
        self,
        *,
        max_size: int,
        now: Callable[[], float],
        scale: float,
        logger: logging.Logger,
    ) -> None:
        super().__init__(SERVER, max_size=max_size, logger=logger)
        self.debug = False  # it would write every frame to the log
        self._now = now
        frames, pings = _rates(scale)
        self._frames = Bucket(frames, now())
        self._pings = Bucket(pings, now())
        self._text: codecs.IncrementalDecoder | None = None
        self._longest = max_size
        self._between = True  # the parser waits for a frame's first byte
        self.fault: tuple[int, str] | None = None

    def fail(self, code: CloseCode | int, reason: str = "") -> None:
        """Read no further; what came before the fault can still be answered.

        ``finish`` then fails the connection (RFC 6455 §7.1.7).
        """
        if self.fault is None:
            self.fault = int(code), reason
            self.parser = self._ignore()
            next(self.parser)

    def finish(self) -> None:
        """Fail the connection for the fault that was found."""
        if self.fault is not None:
            super().fail(*self.fault)

    def _ignore(self) -> Generator[None]:
        while True:
            self.reader.discard()
            yield

    def cut_texts(self, data: bytes) -> tuple[list[str], bytes]:
        """Read whole text messages off the front; return them, and what is left.

        A short cut for what nearly all frames are, counted as the parser counts. All
        others, what isn't whole, and whatever is wrong is left to ``receive_data``.
        """
        texts: list[str] = []
        if not self._between or self.current_size is not None:
            return texts, data
        if self.fault is not None or self.state is not OPEN:
            return texts, data
        at, size = 0, len(data)
        while size - at >= _SHORTEST and data[at] == _TEXT:
            length, start = data[at + 1] - _MASKED, at + _SHORTEST
            if length == _MEDIUM:
                start += 2
                length = int.from_bytes(data[at + 2 : at + 4], "big")
            elif not 0 <= length < _MEDIUM:  # unmasked, or far too long
                break
            end = start + length
            if end > size or length > self._longest:
                break
            try:
                text = str(
                    apply_mask(data[start:end], data[start - 4 : start]), "utf-8"
                )
            except UnicodeDecodeError:
                break
            if self._frames.take(self._now()):
                self._flooded()
                return texts, b""
            texts.append(text)
            at = end
        return texts, data[at:]

    def receive_data(self, data: bytes | bytearray) -> None:
        """Parse what came."""
        self._between = False
        super().receive_data(data)

    def recv_frame(self, frame: Frame) -> None:
        """Judge a frame, then take it in."""
        # True only after the last frame, and only if nothing of another follows.
        self._between = not self.reader.buffer
        if not self._afford(frame):
            self._flooded()
            return
        if frame.opcode is Opcode.CLOSE:
            # A close may come between the pieces of a message (RFC 6455 §5.4), which
            # then never ends: no error, but the end.
            self.current_size = None
        self._check_text(frame)
        super().recv_frame(frame)

    def _flooded(self) -> None:
        self.fail(CloseCode.TOO_MANY, CloseCode.TOO_MANY.name.lower())

    def _afford(self, frame: Frame) -> bool:
        now = self._now()
        if self._frames.take(now):
            return False
        control = frame.opcode in (Opcode.PING, Opcode.PONG)
        return not (control and self._pings.take(now))

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
