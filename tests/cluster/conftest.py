import secrets
from collections.abc import Iterator
from pathlib import Path

import pytest

from client_py.testing.server import Server
from tests.services.redis import redis_server


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[str]:
    directory = tmp_path / "redis"
    directory.mkdir()
    with redis_server(directory) as url:
        yield url


@pytest.fixture
def server(tmp_path: Path, redis: str) -> Iterator[Server]:
    made = Server(tmp_path, shared(redis), workers=2)
    made.start()
    yield made
    made.stop()


def shared(redis: str) -> dict[str, str]:
    """Return the settings that make processes one server."""
    return {"TERTULIA_REDIS": redis, "TERTULIA_SECRET": secrets.token_urlsafe(48)}
