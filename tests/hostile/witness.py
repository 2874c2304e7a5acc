"""Two people in a room of their own, who must not notice anything."""

import asyncio
import contextlib
import statistics
import time
from collections.abc import AsyncIterator

from tests.hostile.stranger import Stranger, say, stranger
from tests.hostile.victim import Victim

PAUSE = 0.01  # seconds between two signals: below what a socket may say
LEAST = 9  # of them, however short the case is

# A loop that stands still for 50 ms is what we look for. Half of the round trips
# has to be faster than that. The slowest may take longer: attacker, witness and
# victim share two cores with whatever else runs on the machine, and a process that
# isn't scheduled for some 100 ms says nothing about the server. What hangs on a
# parser, a lock or a database takes seconds.
MEDIAN = 0.05
SLOWEST = 1.0


class Witness:
    """Ana and Bo: each signal of hers has to reach him, in order and in time."""

    def __init__(self, ana: Stranger, bo: Stranger, to: str) -> None:
        self._ana = ana
        self._bo = bo
        self._to = to
        self._over = False
        self.times: list[float] = []

    async def talk(self) -> None:
        number = 0
        while not self._over or number < LEAST:
            start = time.monotonic()
            await self._ana.send(
                say(type="signal", to=self._to, generation=number, body={"sdp": "v=0"})
            )
            heard = await self._bo.hear()
            assert (heard["type"], heard["generation"]) == ("signal", number), heard
            self.times.append(time.monotonic() - start)
            number += 1
            await asyncio.sleep(0 if self._over else PAUSE)

    def stop(self) -> None:
        self._over = True

    def check(self) -> None:
        assert statistics.median(self.times) < MEDIAN, sorted(self.times)[-5:]
        assert max(self.times) < SLOWEST, sorted(self.times)[-5:]


@contextlib.asynccontextmanager
async def witness(victim: Victim) -> AsyncIterator[None]:
    """Let two people talk while something happens, and ask them how it was."""
    room = victim.new_id()
    async with stranger(victim) as ana, stranger(victim) as bo:
        for each in (ana, bo):
            await each.open()
        await ana.enter(room)
        to = (await bo.enter(room))["you"]
        await ana.hear()  # of Bo
        talking = Witness(ana, bo, to)
        task = asyncio.create_task(talking.talk())
        try:
            yield
        finally:
            talking.stop()
            await task
        talking.check()
