"""The links of somebody headless, kept for who asks what became of their frames."""

from collections import Counter
from typing import Generic, TypeVar

import av
import numpy as np

from client_py.core.slot import Slot
from client_py.headless.frames import FrameLink
from client_py.headless.rtc import Connections

_TAKEN = ("ok", "dup")  # browsers repeat frames

Link = TypeVar("Link", bound=FrameLink)


class Links(list[Link], Generic[Link]):
    """Makes the frames of somebody's links, of one kind, and remembers them."""

    def __init__(self, kind: type[Link]) -> None:
        super().__init__()
        self._kind = kind

    def __call__(self) -> Link:
        self.append(self._kind())
        return self[-1]

    @property
    def connections(self) -> Connections:
        """What makes that person's connections."""
        return Connections(self)

    @property
    def opened(self) -> int:
        """How many frames were opened so far."""
        return self._outcomes["ok"]

    @property
    def refused(self) -> Counter[str]:
        """What became of all others, by the name of the refusal."""
        outcomes = self._outcomes
        for taken in _TAKEN:
            del outcomes[taken]
        return outcomes

    @property
    def _outcomes(self) -> Counter[str]:
        total: Counter[str] = Counter()
        for link in self:
            for (_, what), count in link.received.items():
                total[what] += count
        return total


class PlainFrames(FrameLink):
    """The frames of one link; keeps those that it can't open, as they came."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[Slot, list[bytes]] = {slot: [] for slot in Slot}

    def open(self, slot: Slot, frame: bytes) -> bytes | None:
        opened = super().open(slot, frame)
        if opened is None:
            self.kept[slot].append(frame)
        return opened

    def pictures(
        self, slot: Slot
    ) -> list["np.ndarray[tuple[int, int], np.dtype[np.uint8]]"]:
        """Return the brightness of every picture among them, as if they were plain."""
        decoder = av.CodecContext.create("vp8", "r")
        decoded = [
            picture.to_ndarray(format="gray")
            for frame in self.kept[slot]
            for picture in decoder.decode(av.Packet(frame))
        ]
        return decoded

    def loudness(self, slot: Slot) -> float:
        """Return their loudest sample, as if they were plain; 1 is the most."""
        decoder = av.CodecContext.create("libopus", "r")
        samples = [
            sound.to_ndarray()
            for frame in self.kept[slot]
            for sound in decoder.decode(av.Packet(frame))
        ]
        return max((float(np.abs(each / 32768).max()) for each in samples), default=0.0)
