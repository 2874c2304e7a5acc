"""What is remembered for a while and then forgotten."""

from collections.abc import Hashable
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Memory(Generic[K, V]):
    """Values by key, each for ``life`` seconds after the first look at the clock.

    So whoever puts something in needs no clock.
    """

    def __init__(self, life: float) -> None:
        self._life = life
        self._fresh: dict[K, V] = {}
        self._dated: dict[K, tuple[float, V]] = {}  # in order of their end

    def put(self, key: K, value: V) -> None:
        """Remember this in place of what was there."""
        self.pop(key)
        self._fresh[key] = value

    def get(self, key: K) -> V | None:
        """Return what is remembered."""
        if key in self._fresh:
            return self._fresh[key]
        dated = self._dated.get(key)
        return dated[1] if dated else None

    def pop(self, key: K) -> None:
        """Forget this at once."""
        self._fresh.pop(key, None)
        self._dated.pop(key, None)

    def expire(self, now: float) -> list[K]:
        """Forget what is old; return its keys. ``now`` is monotonic."""
        for key, value in self._fresh.items():
            self._dated[key] = (now + self._life, value)
        self._fresh = {}
        gone = []
        for key, (end, _) in self._dated.items():
            if end > now:
                break
            gone.append(key)
        for key in gone:
            del self._dated[key]
        return gone
