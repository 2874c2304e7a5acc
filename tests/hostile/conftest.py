"""Every case here runs under the same eyes: see ``unharmed``."""

import asyncio
import re
import time
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.hostile.stranger import stranger
from tests.hostile.victim import PATIENCE, Victim
from tests.hostile.witness import witness

GROWTH = 5 * 1024 * 1024  # bytes that a case may leave behind
#: In what the cases say; of SDP; and a token's beginning, which the middle of a random
#: id may look like.
SECRETS = ("mark-", "v=0", r"(?<![\w-])eyJ")


@pytest.fixture(scope="session")
def victim(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Victim]:
    with Victim(tmp_path_factory.mktemp("victim")) as victim:
        yield victim


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


@pytest.fixture(scope="session")
def warmed(victim: Victim) -> Victim:
    """The victim after its first visitors: what is made once is made."""

    async def visit() -> None:
        for _ in range(5):
            await healthy(victim)
            async with witness(victim):
                pass

    asyncio.run(visit())
    return victim


@pytest.fixture(autouse=True)
async def unharmed(warmed: Victim) -> AsyncIterator[None]:
    """After each case: alive, no slower, no larger, nothing leaked or told."""
    victim = warmed
    await healthy(victim)
    read = len(victim.log)
    descriptors, memory = victim.descriptors, victim.memory
    async with witness(victim):
        yield
    assert victim.alive
    await healthy(victim)
    await settled(victim, descriptors, memory + GROWTH)
    log = victim.log[read:]
    assert [secret for secret in SECRETS if re.search(secret, log)] == []
    assert "Traceback" not in log
    assert "Exception" not in log
