"""A stream in Redis for each room: the order of what happens, and the log of it.

Nothing is lost while Redis is away: what was appended is written again, in order,
until it was read back, and reading goes on after the last entry. What is written
twice is known by its serial.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from functools import lru_cache
from typing import Any, Final, NamedTuple

import msgspec
from redis.asyncio import BlockingConnectionPool, Redis

from protocol.messages import RoomId
from server.cluster.command import Command, Entry, decode, encode
from server.cluster.wire import FAILURES, Wire, bulk, packed, reaching
from server.errors import StreamError

log = logging.getLogger("tertulia.cluster")

FIRST: Final = "0-0"  # before every entry
KEPT: Final = 2048  # entries of a room; a snapshot is never so old
BEHIND: Final = 30.0  # seconds by which a process may be behind, before a snapshot
LIFE: Final = 3600  # seconds that a room is kept after the last sign of it
LIMIT: Final = 2.0  # seconds for an answer
CONNECTIONS: Final = 8  # for what isn't read or written all the time
MOST: Final = 20_000  # commands that wait for Redis

_BATCH: Final = 256
_BLOCK: Final = 1000  # milliseconds; not longer, so that a dead Redis is noticed
_RETRY: Final = 0.1  # seconds

# The newer of two snapshots is kept. Ids are compared as Redis orders them.
_SAVE: Final = """
local function parts(id)
  local ms, n = id:match('^(%d+)-(%d+)$')
  return tonumber(ms), tonumber(n)
end
local old = redis.call('HGET', KEYS[1], 'id')
if old then
  local a, b = parts(old)
  local c, d = parts(ARGV[1])
  if a > c or (a == c and b > d) then return old end
