"""What one link sends: a track in each slot, and pictures of a size that fits.

Nothing of it is negotiated, so no message waits for it. It waited once: the tracks of
somebody who joins held up the keys by 20 to 70 ms.
"""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from typing import Any

from client_py.core.ports import PeerConnection, Track
from client_py.core.slot import Slot
from client_py.core.uplink import Shape

_PICTURES = (Slot.CAMERA, Slot.SCREEN)
SMALL = 1.0  # seconds for which a new connection sends a small picture

Attempt = Callable[[Coroutine[Any, Any, None]], Coroutine[Any, Any, None]]


class Sending:
    """The senders of one connection. ``attempt`` looks after what fails."""

    def __init__(self, connection: PeerConnection, attempt: Attempt) -> None:
        self._pc = connection
        self._attempt = attempt
        self._replacing: set[asyncio.Task[None]] = set()
        self._growth: asyncio.TimerHandle | None = None
        self._grown = False
        self._shape = Shape()
        self._tracks: dict[Slot, Track | None] = {}
        self.held = False  # nothing is sent, whatever there is

    def replace(self, slot: Slot, track: Track | None) -> None:
        """Send this track, or nothing; the newest of several counts."""
        self._tracks[slot] = track
        self._put(slot, None if self.held else track)

    def hold(self, *, held: bool) -> None:
        """Send nothing, whatever track there is, or send it again."""
        self.held = held
        for slot, track in self._tracks.items():
            self._put(slot, None if held else track)

    async def reshape(self, shape: Shape) -> None:
        """Send pictures like this, as soon as the first ones have grown."""
        self._shape = shape
        await self._reshape()

    def grow_soon(self, grow: Callable[[], None]) -> None:
        """Have ``grow`` called once the first, small pictures have been seen."""
        if self._growth is None:
            self._growth = asyncio.get_running_loop().call_later(SMALL, grow)

    async def grow(self) -> None:
        """Send pictures as large as they should be from now on."""
        self._grown = True
        await self._reshape()

    def close(self) -> None:
        """Ask the connection for nothing more. Idempotent."""
        if self._growth is not None:
            self._growth.cancel()
        for task in self._replacing:
            task.cancel()

    def _put(self, slot: Slot, track: Track | None) -> None:
        task = at_once(self._replace(slot, track))
        self._replacing.add(task)
        task.add_done_callback(self._replacing.discard)

    async def _replace(self, slot: Slot, track: Track | None) -> None:
        await self._attempt(self._pc.replace_track(slot, track))
        if slot in _PICTURES:  # their size is relative to the track's
            await self._attempt(self._reshape())

    async def _reshape(self) -> None:
        if self._grown:
            await self._pc.shape(Slot.CAMERA, self._shape.camera)
            await self._pc.shape(Slot.SCREEN, self._shape.screen)


def at_once(work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
    """Begin a task now, and not in the loop's next turn, where Python can."""
    loop = asyncio.get_running_loop()
    if sys.version_info >= (3, 12):
        return asyncio.Task(work, loop=loop, eager_start=True)
    return loop.create_task(work)
