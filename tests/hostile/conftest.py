"""Every case here runs under the same eyes: see ``unharmed``."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import ExitStack
from functools import cache

import pytest

from server.cluster.streams import CONNECTIONS
from tests.hostile.stranger import stranger
from tests.hostile.victim import PATIENCE, Victim
from tests.hostile.witness import witness
from tests.services.redis import redis_server

GROWTH = 5 * 1024 * 1024  # bytes that a case may leave behind
#: In what the cases say; of SDP; and a token's beginning, which the middle of a random
#: id may look like.
SECRETS = ("mark-", "v=0", r"(?<![\w-])eyJ")


#: Attacks one process, and then two that share their rooms.
everywhere = pytest.mark.parametrize(
    "victim", [1, 2], indirect=True, ids=["alone", "together"]
)


@pytest.fixture(scope="session")
def victims(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[int], Victim]]:
    """Start a victim of so many processes when it is first asked for."""
    with ExitStack() as running:

        @cache
        def started(workers: int) -> Victim:
            env = {}
            if workers > 1:
                redis = redis_server(tmp_path_factory.mktemp("redis"))
                env["TERTULIA_REDIS"] = running.enter_context(redis)
            folder = tmp_path_factory.mktemp("victim")
            victim = running.enter_context(Victim(folder, workers, **env))
            asyncio.run(warm(victim))
            return victim

        yield started


@pytest.fixture
def victim(request: pytest.FixtureRequest, victims: Callable[[int], Victim]) -> Victim:
    return victims(getattr(request, "param", 1))


async def warm(victim: Victim) -> None:
    """Let its first visitors come: what is made once is made, by each process."""
    for _ in range(5 * victim.workers):
        await healthy(victim)
        async with witness(victim):
            pass


async def healthy(victim: Victim) -> None:
    async with stranger(victim) as asker:
        await asker.send(
            f"GET /healthz HTTP/1.1\r\nHost: {victim.host}\r\n\r\n".encode()
        )
        assert (await asker.answer()).status == 200


async def settled(victim: Victim, descriptors: int, memory: int) -> None:
    """Wait until the server has let go of everything that a case took."""
    end = time.monotonic() + PATIENCE
    while victim.descriptors > descriptors or victim.memory > memory:
        if time.monotonic() > end:
            assert victim.descriptors <= descriptors
            assert victim.memory <= memory
        await asyncio.sleep(0.02)


@pytest.fixture(autouse=True)
async def unharmed(victim: Victim) -> AsyncIterator[None]:
    """After each case: alive, no slower, no larger, nothing leaked or told."""
    await healthy(victim)
    read = len(victim.log)
    descriptors, memory = victim.descriptors, victim.memory
    async with witness(victim):
        yield
    assert victim.alive
    assert victim.to_redis <= victim.workers * (CONNECTIONS + 2)
    await healthy(victim)
    await settled(victim, descriptors, memory + GROWTH)
    log = victim.log[read:]
    assert [secret for secret in SECRETS if re.search(secret, log)] == []
    assert "Traceback" not in log
    assert "Exception" not in log
