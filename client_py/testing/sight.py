"""What was seen of somebody, picture after picture, and what it proves."""

import os
from collections.abc import Iterable

from client_py.core.picture import Identity

#: Seconds that an expectation waits unless it is told otherwise.
PATIENCE = float(os.environ.get("TERTULIA_TEST_PATIENCE", "15"))

PITCH_TOLERANCE = 2.0  # Hz; tones of different names are 5 Hz apart or more


class Sight:
    """Counts different pictures of one name whose counter goes on.

    A counter that starts anew (a camera that was opened again) starts the count
    anew; a picture of anybody else ends it for good.
    """

    def __init__(self, name: str, frames: int) -> None:
        self.count = 0
        self.stranger = ""
        self._name = name
        self._frames = frames
        self._drawn = 0
        self._last: Identity | None = None

    def add(self, pictures: Iterable[Identity | None]) -> None:
        """Take what some pictures say."""
        for picture in pictures:
            self._drawn += 1
            if picture is None or picture == self._last:
                continue
            if picture.name != self._name:
                self.stranger = picture.name
                return
            goes_on = self._last is None or picture.count > self._last.count
            self.count = self.count + 1 if goes_on else 1
            self._last = picture

    @property
    def missing(self) -> int:
        """How many pictures are still to come."""
        return max(0, self._frames - self.count)

    def __str__(self) -> str:
        if self.stranger:
            return f"it is {self.stranger} who is in the picture"
        if not self._drawn:
            return "no picture came"
        if self._last is None:
            return f"{self._drawn} pictures came, and none could be read"
        return (
            f"{self.count} of {self._frames} pictures went on, "
            f"the last was number {self._last.count}"
        )
