"""The links of somebody headless, kept for who asks what became of their frames."""

from collections import Counter
from typing import Generic, TypeVar

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
