import asyncio

import pytest

from client_py.core.heartbeat import CHECK_DEADLINE, Heartbeat
from tests.unit.clock import timeless

NEVER = 3600.0


class Line:
    """A socket as a heartbeat sees it."""

    def __init__(self) -> None:
        self.pings: asyncio.Queue[int] = asyncio.Queue()
        self.losses = 0

    def lost(self) -> None:
        self.losses += 1


async def test_every_answered_ping_is_followed_by_another() -> None:
    line = Line()
    heart = Heartbeat(line.pings.put_nowait, line.lost, interval=0, deadline=NEVER)
    beating = asyncio.create_task(heart.run())
    for serial in range(1, 6):
        assert await line.pings.get() == serial
        heart.pong(serial)
    beating.cancel()
    await asyncio.wait([beating])
    assert (beating.cancelled(), line.losses) == (True, 0)


async def test_no_second_ping_before_the_first_is_answered() -> None:
    line = Line()
    heart = Heartbeat(line.pings.put_nowait, line.lost, interval=0, deadline=NEVER)
    beating = asyncio.create_task(heart.run())
    await line.pings.get()
    for _ in range(10):
        await asyncio.sleep(0)
    assert line.pings.empty()
    beating.cancel()


async def test_silence_is_told_once() -> None:
    line = Line()
    heart = Heartbeat(line.pings.put_nowait, line.lost, interval=0, deadline=0)
    await heart.run()
    assert (line.pings.qsize(), line.losses) == (1, 1)


async def test_answer_to_an_older_ping_does_not_count() -> None:
    line = Line()

    def ping(serial: int) -> None:
        line.pings.put_nowait(serial)
        heart.pong(serial if serial < 3 else serial - 1)

    heart = Heartbeat(ping, line.lost, interval=0, deadline=0)
    await heart.run()
    assert (line.pings.qsize(), line.losses) == (3, 1)


async def test_answer_within_the_ping_counts() -> None:
    """An answer may come before the call that asks has returned."""
    serials: list[int] = []

    def ping(serial: int) -> None:
        serials.append(serial)
        if serial < 4:
            heart.pong(serial)

    heart = Heartbeat(ping, lambda: None, interval=0, deadline=0)
    await heart.run()
    assert serials == [1, 2, 3, 4]


async def test_whoever_doubts_pings_at_once() -> None:
    line = Line()
    heart = Heartbeat(line.pings.put_nowait, line.lost, interval=NEVER, deadline=NEVER)
    beating = asyncio.create_task(heart.run())
    for serial in (1, 2):
        heart.check()
        assert await line.pings.get() == serial
        heart.pong(serial)
    beating.cancel()


@timeless
async def test_whoever_doubts_waits_less_long() -> None:
    line = Line()
    heart = Heartbeat(line.pings.put_nowait, line.lost, interval=NEVER, deadline=NEVER)
    heart.check()
    await heart.run()
    assert asyncio.get_running_loop().time() == pytest.approx(CHECK_DEADLINE)
    assert line.losses == 1
