"""Two people in a room of their own, who must not notice anything."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

from tests.hostile.stranger import Stranger, say, stranger
from tests.hostile.victim import Victim

PAUSE = 0.01  # seconds between two signals: below what a socket may say
LEAST = 9  # of them, however short the case is

# The loop must not stand still for longer than 50 ms. By the clock that can't be told
# on a machine whose two cores are shared with attacker, witness and whatever else
# runs: a process may wait for its turn for longer. So the processor's time counts
# that the victim took during one round trip, for what keeps a loop busy takes it.
# Twice 50 ms: the trip goes through the loop twice, once for Ana and once for Bo.
WORK = 0.1
# What keeps a loop waiting, for a lock or a disk, takes none, but much longer.
SLOWEST = 5.0


class Witness:
    """Ana and Bo: each signal of hers has to reach him, in order and in time."""

    def __init__(self, victim: Victim, ana: Stranger, bo: Stranger, to: str) -> None:
        self._victim = victim
        self._ana = ana
        self._bo = bo
        self._to = to
        self._over = False
        self._trips: list[tuple[float, float]] = []

    async def talk(self) -> None:
        number = 0
        while not self._over or number < LEAST:
            start, work = time.monotonic(), self._victim.work
            await self._ana.send(
                say(type="signal", to=self._to, generation=number, body={"sdp": "v=0"})
            )
            heard = await self._bo.hear()
            assert (heard["type"], heard["generation"]) == ("signal", number), heard
            took = time.monotonic() - start, self._victim.work - work
            self._trips.append(took)
            number += 1
            await asyncio.sleep(0 if self._over else PAUSE)

    def stop(self) -> None:
        self._over = True

    def check(self) -> None:
        slowest, most = map(max, zip(*self._trips, strict=True))
        assert most < WORK, sorted(self._trips)[-5:]
        assert slowest < SLOWEST, sorted(self._trips)[-5:]


@contextlib.asynccontextmanager
async def witness(victim: Victim) -> AsyncIterator[None]:
    """Let two people talk while something happens, and ask them how it was.

    Where several processes serve they are at two of them.
    """
    room = victim.new_id()
    async with (
        stranger(victim) as ana,
        stranger(victim, away_from=await ana.process()) as bo,
    ):
        for each in (ana, bo):
            await each.open()
        await ana.enter(room)
        to = (await bo.enter(room))["you"]
        await ana.hear()  # of Bo
        talking = Witness(victim, ana, bo, to)
        task = asyncio.create_task(talking.talk())
        try:
            yield
        finally:
            talking.stop()
            await task
        talking.check()
