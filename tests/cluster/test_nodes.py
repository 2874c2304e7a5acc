"""Two servers of one room: one of them killed, or stopped for a while."""

import asyncio
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from client_py.core.state import Connection, Phase, Snapshot
from client_py.headless.main import Person
from client_py.testing.server import Server
from tests.cluster.conftest import shared
from tests.links import Witnesses

pytestmark = [pytest.mark.alone, pytest.mark.timeout(60)]


@pytest.fixture
def nodes(tmp_path: Path, redis: str) -> Iterator[tuple[Server, Server]]:
    env = {**shared(redis), "TERTULIA_DATABASE": f"sqlite:///{tmp_path}/shared.db"}
    made = Server(tmp_path / "one", env), Server(tmp_path / "two", env)
    for each in made:
        each.start()
    yield made
    for each in made:
        each.stop()


def others(*connections: Connection) -> Callable[[Snapshot], bool]:
    return lambda now: (
        connections
        == tuple(each.connection for each in now.participants if not each.me)
    )


class House:
    """A room at several servers, and who comes in."""

    def __init__(self, stack: AsyncExitStack, witnesses: Witnesses) -> None:
        self._stack = stack
        self._witnesses = witnesses

    async def enter(self, server: Server, url: str, name: str) -> Person:
        """Let somebody into the room of that link, by this server."""
        path = url.removeprefix(url[: url.index("/r/")]) if url else ""
        coming = self._witnesses.come(server.url + path, name)
        return await self._stack.enter_async_context(coming)


async def test_whoever_loses_their_server_is_marked_and_then_gone(
    nodes: tuple[Server, Server], witnesses: Witnesses, record_property
) -> None:
    one, two = nodes
    async with AsyncExitStack() as stack:
        house = House(stack, witnesses)
        ada = await house.enter(one, "", "Ada")
        bob = await house.enter(two, ada.url, "Bob")
        await ada.sees("Bob")
        await bob.sees("Ada")
        await asyncio.to_thread(two.kill)
        began = time.monotonic()
        await ada.until(others(Connection.RECONNECTING), timeout=20)
        record_property("marked", round(marked := time.monotonic() - began, 2))
        assert marked <= 5
        await ada.sees("Bob", frames=5)  # what is between them needs no server
        await ada.until(others(), timeout=25)
        record_property("gone", round(gone := time.monotonic() - began, 2))
        assert gone <= 16


async def test_a_server_that_was_stopped_for_a_while_costs_nobody_their_place(
    nodes: tuple[Server, Server], witnesses: Witnesses, record_property
) -> None:
    one, two = nodes
    async with AsyncExitStack() as stack:
        house = House(stack, witnesses)
        ada = await house.enter(one, "", "Ada")
        bob = await house.enter(two, ada.url, "Bob")
        await ada.sees("Bob")
        who = [each.id for each in bob.snapshot.participants if each.me]
        os.kill(two.pid, signal.SIGSTOP)
        try:
            await ada.until(others(Connection.RECONNECTING), timeout=20)
        finally:
            os.kill(two.pid, signal.SIGCONT)
        began = time.monotonic()
        await ada.until(others(Connection.CONNECTED), timeout=20)
        record_property("back", round(time.monotonic() - began, 2))
        await bob.until(lambda now: now.phase is Phase.JOINED, timeout=20)
        assert who == [each.id for each in bob.snapshot.participants if each.me]
        await ada.sees("Bob", frames=5)
