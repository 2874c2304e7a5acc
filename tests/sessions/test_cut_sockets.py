"""Real sockets, cut within bytes: nothing is lost and nothing comes twice."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from random import Random

import pytest

from client_py.headless.socket import HeadlessSignaling
from server.__main__ import configuration
from server.app import create_app
from server.settings import Settings
from tests.contract.server import running
from tests.sessions.forwarder import forwarding
from tests.sessions.talker import Talker, talking

WORDS = 150  # signals from each to the other


@pytest.fixture
async def origin(tmp_path: Path) -> AsyncIterator[str]:
    database = f"sqlite:///{tmp_path}/rooms.db"
    settings = Settings(database=database, secret="s" * 32, port=0)
    config = configuration(create_app(settings), settings)

    async with running(config) as origin:
        yield origin


@pytest.mark.parametrize("seed", range(6))
async def test_sockets_that_are_cut_anywhere_lose_nothing(
    origin: str, seed: int
) -> None:
    random = Random(seed)
    calm = False

    def patience() -> int | None:
        # Long enough for a request, seldom long enough for all there is to say.
        return None if calm else random.randrange(1500, 6000)

    signaling = HeadlessSignaling(origin)
    room = await signaling.create_room()
    await signaling.settle()
    async with forwarding(origin, patience) as way:
        ana, bo = Talker(way.origin, room, "Ana"), Talker(way.origin, room, "Bo")
        async with asyncio.timeout(50), talking(ana, bo):
            await ana.until(lambda: ana.me)
            await bo.until(lambda: bo.me)
            ids = ana.me, bo.me
            for serial in range(WORDS):
                ana.say(bo.me, serial)
                bo.say(ana.me, serial)
                for _ in range(random.randrange(8)):
                    await asyncio.sleep(0)
            await asyncio.gather(
                ana.until(lambda: ana.resumed >= 2),
                bo.until(lambda: bo.resumed >= 2),
            )
            calm = True
            await ana.until(lambda: len(ana.heard) >= WORDS)
            await bo.until(lambda: len(bo.heard) >= WORDS)
        assert ana.heard == list(range(WORDS))
        assert bo.heard == list(range(WORDS))
        assert (ana.me, bo.me) == ids
        assert way.cuts >= 4
