"""The frames of a WebSocket: what its transport hears, and what it may say.

Nearly all that comes are whole texts, and those are cut out of what came. For all
else, and whatever is wrong, there is a ``Parser``: most connections need theirs when
they close, so none has one before.
"""

import logging
from collections.abc import Callable
from typing import Final

from websockets.frames import (  # type: ignore[attr-defined]
    Close,
    Frame,
    apply_mask,
)
from websockets.protocol import OPEN, State

from protocol.codes import CloseCode
from server.parser import Pace, Parser

# RFC 6455 §5.2: the first byte of a whole text message, the second's mask bit, and
# the length that says that the next two bytes hold it.
_TEXT: Final = 0x81
_MASKED: Final = 0x80
_MEDIUM: Final = 126
_SHORTEST: Final = 6  # bytes of a masked frame


class Conversation:
    """A WebSocket's frames and state, from after the handshake to the close."""

    __slots__ = ("_frames", "_logger", "_longest", "_now", "_pace", "_parser")

    def __init__(
        self,
        *,
        max_size: int,
        now: Callable[[], float],
        scale: float,
        logger: logging.Logger,
    ) -> None:
        self._longest = max_size
        self._logger = logger
        self._now = now
        self._pace = Pace(now, scale)
        self._frames = self._pace.frames
        self._parser: Parser | None = None

    @property
    def state(self) -> State:
        """Whether it is open, closing or closed."""
        return OPEN if self._parser is None else self._parser.state

    @property
    def fault(self) -> tuple[int, str] | None:
        """The code and reason of what was found wrong."""
        return None if self._parser is None else self._parser.fault

    @property
    def close_rcvd(self) -> Close | None:
        """The close that the other side sent."""
        return None if self._parser is None else self._parser.close_rcvd

    def cut_texts(self, data: bytes) -> tuple[list[str], bytes]:
        """Read whole text messages off the front; return them, and what is left.

        A short cut for what nearly all frames are, counted as the parser counts. All
        others, what isn't whole, and whatever is wrong is left to ``receive_data``.
        """
        texts: list[str] = []
        parser = self._parser
        if parser is not None and (
            not parser.between
            or parser.current_size is not None
            or parser.fault is not None
            or parser.state is not OPEN
        ):
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
                self._parse().flooded()
                return texts, b""
            texts.append(text)
            at = end
        return texts, data[at:]

    def receive_data(self, data: bytes) -> list[Frame]:
        """Parse what came, and return the frames."""
        parser = self._parse()
        parser.receive_data(data)
        return parser.events_received()  # type: ignore[return-value]  # no handshake

    def data_to_send(self) -> bytes:
        """Return what is to be written since this was last asked."""
        return b"" if self._parser is None else b"".join(self._parser.data_to_send())

    def send_close(self, code: CloseCode | int, reason: str) -> None:
        """Have a close written."""
        self._parse().send_close(code, reason)

    def finish(self) -> None:
        """Fail the connection for the fault that was found."""
        if self._parser is not None:
            self._parser.finish()

    def end(self) -> None:
        """Let go of the parser, which runs in what keeps it."""
        if self._parser is not None:
            self._parser.parser.close()

    def _parse(self) -> Parser:
        if self._parser is None:
            self._parser = Parser(
                pace=self._pace, max_size=self._longest, logger=self._logger
            )
        return self._parser


def frame_of(first: int, payload: bytes) -> bytes:
    """Return a frame whose first byte says what it is (RFC 6455 §5.2)."""
    length = len(payload)
    if length < 126:
        return bytes((first, length)) + payload
    if length < 1 << 16:
        return bytes((first, 126)) + length.to_bytes(2, "big") + payload
    return bytes((first, 127)) + length.to_bytes(8, "big") + payload
