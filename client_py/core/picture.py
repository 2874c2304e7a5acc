"""Who is in a synthetic picture or tone, so that a test can tell what arrived.

The picture is a grid of black and white cells over its upper four fifths, white
for a one; the rest is free for a name that people read. The bits, row by row:
the name in UTF-8, zero-padded; the frame's count; a CRC-32 of both. Cells of a
320×180 picture are 16×12 pixels, which survives VP8 at 30 kbit/s.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from zlib import crc32

COLUMNS = 20
ROWS = 12
SHARE = 0.8  # of the picture's height, from the top; the grid has its full width

_NAME = 23  # bytes
_COUNT = 3  # bytes
_CHECK = 4  # bytes
_LENGTH = _NAME + _COUNT + _CHECK
_SCREEN = "·screen"

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
    """Return as much of a name as a picture carries."""
    return _cut(name, _NAME)


def screen(name: str) -> str:
    """Return the name that a person's shared screen carries."""
    return _cut(name, _NAME - len(_SCREEN.encode())) + _SCREEN


def cells(name: str, count: int) -> Cells:
    """Return the grid of the ``count``-th picture, counted modulo 2²⁴."""
    content = fit(name).encode().ljust(_NAME, b"\0")
    content += (count % (1 << 8 * _COUNT)).to_bytes(_COUNT, "big")
    content += crc32(content).to_bytes(_CHECK, "big")
    bits = [bool(byte >> shift & 1) for byte in content for shift in range(7, -1, -1)]
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
    content = number.to_bytes(_LENGTH, "big")
    body = content[:-_CHECK]
    if crc32(body).to_bytes(_CHECK, "big") != content[-_CHECK:]:
        return None
    try:
        name = body[:_NAME].rstrip(b"\0").decode()
    except UnicodeDecodeError:
        return None
    return Identity(name, int.from_bytes(body[_NAME:], "big"))


def tone(name: str) -> float:
    """Return the frequency in Hz that sounds for a name, a multiple of 5.

    Two of eight random names share one in a twentieth of all cases; tests choose
    names that don't.
    """
    return float(_LOWEST + _STEP * (crc32(fit(name).encode()) % _TONES))


def _cut(name: str, length: int) -> str:
    encoded = name.replace("\0", "").encode("utf-8", "replace")
    return encoded[:length].decode("utf-8", "ignore")
