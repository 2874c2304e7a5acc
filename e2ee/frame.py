"""One key at work on the frames of one slot: `clear ‖ SFrame header ‖ ct ‖ tag`.

The clear bytes, the slot and the header are authenticated; ``worker.js`` makes the
same bytes.
"""

from enum import StrEnum

from e2ee.backend import Aead
from e2ee.errors import ExhaustedError, ForgedError, FrameError
from e2ee.sframe import Header
from e2ee.slot import Slot
from e2ee.suite import NONCE
from e2ee.window import Sighting, Window

LIMIT = 2**24  # frames under one key: 77 hours of 60 a second
LAST_KID = 255  # a generation modulo 32, and three bits of slot
_SLOT = 0b111
_DOMAIN = b"mf1"  # the format, so that another one can never be mistaken for it


class Refusal(StrEnum):
    """Why a frame is dropped. Also the name of its counter."""

    PLAIN = "plain"  # no frame of ours
    NO_KEY = "nokey"
    DUPLICATE = "dup"  # normal: browsers repeat frames
    OLD = "old"
    FORGED = "auth"


class Sealer:
    """Protects the frames of one slot under one key, each under its own counter.

    ``counter`` is the first that was never used with this key.
    """

    def __init__(
        self, kid: int, slot: Slot, aead: Aead, salt: bytes, *, counter: int = 0
    ) -> None:
        self._kid = kid
        self._slot = slot
        self._aead = aead
        self._salt = int.from_bytes(salt, "big")
        self._counter = counter

    def protect(self, frame: bytes) -> bytes:
        """Return the frame as it may leave.

        Raises ``FrameError`` for what no encoder makes, ``ExhaustedError`` after
        ``LIMIT`` frames: the counter never starts over under the same key.
        """
        if self._counter >= LIMIT:
            raise ExhaustedError
        length = self._slot.clear(frame)
        clear, counter = frame[:length], self._counter
        self._counter += 1
        header = Header(self._kid, counter).encode()
        sealed = self._aead.seal(
            (self._salt ^ counter).to_bytes(NONCE, "big"),
            frame[length:],
            header + metadata(self._slot, clear),
        )
        return clear + header + sealed


class Opener:
    """Opens the frames of one slot under one key, each counter once."""

    def __init__(self, slot: Slot, aead: Aead, salt: bytes) -> None:
        self._slot = slot
        self._aead = aead
        self._salt = int.from_bytes(salt, "big")
        self._window = Window()

    def open(self, clear: bytes, header: bytes, counter: int, sealed: bytes) -> bytes:
        """Return what was protected. Raises ``Refused``."""
        sighting = self._window.look(counter)
        if sighting is not Sighting.NEW:
            seen = sighting is Sighting.SEEN
            raise Refused(Refusal.DUPLICATE if seen else Refusal.OLD)
        try:
            plain = self._aead.open(
                (self._salt ^ counter).to_bytes(NONCE, "big"),
                sealed,
                header + metadata(self._slot, clear),
            )
        except ForgedError:
            raise Refused(Refusal.FORGED) from None
        self._window.take(counter)
        return clear + plain


class Refused(FrameError):
    """A frame to drop; ``refusal`` says which counter grows."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal


def split(slot: Slot, frame: bytes) -> tuple[bytes, Header, bytes, bytes]:
    """Return a frame's clear bytes, its header, that as bytes, and what is sealed.

    Raises ``Refused`` as ``PLAIN`` for what can't be a frame of ours, nor one of this
    slot: most of what an encoder makes is told by its first bytes.
    """
    try:
        start = slot.clear(frame)
        header, length = Header.decode(frame[start:])
    except FrameError:
        raise Refused(Refusal.PLAIN) from None
    if header.ctr >= LIMIT or header.kid > LAST_KID or header.kid & _SLOT != slot:
        raise Refused(Refusal.PLAIN)
    end = start + length
    return frame[:start], header, frame[start:end], frame[end:]


def metadata(slot: Slot, clear: bytes) -> bytes:
    """Return what is authenticated besides the header (RFC 9605 §4.4.3)."""
    return _DOMAIN + bytes([slot]) + clear
