"""Codes that people compare: of a pair as emoji or digits, of a room as digits."""

import hashlib
from collections.abc import Iterable

from e2ee.emoji import EMOJI
from e2ee.transcript import pack

_GROUPS = 6
_GROUP_BYTES = 5


def pair_emoji(short: bytes) -> tuple[tuple[str, str], ...]:
    """Return 7 emoji with their names, for the first 42 bits of a safety code."""
    number = int.from_bytes(short, "big") >> 6
    return tuple(EMOJI[number >> 6 * at & 63] for at in range(6, -1, -1))


def pair_digits(short: bytes) -> str:
    """Return three numbers of four digits, for the first 39 bits."""
    number = int.from_bytes(short, "big") >> 9
    return " ".join(str(1000 + (number >> 13 * at & 0x1FFF)) for at in (2, 1, 0))


def room_digits(room_id: str, identities: Iterable[bytes]) -> str:
    """Return 30 digits that are the same for all who see the same people."""
    hashed = hashlib.sha512(
        pack(b"tertulia room code v1", room_id.encode(), *sorted(identities))
    ).digest()
    starts = range(0, _GROUPS * _GROUP_BYTES, _GROUP_BYTES)
    groups = (hashed[start : start + _GROUP_BYTES] for start in starts)
    return " ".join(f"{int.from_bytes(each, 'big') % 100_000:05}" for each in groups)
