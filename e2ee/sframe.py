"""The header of an SFrame (RFC 9605 §4.3): which key, and which frame under it.

     0 1 2 3 4 5 6 7
    +-+-+-+-+-+-+-+-+------------+------------+
    |X|  K  |Y|  C  |   KID...   |   CTR...   |
    +-+-+-+-+-+-+-+-+------------+------------+

A value below 8 stands in K or C itself, with its flag off; a greater one follows
in as few bytes as it needs, big-endian, and K or C say how many, less one.
"""

from dataclasses import dataclass

from e2ee.errors import FrameError

_INLINE = 8  # values below stand in the first byte
_EXTENDED = 0b1000  # the flag X or Y, in its half of the first byte
_LARGEST = 2**64 - 1


@dataclass(frozen=True, slots=True)
class Header:
    """Key id and counter, both 0 … 2⁶⁴-1."""

    kid: int
    ctr: int

    def encode(self) -> bytes:
        """Return the shortest encoding, which is the only one."""
        kid, kid_bytes = _encode(self.kid)
        ctr, ctr_bytes = _encode(self.ctr)
        return bytes([kid << 4 | ctr]) + kid_bytes + ctr_bytes

    @classmethod
    def decode(cls, frame: bytes) -> tuple["Header", int]:
        """Return the header at the start of ``frame``, and its length in bytes.

        Raises ``FrameError`` where it is cut short or longer than it needs be.
        """
        if not frame:
            raise FrameError("an empty frame")
        kid, end = _decode(frame[0] >> 4, frame, 1)
        ctr, end = _decode(frame[0] & 0xF, frame, end)
        return cls(kid, ctr), end


def _encode(value: int) -> tuple[int, bytes]:
    if not 0 <= value <= _LARGEST:
        raise FrameError("a header's values have 64 bits")
    if value < _INLINE:
        return value, b""
    length = (value.bit_length() + 7) // 8
    return _EXTENDED | length - 1, value.to_bytes(length, "big")


def _decode(half: int, frame: bytes, start: int) -> tuple[int, int]:
    if half < _INLINE:
        return half, start
    end = start + (half & 0b111) + 1
    field = frame[start:end]
    if len(field) < end - start:
        raise FrameError("a header that is cut short")
    value = int.from_bytes(field, "big")
    if value < _INLINE or field[0] == 0:
        raise FrameError("a header that is longer than it needs be")
    return value, end
