from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from guest import FakeClock, House, make_settings, serving
from hypothesis import HealthCheck, settings

from tests.services.redis import redis_server

# A busy machine is no failure: no deadlines.
settings.register_profile(
    "server", deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("server")


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with serving(make_settings(tmp_path)) as house:
        yield house


@pytest.fixture(scope="session")
def redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with redis_server(tmp_path_factory.mktemp("redis")) as url:
        yield url
