"""How many columns a grid of pictures takes, so that the pictures are largest."""

from dataclasses import dataclass

RATIO = 16 / 9


@dataclass(frozen=True, slots=True)
class Layout:
    """Columns, and a tile's width and height in pixels."""

    columns: int
    width: int
    height: int


def arrange(count: int, width: float, height: float, gap: float) -> Layout:
    """Return the layout in which ``count`` tiles of 16:9 are largest in a space."""
    best = Layout(1, 0, 0)
    for columns in range(1, count + 1):
        rows = -(-count // columns)
        wide = (width - gap * (columns - 1)) / columns
        high = (height - gap * (rows - 1)) / rows
        tile = int(min(wide, high * RATIO))
        if tile > best.width:
            best = Layout(columns, tile, int(tile / RATIO))
    return best
