"""How often somebody may guess: a token bucket for each key, in bounded memory."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Final, Protocol

from server.errors import TooMany

BURST: Final = 5  # guesses at once
REFILL: Final = 15.0  # seconds for one more
KEYS: Final = 10_000


class Guesses(Protocol):
    """Counts guesses, here or together with others."""

    async def take(self, key: Hashable) -> None:
        """Count a guess, or raise ``TooMany``."""

    async def give_back(self, key: Hashable) -> None:
        """The guess was right: it doesn't count."""


class Attempts:
    """The guesses of one process: ``Guesses``. ``now`` tells monotonic seconds."""

    def __init__(
        self,
        now: Callable[[], float],
        burst: int = BURST,
        refill: float = REFILL,
        keys: int = KEYS,
    ) -> None:
        self._now = now
        self._burst = burst
        self._refill = refill
        self._keys = keys
        # When each bucket will be full again; full ones are forgotten.
        self._full_at: OrderedDict[Hashable, float] = OrderedDict()

    async def take(self, key: Hashable) -> None:
        """Count a guess, or raise ``TooMany``."""
        now = self._now()
        full_at = max(self._full_at.get(key, now), now) + self._refill
        if (wait := full_at - now - self._burst * self._refill) > 0:
            raise TooMany(wait)
        self._full_at[key] = full_at
        self._full_at.move_to_end(key)
        while len(self._full_at) > self._keys or self._oldest() <= now:
            self._full_at.popitem(last=False)

    async def give_back(self, key: Hashable) -> None:
        """The guess was right: it doesn't count."""
        if key in self._full_at:
            self._full_at[key] -= self._refill

    def _oldest(self) -> float:
        return next(iter(self._full_at.values()))
