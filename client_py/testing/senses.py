"""What a tab shows and plays, taken from its elements by the page itself."""

from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Locator

from client_py.core import picture
from client_py.core.picture import Identity
from client_py.testing.sight import RATE, pitch

_HERE = Path(__file__).parent
_LOOK = (_HERE / "look.js").read_text()
_LISTEN = (_HERE / "listen.js").read_text()
_LISTENING = 0.6  # seconds; the first of them may be the codec's

#: A promise is waited for where it is returned, and not inside of something.
_BEGIN = """
(element, wish) => {{
  const found = ({script})(element, wish);
  found.catch(() => {{}});  // told to whoever asks for it
  return {{ found }};
}}
"""


class View(NamedTuple):
    """What one look at a video gave."""

    pictures: list[Identity | None]
    width: int
    height: int


class Look:
    """Up to so many pictures of a video element, for so long at the most, from now."""

    def __init__(self, video: Locator, most: int, seconds: float) -> None:
        wish = {
            "columns": picture.COLUMNS,
            "rows": picture.ROWS,
            "share": picture.SHARE,
            "most": most,
            "milliseconds": 1000 * seconds,
        }
        self._underway = _Underway(video, _LOOK, wish)

    def view(self) -> View:
        """Wait for them."""
        seen = self._underway.found()
        identities = [picture.read(_rows(cells)) for cells in seen["pictures"]]
        return View(identities, seen["width"], seen["height"])


class Listening:
    """What an audio element plays from now on, for about half a second."""

    def __init__(self, voice: Locator) -> None:
        wish = {"milliseconds": 1000 * _LISTENING, "rate": RATE}
        self._underway = _Underway(voice, _LISTEN, wish)

    def heard(self) -> tuple[float | None, str]:
        """Wait for it; return its pitch in Hz, 0.0 for silence, and a reason.

        None is neither: nothing could be recorded, though something may have been.
        """
        recorded = self._underway.found()
        if recorded["muted"]:
            return 0.0, recorded["why"]
        return pitch(recorded["samples"]), recorded["why"]


class _Underway:
    """A script that goes on in the page while others are asked for something."""

    def __init__(self, element: Locator, script: str, wish: dict[str, Any]) -> None:
        self._handle = element.evaluate_handle(_BEGIN.format(script=script), wish)

    def found(self) -> Any:
        try:
            return self._handle.evaluate("({ found }) => found")
        finally:
            self._handle.dispose()


def _rows(cells: list[float]) -> list[list[float]]:
    columns = picture.COLUMNS
    return [cells[start : start + columns] for start in range(0, len(cells), columns)]
