"""When to take a step: down quickly, up slowly, and slower after a rise that failed.

Pure: one sign for each look goes in, one step at the most comes out.
"""

from enum import Enum
from typing import Final

PATIENCE: Final = 10  # good looks before a rise
LONGEST: Final = 60  # good looks that are waited for at the most
_SURE: Final = 3  # looks that show room, by the platform's own measure
_BAD: Final = 2  # bad looks before a fall
_TRUSTED: Final = 30  # looks that a rise has to hold to count as good


class Sign(Enum):
    """What one look says."""

    BAD = "bad"
    GOOD = "good"
    ROOM = "room"  # good, and the platform measured that more would go


class Step(Enum):
    """One rung, or none."""

    DOWN = -1
    STAY = 0
    UP = 1


class Pace:
    """Turns signs into steps. ``bad`` looks in a row lower, ``patience`` raise."""

    def __init__(self, *, bad: int = _BAD, patience: int = PATIENCE) -> None:
        self._most_bad = bad
        self._least = patience
        self._patience = patience
        self._bad = self._good = self._room = 0
        self._risen: int | None = None  # looks since the last rise

    def take(self, sign: Sign, *, rises: bool = True) -> Step:
        """Take a look's sign; a rise only where there is something to ``rise`` to."""
        if self._risen is not None:
            self._risen += 1
        if sign is Sign.BAD:
            return self._fall()
        self._bad = 0
        self._good += 1
        self._room = self._room + 1 if sign is Sign.ROOM else 0
        if self._risen is not None and self._risen >= _TRUSTED:
            self._patience, self._risen = self._least, None
        if rises and (self._good >= self._patience or self._room >= _SURE):
            self._good = self._room = self._risen = 0
            return Step.UP
        return Step.STAY

    def _fall(self) -> Step:
        self._good = self._room = 0
        self._bad += 1
        if self._bad < self._most_bad:
            return Step.STAY
        self._bad = 0
        if self._risen is not None:
            # What was tried just now was too much: it isn't tried again so soon.
            self._patience, self._risen = min(2 * self._patience, LONGEST), None
        return Step.DOWN
