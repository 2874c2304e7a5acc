"""The promises run for each implementation, and none of them leaves noise."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.contract import browser_stack
from tests.contract.browser_stack import FarPage
from tests.contract.stack import Stack
from tests.contract.stacks import STACKS


@pytest.fixture(scope="session")
def far_page() -> Iterator[FarPage]:
    """One page for all tests that ask for the browser's implementation."""
    with browser_stack.far_page() as page:
        yield page


@pytest.fixture(params=STACKS)
async def stack(request: pytest.FixtureRequest) -> AsyncIterator[Stack]:
    async with STACKS[request.param](request.getfixturevalue) as stack:
        yield stack


@pytest.fixture(autouse=True)
async def nothing_is_left(caplog: pytest.LogCaptureFixture) -> AsyncIterator[None]:
    """Fail a test that leaves a task behind, or a warning in the log."""
    before = asyncio.all_tasks()
    yield
    assert asyncio.all_tasks() - before - {asyncio.current_task()} == set()
    noise = [each for each in caplog.get_records("call") if each.levelno > logging.INFO]
    assert [each.getMessage() for each in noise] == []
