"""Tracks that show and tell nothing, for senders that are not proved yet.

A canary of pictures is black, and one for the whole page. One of sound is the real
track, disabled: browsers send silence of those (W3C mediacapture-main §4.3.1), and it
needs no ``AudioContext``, which not every browser lets run without a sound device.
"""

from typing import Any

from js import clearInterval as clear_interval, document, setInterval

from client_py.browser.dom import Listeners
from client_py.core.slot import Slot

#: Of no size that a camera or a screen has: the first real picture is a whole one.
_SIZE = (176, 100)
_RATE = 25  # pictures per second, while anybody waits

Holder = tuple[object, Slot]


class Canaries:
    """Hands canaries out, and draws while one of them is out."""

    def __init__(self) -> None:
        self._black: _Black | None = None
        self._pictures: set[Holder] = set()
        self._silences: dict[Holder, Any] = {}

    def take(self, holder: Holder, real: Any) -> Any:
        """Return a canary in place of a real track, until it is let go."""
        if holder[1].kind == "video":
            if self._black is None:
                self._black = _Black()
            self._pictures.add(holder)
            self._black.draw()
            return self._black.track
        self.let_go(holder)
        silence = self._silences[holder] = real.clone()
        silence.enabled = False
        return silence

    def let_go(self, holder: Holder) -> None:
        """Take a canary back. Idempotent."""
        self._pictures.discard(holder)
        if self._black is not None and not self._pictures:
            self._black.rest()
        if (silence := self._silences.pop(holder, None)) is not None:
            silence.stop()  # the microphone is open as long as this is


class _Black:
    """A black picture. Browsers send one that is drawn again and again."""

    def __init__(self) -> None:
        canvas = document.createElement("canvas")
        canvas.width, canvas.height = _SIZE
        self._picture = canvas.getContext("2d", alpha=False)
        self._listeners = Listeners()
        self._drawing = False
        self.track = canvas.captureStream().getVideoTracks()[0]

    def draw(self) -> None:
        """Draw from now on."""
        self._next()
        if not self._drawing:
            self._drawing = True
            timer = setInterval(
                self._listeners.callback(self._next, lambda _: clear_interval(timer)),
                1000 // _RATE,
            )

    def rest(self) -> None:
        """Draw no more."""
        self._drawing = False
        self._listeners.close()

    def _next(self, _: Any = None) -> None:
        self._picture.fillRect(0, 0, *_SIZE)
