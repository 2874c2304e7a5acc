"""Measures how large the others' pictures are shown, and tells when that changes."""

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from js import ResizeObserver, document, window

from client_py.browser.dom import Listeners
from protocol.messages import ParticipantId, Watching

_SETTLED = 0.4  # seconds without another change: windows are resized in many steps
_UNSEEN = 10.0  # seconds for which a page may be behind others before it counts
_RATIO = 9 / 16  # of the pictures, which are cropped to the tile

Tiles = Mapping[ParticipantId, Watching]


class Gauge:
    """Follows the tiles of people. ``tell`` gets the sizes in pixels of the screen."""

    def __init__(self, tell: Callable[[Tiles], None]) -> None:
        self._tell = tell
        self._tiles: dict[ParticipantId, Any] = {}
        self._told: Tiles = {}
        self._due: asyncio.TimerHandle | None = None
        self._listeners = Listeners()
        self._listeners.add(document, "visibilitychange", self._changed)
        self._observer = ResizeObserver.new(self._listeners.callback(self._changed))

    def follow(self, who: ParticipantId, tile: Any) -> None:
        """Measure somebody's tile from now on."""
        self._tiles[who] = tile
        self._observer.observe(tile)

    def leave(self, who: ParticipantId) -> None:
        """Somebody's tile is gone."""
        if tile := self._tiles.pop(who, None):
            self._observer.unobserve(tile)

    def _changed(self, *_: Any) -> None:
        if self._due is not None:
            self._due.cancel()
        wait = _UNSEEN if document.hidden else _SETTLED
        self._due = asyncio.get_running_loop().call_later(wait, self._measure)

    def _measure(self) -> None:
        self._due = None
        shown = 0 if document.hidden else 1
        tiles = {
            who: Watching(camera=shown * _height(tile), screen=shown)
            for who, tile in self._tiles.items()
        }
        if tiles != self._told:
            self._told = tiles
            self._tell(tiles)


def _height(tile: Any) -> int:
    height = max(tile.clientHeight, tile.clientWidth * _RATIO)
    return round(float(height * window.devicePixelRatio))