end
redis.call('HSET', KEYS[1], 'id', ARGV[1], 'state', ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
local ms = parts(ARGV[1])
redis.call('XTRIM', KEYS[2], 'MINID', '~', math.max(0, ms - ARGV[4] * 1000))
return ARGV[1]
"""

Read = tuple[str, Entry]  # an entry with its id


class Past(NamedTuple):
    """What Redis has of a room: a snapshot, and the entries that are still there."""

    id: str  # of the entry after which the snapshot was taken
    state: bytes
    entries: list[Read]


class _Waiting(NamedTuple):
    """An entry on its way."""

    stream: str
    data: bytes
    since: float  # monotonic


class Streams:
    """One process's way to the streams: ``append``, and ``read`` what comes.

    ``run`` writes, and belongs in a task. ``node`` names the process.
    """

    def __init__(self, url: str, node: str) -> None:
        self._redis: Any = Redis.from_pool(
            BlockingConnectionPool.from_url(
                url,
                max_connections=CONNECTIONS,
                timeout=LIMIT,
                socket_timeout=LIMIT,
                socket_connect_timeout=LIMIT,
                protocol=2,
            )
        )
        self._reading = Wire(url, LIMIT + _BLOCK / 1000)
        self._writing = Wire(url, LIMIT)
        self._node = node
        self._serials = itertools.count(1)
        self._waiting: dict[int, _Waiting] = {}  # appended, not yet read back
        self._written = 0  # the serial of the last one
        self._ring = asyncio.Event()
        self._bell = False  # the reader follows another set of rooms
        self._idle = asyncio.Event()
        self._idle.set()
        self._over = False
        self._last: dict[RoomId, bytes] = {}  # the id of the last entry, as a bulk
        self._asking: bytes | None = None  # for what comes in these rooms
        self._dated: set[str] = set()  # streams that don't live for ever
        self.lag = 0.0  # seconds from appending to reading, of the last one

    @property
    def full(self) -> bool:
        """Whether no more can wait."""
        return len(self._waiting) >= MOST

    @property
    def unread(self) -> set[RoomId]:
        """The rooms of which something wasn't read back yet."""
        streams = {each.stream for each in self._waiting.values()}
        return {RoomId(each.removeprefix(_STREAM)) for each in streams}

    @property
    def redis(self) -> Any:
        """The connections, for what isn't a stream."""
        return self._redis

    def append(self, room: RoomId, command: Command) -> None:
        """Write a command, soon."""
        serial = next(self._serials)
        entry = encode(Entry(self._node, serial, command))
        self._waiting[serial] = _Waiting(_stream(room), entry, time.monotonic())
        self._idle.clear()
        self._ring.set()

    def awaits(self, serial: int) -> bool:
        """Whether a command of this process wasn't read back yet."""
        return serial in self._waiting

    def came_back(self, serial: int) -> None:
        """A command of this process was read."""
        waited = self._waiting.pop(serial, None)
        if waited is not None:
            self.lag = time.monotonic() - waited.since
        if not self._waiting:
            self._idle.set()

    async def flush(self) -> None:
        """Return once everything was read back; ``StreamError`` if that takes long."""
        try:
            async with asyncio.timeout(LIMIT):
                await self._idle.wait()
        except TimeoutError:
            raise StreamError("Redis does not answer") from None

    def follow(self, room: RoomId, last: str) -> None:
        """Read a room's entries from now on, those after ``last``."""
        self._last[room] = bulk(last)
        self._asking = None
        self._bell = True
        self._ring.set()

    def leave(self, room: RoomId) -> None:
        """Read a room's entries no more."""
        self._last.pop(room, None)
        self._asking = None
        self._dated.discard(_stream(room))

    async def past(self, room: RoomId) -> Past | None:
        """Return what there is of a room, if anything is."""
        with reaching():
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.hmget(_state(room), "id", "state")
                pipe.xrange(_stream(room))
                saved, found = await pipe.execute()
        id, state = saved
        if id is None and not found:
            return None
        entries = _parsed((id, (b"c", fields[b"c"])) for id, fields in found)
        return Past((id or FIRST.encode()).decode(), state or b"", entries)

    async def save(
        self, room: RoomId, last: str, state: bytes, behind: float = BEHIND
    ) -> str:
        """Keep a snapshot, unless there is a newer one; return whose id is kept.

        What was written longer before it than anybody is ``behind`` isn't kept.
        """
        keys = _state(room), _stream(room)
        with reaching():
            kept = await self._redis.eval(_SAVE, 2, *keys, last, state, LIFE, behind)
        return kept.decode() if isinstance(kept, bytes) else str(kept)

    async def contains(self, room: RoomId, *ids: str) -> bool:
        """Whether these entries are all still there."""
        with reaching():
            async with self._redis.pipeline(transaction=False) as pipe:
                for id in ids:
                    pipe.xrange(_stream(room), id, id)
                return all(await pipe.execute())

    async def prolong(self) -> None:
        """Let the rooms that are followed live on."""
        with reaching():
            async with self._redis.pipeline(transaction=False) as pipe:
                for room in self._last:
                    pipe.expire(_stream(room), LIFE)
                    pipe.expire(_state(room), LIFE)
                await pipe.execute()

    async def answers(self) -> bool:
        """Whether Redis is there."""
        with reaching():
            return bool(await self._redis.ping())

    def stop(self) -> None:
        """Let ``run`` and ``read`` end soon, should they not hear of being cancelled.

        Redis's client swallows that while it connects.
        """
        self._over = True
        self._ring.set()

    async def close(self) -> None:
        """Hang up."""
        await self._reading.close()
        await self._writing.close()
        await self._redis.aclose()

    async def run(self) -> None:
        """Write what is appended, in order, again and again until Redis took it."""
        while not self._over:
            await self._ring.wait()
            self._ring.clear()
            try:
                while await self._write():
                    if self._ring.is_set():  # what comes in this turn can go, too
                        await asyncio.sleep(0)
            except FAILURES:
                self._written = 0  # nobody knows what arrived
                await asyncio.sleep(_RETRY)
                self._ring.set()

    async def _write(self) -> bool:
        """Write a batch; return whether there was anything to write."""
        fresh = ((n, each) for n, each in self._waiting.items() if n > self._written)
        batch = list(itertools.islice(fresh, _BATCH))
        bell, self._bell = self._bell, False
        if not batch and not bell:
            return False
        try:
            fresh_ones = {each.stream for _, each in batch} - self._dated
            commands = [_addition(each.stream) + bulk(each.data) for _, each in batch]
            commands += [packed("EXPIRE", stream, LIFE) for stream in fresh_ones]
            if bell:
                name = _bell(self._node)
                commands.append(packed("XADD", name, "MAXLEN", 1, "*", "c", b""))
                commands.append(packed("EXPIRE", name, LIFE))
            await self._writing.commit(commands)
        except BaseException:
            self._bell |= bell
            raise
        self._dated |= fresh_ones
        if batch:
            self._written = batch[-1][0]
        return True

    async def read(
        self, returned: Callable[[], Awaitable[None]]
    ) -> AsyncIterator[tuple[RoomId, list[Read]]]:
        """Yield what comes, for ever; await ``returned`` when Redis was away."""
        bell = bulk(FIRST)
        away = True
        while not self._over:
            try:
                if away:
                    await self.answers()
                    await returned()
                    away, self._written = False, 0
                    self._ring.set()
                asked = time.monotonic()
                answer = await self._reading.ask(self._question(bell))
                if time.monotonic() - asked > BEHIND / 2:
                    away = True  # we slept: what came next may be gone already
                    continue
            except (*FAILURES, StreamError) as error:
                if not away:
                    log.warning("= Redis is away: %s", type(error).__name__)
                away = True
                await asyncio.sleep(_RETRY)
                continue
            for key, entries in answer or ():
                room = RoomId(key.decode().removeprefix(_STREAM))
                if key.startswith(_BELL.encode()):
                    bell = bulk(entries[-1][0])
                elif room in self._last:
                    self._last[room] = bulk(entries[-1][0])
                    yield room, _parsed(entries)

    def _question(self, bell: bytes) -> bytes:
        """Return the command that asks for what comes after the last entries.

        It is asked again and again, and nearly always for the same rooms.
        """
        if self._asking is None:
            names = [*map(_stream, self._last), _bell(self._node)]
            words: list[str | bytes | int]
            words = ["XREAD", "BLOCK", _BLOCK, "STREAMS", *names]
            head = b"*%d\r\n" % (len(words) + len(names))
            self._asking = head + b"".join(map(bulk, words))
        return b"".join((self._asking, *self._last.values(), bell))


_STREAM: Final = "tertulia:room:"
_STATE: Final = "tertulia:state:"
_BELL: Final = "tertulia:bell:"


def _stream(room: RoomId) -> str:
    return f"{_STREAM}{room}"


def _state(room: RoomId) -> str:
    return f"{_STATE}{room}"


def _bell(node: str) -> str:
    return f"{_BELL}{node}"


@lru_cache(1024)
def _addition(stream: str) -> bytes:
    """Return the command that adds an entry to a stream, but for what is added."""
    parts: list[str | bytes | int]
    parts = ["XADD", stream, "MAXLEN", "~", KEPT, "*", "c"]
    return b"*%d\r\n%b" % (len(parts) + 1, b"".join(map(bulk, parts)))


def _parsed(entries: Iterable[tuple[bytes, Any]]) -> list[Read]:
    parsed = []
    for id, (_, data, *_) in entries:
        try:
            parsed.append((id.decode(), decode(data)))
        except msgspec.DecodeError:
            log.error("= an entry of another version is left out")
    return parsed


def time_of(id: str) -> float:
    """Return when an entry was written, in Unix seconds by the clock of Redis."""
    return _parts(id)[0] / 1000


def is_after(id: str, other: str) -> bool:
    """Whether an entry comes after another one, by their ids."""
    return _parts(id) > _parts(other)


def _parts(id: str) -> tuple[int, int]:
    milliseconds, _, number = id.partition("-")
    return int(milliseconds), int(number)
