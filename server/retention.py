"""How long the past is kept: what is older is deleted, in small batches."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from typing import Final

from server.clock import Clock
from server.errors import StoreError
from server.store import Pruned, Store

log = logging.getLogger("tertulia.retention")

DAY: Final = 86400.0  # seconds
BATCH: Final = 200  # of a kind at once: others wait for the database no longer
REST: Final = 0.1  # seconds between two batches, for the others
_AGAIN: Final = 3600.0  # seconds after a failure

Sleep = Callable[[float], Awaitable[None]]


async def prune(
    store: Store,
    before: float,
    *,
    batch: int = BATCH,
    sleep: Sleep = asyncio.sleep,
) -> Pruned:
    """Delete all that was over before a time; return how much it was.

    Raises ``StoreError``: what was deleted until then is gone.
    """
    participations = links = rooms = 0
    while True:
        done = await store.prune(before, batch)
        participations += done.participations
        links += done.links
        rooms += done.rooms
        if not done.more:
            return Pruned(participations, links, rooms, more=False)
        await sleep(REST)


class Retention:
    """Forgets what is older than so many days, at once and then daily; 0: nothing."""

    def __init__(
        self, store: Store, clock: Clock, days: int, sleep: Sleep = asyncio.sleep
    ) -> None:
        self._store = store
        self._clock = clock
        self._days = days
        self._sleep = sleep

    async def run(self) -> None:
        """Go on for ever, unless everything is kept."""
        while self._days:
            try:
                before = self._clock.unix() - self._days * DAY
                done = await prune(self._store, before, sleep=self._sleep)
            except StoreError as error:
                log.warning("= nothing is pruned, the store failed: %s", error)
                await self._sleep(_AGAIN)
                continue
            except Exception:  # no call has to end because the past can't be deleted
                log.exception("= nothing is pruned")
                await self._sleep(_AGAIN)
                continue
            if done.participations or done.rooms:
                log.info("= pruned %s", summary(done))
            await self._sleep(DAY)


def summary(done: Pruned) -> str:
    """Say in words what was deleted."""
    return (
        f"{done.participations} participations, {done.links} links, {done.rooms} rooms"
    )
