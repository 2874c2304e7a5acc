"""What all processes count and know together: guesses, and sessions that were ended.

By the clock of Redis: those of the processes may differ. Raises ``StreamError``.
"""

import hashlib
import time
from collections.abc import Hashable
from typing import Any, Final, NamedTuple

from server.attempts import BURST, REFILL
from server.cluster.wire import reaching
from server.errors import TooMany
from server.tokens import LEEWAY, SESSION_LIFE

_GUESSES: Final = "tertulia:guesses:"
_ENDED: Final = "tertulia:ended"
_FIRST: Final = "0-0"
_BATCH: Final = 1000

# As ``Attempts``: what is kept is when the bucket will be full again.
_TAKE: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local full = math.max(tonumber(redis.call('GET', KEYS[1]) or now), now) + ARGV[1]
local wait = full - now - ARGV[1] * ARGV[2]
if wait > 0 then return tostring(wait) end
redis.call('SET', KEYS[1], string.format('%.6f', full))
redis.call('PEXPIRE', KEYS[1], math.ceil((full - now) * 1000))
return '0'
"""
_GIVE_BACK: Final = """
local full = redis.call('GET', KEYS[1])
if full then
  redis.call('SET', KEYS[1], string.format('%.6f', full - ARGV[1]), 'KEEPTTL')
end
"""


class SharedAttempts:
    """Counts guesses, one for all processes: ``Guesses`` over Redis."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis

    async def take(self, key: Hashable) -> None:
        """Count a guess, or raise ``TooMany``."""
        with reaching():
            wait = await self._redis.eval(_TAKE, 1, _name(key), REFILL, BURST)
        if float(wait) > 0:
            raise TooMany(float(wait))

    async def give_back(self, key: Hashable) -> None:
        """The guess was right: it doesn't count."""
        with reaching():
            await self._redis.eval(_GIVE_BACK, 1, _name(key), REFILL)


class Ended(NamedTuple):
    """A session that was ended, and when it would have ended by itself (Unix)."""

    id: str
    until: float


class EndedSessions:
    """The sessions that were ended at any process."""

    def __init__(self, redis: Any) -> None:
        self._redis = redis
        self._last = _FIRST

    async def add(self, ended: Ended) -> None:
        """Let all processes know."""
        life = SESSION_LIFE + LEEWAY
        oldest = int((time.time() - life) * 1000)
        with reaching():
            async with self._redis.pipeline(transaction=True) as pipe:
                entry = {"id": ended.id, "until": ended.until}
                pipe.xadd(_ENDED, entry, minid=oldest, approximate=True)
                pipe.expire(_ENDED, life)
                await pipe.execute()

    async def news(self) -> list[Ended]:
        """Return those that were ended since the last time, at first all."""
        found: list[Ended] = []
        while True:
            with reaching():
                entries = await self._redis.xrange(
                    _ENDED, f"({self._last}", count=_BATCH
                )
            found += [
                Ended(fields[b"id"].decode(), float(fields[b"until"]))
                for _, fields in entries
            ]
            if entries:
                self._last = entries[-1][0].decode()
            if len(entries) < _BATCH:
                return found


def _name(key: Hashable) -> str:
    # Addresses needn't stand in Redis.
    return _GUESSES + hashlib.sha256(repr(key).encode()).hexdigest()[:32]
