"""What was seen and heard of somebody, and what it proves."""

import os
from collections.abc import Iterable, Sequence

import numpy as np

from client_py.core.picture import Identity

#: Seconds that an expectation waits unless it is told otherwise.
PATIENCE = float(os.environ.get("TERTULIA_TEST_PATIENCE", "15"))

RATE = 8000  # Hz; the highest tone is at 3 kHz
PITCH_TOLERANCE = 2.0  # Hz; tones of different names are 5 Hz apart or more

_WINDOW = 0.4  # seconds: a resolution of 2.5 Hz
_SILENCE = 0.002  # of full scale


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


def pitch(samples: Sequence[int]) -> float | None:
    """Return the loudest frequency of the last samples in Hz, 0.0 for silence.

    None of fewer samples than tell anything.
    """
    sound = np.array(samples[-int(RATE * _WINDOW) :]) / 32767
    if len(sound) < RATE * _WINDOW:
        return None
    if np.abs(sound).max() < _SILENCE:
        return 0.0
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    return float(np.argmax(spectrum)) * RATE / len(sound)
