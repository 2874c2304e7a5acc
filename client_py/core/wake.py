"""Notices that the machine slept: its clock jumped while nothing ran."""

import asyncio
import time
from collections.abc import Callable

INTERVAL = 2.0  # seconds between two looks
JUMP = 3.0  # seconds more than that: no mere delay


async def watch_clock(
    wake: Callable[[], None], clock: Callable[[], float] = time.time
) -> None:
    """Call ``wake`` after each jump, until cancelled. ``clock`` runs in sleep."""
    last = clock()
    while True:
        await asyncio.sleep(INTERVAL)
        now = clock()
        if now - last > INTERVAL + JUMP:
            wake()
        last = now
