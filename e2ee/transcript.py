"""Bytes that mean one thing only: fields with their lengths before them."""

from collections.abc import Sequence

from e2ee.errors import FrameError

LONGEST = 4096  # bytes of a message, far above what an honest one has


def pack(*fields: bytes) -> bytes:
    """Return the fields, each behind its length in two bytes, big-endian."""
    return b"".join(len(each).to_bytes(2, "big") + each for each in fields)


def unpack(packed: bytes, count: int) -> Sequence[bytes]:
    """Undo ``pack`` for so many fields. Raises ``FrameError``."""
    if len(packed) > LONGEST:
        raise FrameError("too long a message")
    fields, at = [], 0
    for _ in range(count):
        end = at + 2 + int.from_bytes(packed[at : at + 2], "big")
        if len(packed) < at + 2 or len(packed) < end:
            raise FrameError("a message that is cut short")
        fields.append(packed[at + 2 : end])
        at = end
    if at != len(packed):
        raise FrameError("a message with something behind it")
    return fields
