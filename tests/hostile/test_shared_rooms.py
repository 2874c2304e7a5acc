"""What a stranger can do to the Redis that several processes share."""

from collections.abc import Iterator

import pytest
from redis.asyncio import Redis

from server.limits import VOLUME
from tests.hostile.stranger import say, stranger
from tests.hostile.victim import Victim
from tests.services.redis import redis_server

LITTLE = 32 * 1024  # bytes


@pytest.fixture(scope="module")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory, redis: str) -> Iterator[Victim]:
    with Victim(tmp_path_factory.mktemp("node"), TERTULIA_REDIS=redis) as node:
        yield node


async def test_what_is_said_to_nobody_takes_no_room(node, redis):
    room = node.new_id()
    large = {"type": "signal", "to": "nobody", "generation": 1}
    large["body"] = {"sdp": "x" * 60_000}
    async with stranger(node) as guest:
        await guest.open()
        await guest.enter(room)
        count = int(VOLUME.burst // 61_000)
        for number in range(1, count + 1):
            await guest.send(say(**large, n=number))
        refused = [(await guest.hear())["code"] for _ in range(count)]
        assert refused == ["no_such_peer"] * count
        client = Redis.from_url(redis)
        assert await client.memory_usage(f"tertulia:room:{room}") < LITTLE
        await client.aclose()
    assert node.alive
    assert "Traceback" not in node.log
