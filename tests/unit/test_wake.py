"""A clock that jumps while nothing runs is a machine that slept."""

import asyncio
from collections.abc import Callable

import pytest

from client_py.core.wake import INTERVAL, JUMP, Sign, watch_clock
from tests.unit.clock import timeless


async def woken(sleep: float, looks: int, jump_after: int) -> int:
    """Return how often somebody is woken when the wall's clock jumps once."""
    loop = asyncio.get_running_loop()
    ahead = 0.0
    wakes = 0

    def wake(sign: Sign) -> None:
        nonlocal wakes
        wakes += 1

    watching = loop.create_task(watch_clock(wake, lambda: loop.time() + ahead))
    for look in range(looks):
        if look == jump_after:
            ahead += sleep
        await asyncio.sleep(INTERVAL)
    watching.cancel()
    await asyncio.wait([watching])
    return wakes


def outcome(sleep: float) -> int:
    found: list[int] = []

    @timeless
    async def run() -> None:
        found.append(await woken(sleep, 10, 4))

    run_it: Callable[[], None] = run
    run_it()
    return found[0]


@pytest.mark.parametrize(
    ("sleep", "wakes"),
    [(0.0, 0), (JUMP - 0.1, 0), (JUMP + 0.1, 1), (3600.0, 1), (-3600.0, 0)],
)
def test_sleep_is_noticed_once_and_a_delay_is_not(sleep: float, wakes: int) -> None:
    assert outcome(sleep) == wakes
