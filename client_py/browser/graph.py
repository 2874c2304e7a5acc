"""The shape of a link's history. Pure: readings in, points of an SVG path out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from client_py.core.history import LENGTH, Reading

WIDTH: Final = 300.0
HEIGHT: Final = 64.0
SPAN: Final = float(LENGTH)  # seconds from the left edge to the right one

_LEAST = 50_000.0  # bit/s at the top of an all but silent link's graph
_LOSS = 0.1  # the share lost that fills the height
_GAP = 3.0  # seconds without a reading that leave a gap


@dataclass(frozen=True, slots=True)
class Graph:
    """Paths to draw, and the bit/s at the top."""

    down: str
    up: str
    loss: str
    top: float


def graph(readings: Sequence[Reading]) -> Graph:
    """Return what to draw; the newest reading is at the right edge."""
    if not readings:
        return Graph("", "", "", _LEAST)
    top = max(_LEAST, *(max(each.down, each.up) for each in readings))
    newest = readings[-1].at
    down, up, loss, before = [], [], [], -1e9
    for each in readings:
        x = WIDTH * (1.0 - (newest - each.at) / SPAN)
        if x < 0.0:
            continue
        pen = "M" if each.at - before > _GAP else "L"
        before = each.at
        down.append(f"{pen}{x:.1f} {_y(each.down / top):.1f}")
        up.append(f"{pen}{x:.1f} {_y(each.up / top):.1f}")
        if each.loss:
            loss.append(f"M{x:.1f} {HEIGHT:.0f}V{_y(each.loss / _LOSS):.1f}")
    return Graph("".join(down), "".join(up), "".join(loss), top)


def _y(share: float) -> float:
    return HEIGHT * (1.0 - min(1.0, max(0.0, share)))
