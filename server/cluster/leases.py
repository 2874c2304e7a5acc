"""Which processes live: each has a lease, which it renews; who doesn't is dead.

A lease outlives what it is for by some seconds; the rooms of a dead process are
looked after by one of the others, its heir.
"""

from collections.abc import Iterable
from typing import Any, Final, NamedTuple

from protocol.messages import RoomId
from server.cluster.wire import reaching

LIFE: Final = 3.5  # seconds
RENEWAL: Final = 0.5
#: How long a process has been silent when another one finds it dead, about.
SILENT: Final = LIFE + RENEWAL / 2

_NODES: Final = "tertulia:nodes"
_ROOMS: Final = "tertulia:node:"
_HEIR: Final = "tertulia:heir:"
_INHERITING: Final = 30  # seconds that an heir has to look after everything
_KEPT: Final = 3600  # seconds that the list of a process's rooms is kept

# By the clock of Redis: those of the processes may differ.
_RENEW: Final = """
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
redis.call('ZADD', KEYS[1], now + tonumber(ARGV[2]), ARGV[1])
redis.call('EXPIRE', KEYS[2], ARGV[3])
return {
  redis.call('ZRANGEBYSCORE', KEYS[1], now, '+inf'),
  redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', '(' .. now),
}
"""


class Census(NamedTuple):
    """The processes by their leases."""

    living: frozenset[str]
    dead: frozenset[str]


class Leases:
    """One process's lease, and its look at the others'. Raises ``StreamError``."""

    def __init__(self, redis: Any, node: str) -> None:
        self._redis = redis
        self._node = node

    async def renew(self) -> Census:
        """Live on, and see who does."""
        with reaching():
            living, dead = await self._redis.eval(
                _RENEW, 2, _NODES, _ROOMS + self._node, self._node, LIFE, _KEPT
            )
        return Census(_names(living), _names(dead))

    async def end(self) -> None:
        """Live no more, from now on."""
        with reaching():
            await self._redis.zadd(_NODES, {self._node: 0}, xx=True)

    async def note(self, rooms: Iterable[RoomId], gone: Iterable[RoomId]) -> None:
        """Let an heir know which rooms this process has people in."""
        changes = (("sadd", list(rooms)), ("srem", list(gone)))
        with reaching():
            for command, named in changes:
                if named:
                    await getattr(self._redis, command)(_ROOMS + self._node, *named)

    async def inherit(self, dead: str) -> list[RoomId] | None:
        """Become the heir of a process: return its rooms; None if another one is."""
        with reaching():
            mine = await self._redis.set(
                _HEIR + dead, self._node, nx=True, ex=_INHERITING
            )
            if not mine:
                return None
        return await self.rooms(dead)

    async def rooms(self, node: str) -> list[RoomId]:
        """Return the rooms that a process has people in, or had when it died."""
        with reaching():
            rooms = await self._redis.smembers(_ROOMS + node)
        return [RoomId(room.decode()) for room in rooms]

    async def age(self) -> float:
        """Return for how many seconds Redis has known of leases, rounded down."""
        with reaching():
            server = await self._redis.info("server")
        return float(server["uptime_in_seconds"])

    async def bury(self, dead: str) -> None:
        """Forget a process whose rooms are looked after."""
        with reaching():
            await self._redis.zrem(_NODES, dead)
            await self._redis.delete(_ROOMS + dead)


def _names(found: Iterable[bytes]) -> frozenset[str]:
    return frozenset(name.decode() for name in found)
