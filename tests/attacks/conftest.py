"""A hostile server, and people who call through it."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest

from client_py.headless.main import Person, participant
from tests.attacks.server import Meddler, meddling


class Attack:
    """A server that is hostile, and those who trust it."""

    def __init__(self, origin: str, server: Meddler, stack: AsyncExitStack) -> None:
        self.server = server
        self.people: list[Person] = []
        self._staying: list[AsyncExitStack] = []
        self._origin = origin
        self._stack = stack

    async def enter(self, name: str, **options: Any) -> Person:
        """Put somebody of this name into the room."""
        url = self.people[0].url if self.people else self._origin
        url = options.pop("url", url)
        staying = await self._stack.enter_async_context(AsyncExitStack())
        entering = participant(url, name, **options)
        self.people.append(await staying.enter_async_context(entering))
        self._staying.append(staying)
        return self.people[-1]

    async def leave(self, person: Person) -> None:
        """Let somebody go."""
        await self._staying[self.people.index(person)].aclose()


@pytest.fixture
async def attack(tmp_path: Path) -> AsyncIterator[Attack]:
    async with meddling(tmp_path) as (origin, server), AsyncExitStack() as stack:
        yield Attack(origin, server, stack)


@pytest.fixture(autouse=True)
def nothing_escapes(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Fail a test in which an attack led to an exception that nobody took.

    That something was dropped is a warning; a task that died is an error.
    """
    yield
    errors = [each for each in caplog.get_records("call") if each.exc_info]
    assert [each.getMessage() for each in errors] == []
