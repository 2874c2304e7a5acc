"""Somebody headless who looks at every frame that comes, before it is decoded."""

from collections import Counter

from client_py.headless.frames import FrameLink
from client_py.headless.rtc import Connections

_TAKEN = ("ok", "dup")  # browsers repeat frames


class Witness(list[FrameLink]):
    """Makes the frames of a person's links, and knows what became of them all."""

    def __call__(self) -> FrameLink:
        self.append(FrameLink())
        return self[-1]

    @property
    def connections(self) -> Connections:
        """What makes that person's connections."""
        return Connections(self)

    @property
    def opened(self) -> int:
        """How many frames were opened so far."""
        return sum(link.received[key] for link in self for key in _ok(link))

    @property
    def refused(self) -> Counter[str]:
        """What became of all others, by the name of the refusal."""
        return Counter(
            {
                what: count
                for link in self
                for (_, what), count in link.received.items()
                if what not in _TAKEN
            }
        )


def _ok(link):
    return [key for key in link.received if key[1] == "ok"]
