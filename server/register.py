"""What is known of a room: here first, where it may be newer, then in the store."""

import asyncio
from collections.abc import Awaitable, Callable

from protocol.messages import RoomId
from server.rooms import Rooms
from server.store import RoomRecord, Store


class Register:
    """Looks rooms up. Changes go through the switchboard, which tells everyone."""

    def __init__(
        self,
        rooms: Rooms,
        store: Store,
        look: Callable[[RoomId], Awaitable[None]] | None = None,
    ) -> None:
        self._look = look  # at what other processes know
        self._rooms = rooms
        self._store = store
        self._asked: dict[RoomId, list[asyncio.Future[RoomRecord | None]]] = {}
        self._looking: asyncio.Task[None] | None = None

    async def find(self, room: RoomId) -> RoomRecord | None:
        """Return a room that was made and not ended; may raise ``StoreError``."""
        if self._look is not None:
            await self._look(room)
        if self._rooms.has_ended(room):
            return None
        record = self._rooms.record(room) or await self._stored(room)
        # It may have ended, or have been changed, while the store was asked.
        if record is None or self._rooms.has_ended(room):
            return None
        record = self._rooms.record(room) or record
        return record if record.creator else None

    async def _stored(self, room: RoomId) -> RoomRecord | None:
        """Ask the store, once for all who want to know at the same time.

        Many come at once when meetings begin, or after a restart.
        """
        answer: asyncio.Future[RoomRecord | None]
        answer = asyncio.get_running_loop().create_future()
        self._asked.setdefault(room, []).append(answer)
        if self._looking is None:
            self._looking = asyncio.create_task(self._look_up())
        return await answer

    async def _look_up(self) -> None:
        """Ask the store, until nobody asks; who asks meanwhile goes together."""
        try:
            while self._asked:
                asked, self._asked = self._asked, {}
                await self._answer(asked)
        finally:
            self._looking = None

    async def _answer(
        self, asked: dict[RoomId, list[asyncio.Future[RoomRecord | None]]]
    ) -> None:
        failed: Exception | None = None
        found: dict[RoomId, RoomRecord] = {}
        try:
            found = {each.id: each for each in await self._store.rooms(asked)}
        except Exception as error:
            failed = error
        for room, answers in asked.items():
            for answer in answers:
                if answer.done():
                    continue  # who asked is gone
                if failed is not None:
                    answer.set_exception(failed)
                else:
                    answer.set_result(found.get(room))
