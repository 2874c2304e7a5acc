"""Token buckets and counters: how much one may ask for, how many may be here.

Pure: the time is passed in, in seconds of one monotonic clock.
"""

from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass
from enum import Enum, auto
from functools import cache
from typing import Final, Generic, Self, TypeVar

from protocol.messages import (
    Chat,
    ClientMessage,
    Ping,
    ReportLinks,
    ReportStats,
    Signal,
)

K = TypeVar("K", bound=Hashable)

KEYS: Final = 50_000  # buckets kept at once; who comes with more keys is no person

_AT_ONCE: Final = 16  # buckets forgotten for a new one; more are never due for long


@dataclass(frozen=True, slots=True)
class Rate:
    """So much per second in the long run, and so much at once."""

    per_second: float
    burst: float

    def times(self, factor: float) -> Self:
        """Return the rate of a server that grants ``factor`` times as much."""
        return type(self)(self.per_second * factor, self.burst * factor)


class Bucket:
    """Holds ``burst`` tokens at most, and gains ``per_second`` of them."""

    __slots__ = ("_at", "_level", "rate")

    def __init__(self, rate: Rate, now: float) -> None:
        self.rate = rate
        self._level = rate.burst
        self._at = now

    @property
    def seen_at(self) -> float:
        """When it was asked last."""
        return self._at

    def take(self, now: float, cost: float = 1.0) -> float:
        """Take tokens and return 0; or take none, and return the seconds to wait."""
        if now > self._at:
            level = self._level + (now - self._at) * self.rate.per_second
            self._level = level if level < self.rate.burst else self.rate.burst
        self._at = now
        if cost <= self._level:
            self._level -= cost
            return 0.0
        return (cost - self._level) / self.rate.per_second


class Buckets(Generic[K]):
    """One bucket for each key.

    Forgets those that must be full again, which is what a new one is; and of too
    many, the ones that were not seen for longest.
    """

    def __init__(self, rate: Rate, keys: int = KEYS) -> None:
        self._rate = rate
        self._keys = keys
        self._filling = rate.burst / rate.per_second  # seconds, at most
        self._buckets: OrderedDict[K, Bucket] = OrderedDict()

    def __len__(self) -> int:
        return len(self._buckets)

    def take(self, key: K, now: float, cost: float = 1.0) -> float:
        """Take tokens of ``key`` and return 0, or return the seconds to wait."""
        bucket = self._buckets.get(key)
        if bucket is None:
            self._forget(now)
            bucket = self._buckets[key] = Bucket(self._rate, now)
            if len(self._buckets) > self._keys:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(now, cost)

    def _forget(self, now: float) -> None:
        """Forget some, if it is time: so no more is kept than comes in that time."""
        for _ in range(min(_AT_ONCE, len(self._buckets))):
            key = next(iter(self._buckets))
            if self._buckets[key].seen_at + self._filling > now:
                break
            del self._buckets[key]


class Counter(Generic[K]):
    """How many of each key are here; ``limit`` at most."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._here: dict[K, int] = {}

    def __getitem__(self, key: K) -> int:
        return self._here.get(key, 0)

    def enter(self, key: K) -> bool:
        """Count one in, unless it would be one too many."""
        if self[key] >= self._limit:
            return False
        self._here[key] = self[key] + 1
        return True

    def leave(self, key: K) -> None:
        """Count one out that was counted in."""
        left = self._here[key] - 1
        if left:
            self._here[key] = left
        else:
            del self._here[key]


class Verdict(Enum):
    """What to do with something that a client said."""

    HEARD = auto()
    REFUSED = auto()  # drop it, and answer ``too_many``
    ENOUGH = auto()  # close: it went on


class Kind(Enum):
    """The kinds of messages that have a bucket of their own."""

    CHAT = auto()
    CANDIDATE = auto()
    DESCRIPTION = auto()
    PING = auto()
    STATE = auto()
    STATISTICS = auto()
    LINKS = auto()


#: What a signal carries is not read: descriptions are longer than candidates.
SHORT: Final = 2048  # characters

RATES: Final = {
    Kind.CHAT: Rate(5, 10),
    Kind.CANDIDATE: Rate(100, 400),
    Kind.DESCRIPTION: Rate(10, 40),
    Kind.PING: Rate(2, 20),
    Kind.STATE: Rate(10, 40),
    Kind.STATISTICS: Rate(0.2, 6),
    Kind.LINKS: Rate(2, 10),
}
VOLUME: Final = Rate(2**20 / 60, 2**20)  # characters of all messages together
REFUSALS: Final = Rate(1, 20)  # refused messages that one connection may cause


def kind_of(message: ClientMessage, size: int) -> Kind:
    """Return which bucket a message of ``size`` characters counts for."""
    if type(message) is Signal:
        return Kind.CANDIDATE if size <= SHORT else Kind.DESCRIPTION
    return _KINDS.get(type(message), Kind.STATE)


_KINDS: Final = {
    Chat: Kind.CHAT,
    Ping: Kind.PING,
    ReportStats: Kind.STATISTICS,
    ReportLinks: Kind.LINKS,
}


@cache
def _rates(scale: float) -> tuple[dict[Kind, Rate], Rate]:
    """Return the rates by kind and that of the volume, of every connection."""
    rates = {kind: rate.times(scale) for kind, rate in RATES.items()}
    return rates, VOLUME.times(scale)


class Allowance:
    """What one participant may still say. ``scale`` multiplies every rate."""

    def __init__(self, now: float, scale: float = 1.0) -> None:
        self._scale = scale
        self._rates, volume = _rates(scale)
        self._buckets: dict[Kind, Bucket] = {}
        self._volume = Bucket(volume, now)
        self._refusals = Bucket(REFUSALS, now)

    def catch_up(self, seconds: float) -> None:
        """Let what could have been said in so many seconds of a cut be said at once.

        Who had nothing left before has no more than that.
        """
        rates, _ = _rates(self._scale)
        if seconds:
            rates = {
                kind: Rate(rate.per_second, rate.burst + seconds * rate.per_second)
                for kind, rate in rates.items()
            }
        self._rates = rates
        for kind, bucket in self._buckets.items():
            bucket.rate = rates[kind]

    def hear(self, now: float, size: int) -> Verdict:
        """Judge a message of ``size`` characters before it is read."""
        return self._refuse(now) if self._volume.take(now, size) else Verdict.HEARD

    def ask(self, now: float, message: ClientMessage, size: int) -> Verdict:
        """Judge a message by its type."""
        kind = kind_of(message, size)
        bucket = self._buckets.get(kind)
        if bucket is None:
            bucket = self._buckets[kind] = Bucket(self._rates[kind], now)
        return self._refuse(now) if bucket.take(now) else Verdict.HEARD

    def _refuse(self, now: float) -> Verdict:
        return Verdict.ENOUGH if self._refusals.take(now) else Verdict.REFUSED
