"""The write-behind queue between the calls and the database.

A call never waits for the database: it appends here, one task writes in order.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from protocol.messages import RoomId
from server.errors import StoreError
from server.store import Participation, RoomRecord, Store

log = logging.getLogger("tertulia.journal")

LENGTH: Final = 10_000
RETRY: Final = 1.0  # seconds

Write = Callable[[], Awaitable[None]]


class Journal:
    """Hands participations to the store. ``run`` it in a task; ``close`` it last."""

    def __init__(self, store: Store, retry: float = RETRY) -> None:
        self._store = store
        self._retry = retry
        self._queue: asyncio.Queue[Write] = asyncio.Queue(LENGTH)

    @property
    def depth(self) -> int:
        """How many writes wait."""
        return self._queue.qsize()

    @property
    def healthy(self) -> bool:
        """Whether what comes next would be recorded."""
        return not self._queue.full()

    def came(self, participation: Participation) -> None:
        """Somebody came into a room."""
        self._put(lambda: self._store.came(participation))

    def went(self, participation: str, at: float, reason: str) -> None:
        """Somebody is gone from a room."""
        self._put(lambda: self._store.went(participation, at, reason))

    def change(self, room: RoomRecord) -> None:
        """A room is now like this."""
        self._put(lambda: self._store.change_room(room))

    def end(self, room: RoomId, at: float) -> None:
        """A room is closed for good."""
        self._put(lambda: self._store.end_room(room, at))

    async def run(self) -> None:
        """Write what comes, for ever."""
        while True:
            await self._write(await self._queue.get())
            self._queue.task_done()

    async def flush(self) -> None:
        """Wait until everything is written."""
        await self._queue.join()

    async def _write(self, write: Write) -> None:
        """Try until it is written: what comes later has to wait its turn."""
        while True:
            try:
                return await write()
            except StoreError as error:
                waiting = self._queue.qsize()
                log.warning("= the store failed, %s wait: %s", waiting, error)
            await asyncio.sleep(self._retry)

    def _put(self, write: Write) -> None:
        try:
            self._queue.put_nowait(write)
        except asyncio.QueueFull:
            log.error("= the journal is full; a participation is not recorded")
