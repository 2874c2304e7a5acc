"""Who is in a synthetic picture or tone, so that a test can tell what arrived.

The picture is a grid of black and white cells over its upper four fifths, white
for a one; the rest is free for a name that people read. The bits, row by row:
four that tell a camera from a screen, the name in UTF-8, zero-padded, the frame's
count, a CRC-32 of all that. The cells of a 320×180 picture are the blocks of
16×16 pixels that VP8 codes as one; other sizes blur more, and are read too.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from zlib import crc32

COLUMNS = 20
ROWS = 9
SHARE = 0.8  # of the picture's height, from the top; the grid has its full width

_NAME = 15  # bytes
_COUNT = 3  # bytes
_CHECK = 4  # bytes
_BODY = _NAME + _COUNT
_CAMERA = 0b1010
_SCREEN = 0b0101
_SUFFIX = "·screen"

_LOWEST = 300  # Hz: tones are in the band of telephones, which Opus spares
_STEP = 5  # Hz
_TONES = 541

Cells = tuple[tuple[bool, ...], ...]


@dataclass(frozen=True, slots=True)
class Identity:
    """What a picture says: whose it is, and which one in the row."""

    name: str
    count: int


@dataclass(frozen=True, slots=True)
class Run:
    """White cells side by side: one rectangle to fill."""

    row: int
    column: int
    length: int


def fit(name: str) -> str:
    """Return as much of a name as a picture carries, and that it is a screen's."""
    suffix = _SUFFIX if name.endswith(_SUFFIX) else ""
    bare = name.removesuffix(suffix).replace("\0", "").encode("utf-8", "replace")
    return bare[:_NAME].decode("utf-8", "ignore") + suffix


def screen(name: str) -> str:
    """Return the name that a person's shared screen carries."""
    return fit(name + _SUFFIX)


def cells(name: str, count: int) -> Cells:
    """Return the grid of the ``count``-th picture, counted modulo 2²⁴."""
    name = fit(name)
    kind = _SCREEN if name.endswith(_SUFFIX) else _CAMERA
    body = name.removesuffix(_SUFFIX).encode().ljust(_NAME, b"\0")
    body += (count % (1 << 8 * _COUNT)).to_bytes(_COUNT, "big")
    number = int.from_bytes(bytes([kind]) + body + _check(kind, body), "big")
    bits = [bool(number >> place & 1) for place in reversed(range(ROWS * COLUMNS))]
    return tuple(
        tuple(bits[start : start + COLUMNS]) for start in range(0, len(bits), COLUMNS)
    )


def runs(grid: Cells) -> tuple[Run, ...]:
    """Return the white rectangles of a grid: what to fill on a black canvas."""
    found = []
    for row, line in enumerate(grid):
        column = 0
        for white, group in groupby(line):
            length = sum(1 for _ in group)
            if white:
                found.append(Run(row, column, length))
            column += length
    return tuple(found)


def read(samples: Sequence[Sequence[float]]) -> Identity | None:
    """Return what a picture says, or None when it says nothing for certain.

    ``samples`` is the luma, 0–255, at the middle of each cell, or the mean of
    each cell, in the shape of the grid.
    """
    flat = [sample for line in samples for sample in line]
    if len(flat) != ROWS * COLUMNS:
        return None
    middle = (min(flat) + max(flat)) / 2
    number = 0
    for sample in flat:
        number = number << 1 | (sample > middle)
    content = number.to_bytes(1 + _BODY + _CHECK, "big")
    kind, body = content[0], content[1 : 1 + _BODY]
    if kind not in (_CAMERA, _SCREEN) or _check(kind, body) != content[1 + _BODY :]:
        return None
    try:
        name = body[:_NAME].rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return None
    if kind == _SCREEN:
        name += _SUFFIX
    return Identity(name, int.from_bytes(body[_NAME:], "big"))


def tone(name: str) -> float:
    """Return the frequency in Hz that sounds for a name, a multiple of 5.

    Two of eight random names share one in a twentieth of all cases; tests choose
    names that don't.
    """
    return float(_LOWEST + _STEP * (crc32(fit(name).encode()) % _TONES))


def _check(kind: int, body: bytes) -> bytes:
    return crc32(body, kind).to_bytes(_CHECK, "big")
