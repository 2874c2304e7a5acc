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
        self._asked: dict[RoomId, asyncio.Future[RoomRecord | None]] = {}

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

        Many come at once to one room when a meeting begins, or after a restart.
        """
        asked = self._asked.get(room)
        if asked is None:
            asked = asyncio.ensure_future(self._store.room(room))
            self._asked[room] = asked
            asked.add_done_callback(lambda _: self._asked.pop(room))
        return await asyncio.shield(asked)
