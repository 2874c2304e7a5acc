"""A peer that is hostile: it has the link and its keys, and sends what it likes."""

import asyncio
import random
from collections.abc import Callable

from client_py.core.slot import Slot
from client_py.headless.frames import FrameLink

#: What leaves in place of a frame of a slot.
Trick = Callable[["HostileFrames", Slot, bytes], bytes]


class HostileFrames(FrameLink):
    """The frames of one link; ``captured`` are those that were sent in all honesty."""

    def __init__(self) -> None:
        super().__init__()
        self.captured: list[tuple[Slot, bytes]] = []
        self._trick: Trick | None = None
        self._left = 0
        self._played = asyncio.Event()
        self.chance = random.Random(18)

    def play(self, trick: Trick) -> None:
        """Play a trick on each frame from now on."""
        self._trick = trick

    async def played(self, times: int) -> None:
        """Wait until it was played so many times more."""
        self._played.clear()
        self._left = times
        async with asyncio.timeout(20):
            await self._played.wait()

    def rest(self) -> None:
        """Be honest again."""
        self._trick = None

    def seal(self, slot: Slot, frame: bytes) -> bytes:
        if self._trick is None:
            sealed = super().seal(slot, frame)
            self.captured.append((slot, sealed))
            return sealed
        self._left -= 1
        if self._left == 0:
            self._played.set()
        return self._trick(self, slot, frame)

    def honest(self, slot: Slot, frame: bytes) -> bytes:
        """Return what an honest peer would send."""
        return super().seal(slot, frame)

    def kept(self, slot: Slot) -> list[bytes]:
        """Return what was sent in a slot in all honesty."""
        return [sealed for of, sealed in self.captured if of is slot]


def plain(frames: HostileFrames, slot: Slot, frame: bytes) -> bytes:
    """Send it as it is."""
    return frame


def again(frames: HostileFrames, slot: Slot, frame: bytes) -> bytes:
    """Send the last honest frame once more."""
    return frames.kept(slot)[-1]


def old(frames: HostileFrames, slot: Slot, frame: bytes) -> bytes:
    """Send the first honest frame once more."""
    return frames.kept(slot)[0]


def swapped(frames: HostileFrames, slot: Slot, frame: bytes) -> bytes:
    """Seal it for another slot than the one it goes in."""
    other = Slot.SCREEN_AUDIO if slot is Slot.MICROPHONE else Slot.SCREEN
    return frames.honest(other, frame)


def flipped(frames: HostileFrames, slot: Slot, frame: bytes) -> bytes:
    """Flip one bit of it, anywhere."""
    spoilt = bytearray(frames.honest(slot, frame))
    spoilt[frames.chance.randrange(len(spoilt))] ^= 1 << frames.chance.randrange(8)
    return bytes(spoilt)


def cut(frames: HostileFrames, slot: Slot, frame: bytes) -> bytes:
    """Leave some of its end out."""
    sealed = frames.honest(slot, frame)
    return sealed[: frames.chance.randrange(1, len(sealed))]


def noise(frames: HostileFrames, slot: Slot, frame: bytes) -> bytes:
    """Send something."""
    return frames.chance.randbytes(max(1, len(frame)))
