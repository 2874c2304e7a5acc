"""The promises run for each implementation, and none of them leaves noise."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from tests.contract.stack import STACKS, Stack


@pytest.fixture(params=STACKS)
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    async with STACKS[request.param]() as stack:
        yield stack


@pytest.fixture(autouse=True)
async def nothing_is_left(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """Fail a test that leaves a task behind, or a warning in the log."""
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()
    noise = [each for each in caplog.get_records("call") if each.levelno > logging.INFO]
    assert [each.getMessage() for each in noise] == []
