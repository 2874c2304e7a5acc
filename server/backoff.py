"""How long to wait before the next try: longer each time, and never in step."""

from typing import Final

FIRST: Final = 1.0  # seconds
LONGEST: Final = 3600.0


def pause(attempt: int, rand: float) -> float:
    """Return the seconds before the try after ``attempt``, counted from 0.

    ``rand`` in [0, 1) spreads them over the upper half: those who failed
    together don't come back together.
    """
    whole = min(LONGEST, FIRST * 2.0 ** min(attempt, 32))
    return whole * (0.5 + rand / 2)
