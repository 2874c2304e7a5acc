"""A Redis that dies, and comes back with nothing: calls go on, nothing is lost."""

import asyncio
from pathlib import Path

from client_py.testing.server import Server
from tests.cluster.conftest import shared
from tests.services.redis import redis_server
from tests.services.service import free_port
from tests.sessions.talker import Talker, talking

WORDS = 60


async def test_what_is_said_while_redis_is_away_arrives_when_it_is_back(
    tmp_path: Path,
) -> None:
    port, password = free_port(), "a-password-of-the-tests"
    one = redis_server(tmp_path, port, password)
    url = await asyncio.to_thread(one.__enter__)
    server = Server(tmp_path, shared(url), workers=2)
    try:
        await asyncio.to_thread(server.start)
        room = (await asyncio.to_thread(server.create_room)).id
        ana, bo = Talker(server.url, room, "Ana"), Talker(server.url, room, "Bo")
        async with asyncio.timeout(50), talking(ana, bo):
            await ana.until(lambda: ana.me)
            await bo.until(lambda: bo.me)
            ids = ana.me, bo.me
            for serial in range(WORDS):
                ana.say(bo.me, serial)
                bo.say(ana.me, serial)
                if serial == WORDS // 3:
                    await asyncio.to_thread(one.__exit__, None, None, None)
                    one = redis_server(tmp_path, port, password)
                if serial == 2 * WORDS // 3:
                    assert len(bo.heard) < serial
                    await asyncio.to_thread(one.__enter__)
                await asyncio.sleep(0.05)
            await ana.until(lambda: len(set(ana.heard)) >= WORDS)
            await bo.until(lambda: len(set(bo.heard)) >= WORDS)
        # What one process read before Redis died, and the other one didn't, is told
        # again: receivers know signals by their numbers.
        assert list(dict.fromkeys(ana.heard)) == list(range(WORDS))
        assert list(dict.fromkeys(bo.heard)) == list(range(WORDS))
        assert (ana.me, bo.me) == ids
    finally:
        await asyncio.to_thread(server.stop)
        one.__exit__(None, None, None)
