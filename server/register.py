"""What is known of a room: here first, where it may be newer, then in the store."""

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

    async def find(self, room: RoomId) -> RoomRecord | None:
        """Return a room that was made and not ended; may raise ``StoreError``."""
        if self._look is not None:
            await self._look(room)
        if self._rooms.has_ended(room):
            return None
        record = self._rooms.record(room) or await self._store.room(room)
        # It may have ended, or have been changed, while the store was asked.
        if record is None or self._rooms.has_ended(room):
            return None
        record = self._rooms.record(room) or record
        return record if record.creator else None
