"""Reasons to look at once: a machine that slept, a network that is another one."""

import asyncio
import time
from collections.abc import Callable
from enum import Enum

INTERVAL = 2.0  # seconds between two looks
JUMP = 3.0  # seconds more than that: no mere delay


class Sign(Enum):
    """What is back."""

    AWAKE = "awake"  # the machine or the page
    NETWORK = "network"  # and it may be another one


async def watch_clock(
    wake: Callable[[Sign], None], clock: Callable[[], float] = time.time
) -> None:
    """Notice that the machine slept: its clock jumped while nothing ran.

    Calls ``wake`` after each jump, until cancelled. ``clock`` runs in sleep.
    """
    last = clock()
    while True:
        await asyncio.sleep(INTERVAL)
        now = clock()
        if now - last > INTERVAL + JUMP:
            wake(Sign.AWAKE)
        last = now
