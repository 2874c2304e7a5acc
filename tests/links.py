"""The links of somebody headless, kept for who asks what became of their frames."""

import threading
from collections import Counter
from contextlib import AbstractAsyncContextManager
from typing import Any, Generic, TypeVar

import av
import numpy as np

from client_py.core import picture
from client_py.core.slot import Slot
from client_py.headless.frames import FrameLink
from client_py.headless.main import Person, participant
from client_py.headless.rtc import Connections
from client_py.headless.sink import cells, samples
from client_py.testing.sight import PATIENCE
from e2ee.slot import Slot as KeySlot

_TAKEN = ("ok", "dup")  # browsers repeat frames
#: What is sealed for somebody else, or only looks sealed; and how much of it is no
#: accident: 25 frames of sound are half a second.
UNREAD = ("nokey", "auth")
HALF_SECOND = 25
_KEPT = 500  # frames of a slot that a witness keeps

Link = TypeVar("Link", bound=FrameLink)


class Links(list[Link], Generic[Link]):
    """Makes the frames of somebody's links, of one kind, and remembers them."""

    def __init__(self, kind: type[Link]) -> None:
        super().__init__()
        self._kind = kind
        self._made = threading.Condition()

    def __call__(self) -> Link:
        with self._made:
            self.append(self._kind())
            self._made.notify_all()
            return self[-1]

    def wait_for(self, count: int) -> None:
        """Wait, in another thread, until so many were made."""
        with self._made:
            assert self._made.wait_for(lambda: len(self) >= count, PATIENCE)

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


class Witness(FrameLink):
    """The frames of one link; keeps those that it can't open, as they came."""

    def __init__(self) -> None:
        super().__init__()
        self.kept: dict[Slot, list[bytes]] = {slot: [] for slot in Slot}
        self.astray = 0  # frames of one slot that came to the receiver of another

    def open(self, slot: Slot, frame: bytes) -> bytes | None:
        before = Counter(self.received)
        opened = super().open(slot, frame)
        if opened is not None:
            return opened
        after = Counter(self.received)
        astray = self._is_astray(slot, frame)
        self.received.clear()
        self.received.update(before if astray else after)
        self.astray += astray
        if not astray and len(self.kept[slot]) < _KEPT:
            self.kept[slot].append(frame)
        return None

    def _is_astray(self, slot: Slot, frame: bytes) -> bool:
        """Whether a frame is of another slot: aiortc sorts packets by their source,
        and now and then takes one of the microphone's for the shared sound's.
        """
        others = (other for other in Slot if other is not slot)
        return any(super(Witness, self).open(each, frame) for each in others)

    @property
    def generation(self) -> int:
        """The newest generation of keys of which a frame was opened, -1 for none."""
        return self._receiving.newest_opened if self._receiving else -1

    def pictures(self, slot: Slot) -> list[av.VideoFrame]:
        """Return the pictures among them, as if they were plain."""
        return _decoded("vp8", self.kept[slot])

    def loudness(self, slot: Slot) -> float:
        """Return their loudest sample, as if they were plain; 1 is the most."""
        heard = [samples(each) for each in _decoded("libopus", self.kept[slot])]
        return max((float(np.abs(each).max()) for each in heard), default=0.0)

    @property
    def betrayed(self) -> list[str]:
        """What came in plain.

        Sound comes whole, so it is enough that a frame of it isn't sealed. Of pictures
        parts may be lost, and what is left is no sealed frame either; so they count
        where they show somebody. What looks sealed by chance is told by its number.
        """
        plain = [
            slot.word
            for slot in (Slot.MICROPHONE, Slot.SCREEN_AUDIO)
            if self.received[KeySlot(slot), "plain"]
        ]
        for slot in (Slot.CAMERA, Slot.SCREEN):
            found = [picture.read(cells(each)) for each in self.pictures(slot)]
            plain += [each.name for each in found if each is not None]
        for slot in Slot:
            if sum(self.received[KeySlot(slot), what] for what in UNREAD) > HALF_SECOND:
                plain.append(f"{slot.word}, unread")
        return plain


class Witnesses:
    """Makes the connections of people without a browser, all of them witnesses."""

    def __init__(self) -> None:
        self._links: list[Links[Witness]] = []

    def __call__(self) -> Connections:
        self._links.append(Links(Witness))
        return self._links[-1].connections

    def come(
        self, url: str, name: str, **options: Any
    ) -> AbstractAsyncContextManager[Person]:
        """Let somebody into a room, as ``participant`` does."""
        return participant(url, name, connections=self(), **options)

    @property
    def betrayed(self) -> list[str]:
        """What came to any of them in plain."""
        return [
            plain for links in self._links for link in links for plain in link.betrayed
        ]


def _decoded(codec: str, frames: list[bytes]) -> list[Any]:
    """Return what a decoder makes of frames; of most that are sealed, nothing."""
    decoder: Any = av.CodecContext.create(codec, "r")
    made: list[Any] = []
    for frame in frames:
        try:
            made += decoder.decode(av.Packet(frame))
        except av.error.FFmpegError:
            continue
    return made
