"""The rooms in which a benchmark meets: they are there before the server is."""

import asyncio
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

from protocol.messages import RoomId
from server.store import RoomRecord, open_store


def make_rooms(database: str, rooms: Iterable[str]) -> None:
    """Let there be rooms that are not encrypted, in the database at a URL."""

    async def make() -> None:
        store = open_store(database)
        await store.start()
        now = time.time()  # an old one that nobody used would be deleted
        for room in rooms:
            record = RoomRecord(RoomId(room), "", "its maker", now, e2ee=False)
            await store.add_room(record)
        await store.close()

    with ThreadPoolExecutor(1) as thread:  # a loop may run in this one
        thread.submit(lambda: asyncio.run(make())).result()
