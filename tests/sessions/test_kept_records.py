"""What the store knows after the server, or the database, was gone for a while.

Records are written a moment after what they tell of: before a kill, a test waits for
those whose loss it doesn't speak of.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from client_py.core.state import Phase
from client_py.testing.server import Server
from tests.links import Witnesses

Row = tuple[str, bool, str]

pytestmark = pytest.mark.call

BUSY = 4.0  # seconds; the embedded database fails when it was locked for five


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    made.stop()


def stays(directory: Path) -> list[Row]:
    """Return each stay's id, whether it is over, and why."""
    connection = sqlite3.connect(directory / "data" / "tertulia.db")
    try:
        found = connection.execute(
            "SELECT id, left_at IS NOT NULL, reason FROM participation ORDER BY number"
        )
        return [(each, bool(over), reason) for each, over, reason in found]
    finally:
        connection.close()


def since(directory: Path) -> dict[str, float]:
    """Return when each stay began."""
    connection = sqlite3.connect(directory / "data" / "tertulia.db")
    try:
        return dict(connection.execute("SELECT id, joined_at FROM participation"))
    finally:
        connection.close()


async def until(happened: Callable[[], bool]) -> None:
    """Look at what tells nobody, until something is so."""
    async with asyncio.timeout(20):
        while not happened():  # noqa: ASYNC110
            await asyncio.sleep(0.05)


async def written(directory: Path, *expected: Row) -> None:
    """Wait until these are the stays that the store knows."""
    await until(lambda: stays(directory) == list(expected))


def lock_out(directory: Path) -> sqlite3.Connection:
    """Let nobody else write into the database until this is closed."""
    path = directory / "data" / "tertulia.db"
    connection = sqlite3.connect(path, 20, check_same_thread=False)
    connection.isolation_level = None
    connection.execute("BEGIN EXCLUSIVE")
    return connection


async def test_who_was_in_when_the_server_was_killed_is_there_with_a_reason(
    server: Server, witnesses: Witnesses, tmp_path: Path
) -> None:
    async with AsyncExitStack() as stack:
        ada = await stack.enter_async_context(witnesses.come(server.url, "Ada"))
        async with witnesses.come(ada.url, "Bob", camera=False) as bob:
            await ada.meets("Bob")
            gone = bob.snapshot.participants[0].id
        await ada.until(lambda now: len(now.participants) == 1)
        await stack.enter_async_context(witnesses.come(ada.url, "Cleo", camera=False))
        cleo = await ada.meets("Cleo")
        you = ada.snapshot.participants[0].id
        left = (gone, True, "left")
        await written(tmp_path, (you, False, ""), left, (cleo, False, ""))
        await asyncio.to_thread(server.kill)
    # Nobody comes back.
    await asyncio.to_thread(server.start)
    assert stays(tmp_path) == [
        (you, True, "server_stopped"),
        left,
        (cleo, True, "server_stopped"),
    ]


async def test_who_came_just_before_a_kill_and_comes_back_is_there_once_and_open(
    server: Server, witnesses: Witnesses, tmp_path: Path
) -> None:
    spilled = tmp_path / "data" / "journal-1.log"
    async with AsyncExitStack() as stack:
        ada = await stack.enter_async_context(witnesses.come(server.url, "Ada"))
        you = ada.snapshot.participants[0].id
        await written(tmp_path, (you, False, ""))
        began = since(tmp_path)
        lock = await asyncio.to_thread(lock_out, tmp_path)
        try:
            cleo = await stack.enter_async_context(
                witnesses.come(ada.url, "Cleo", camera=False)
            )
            her = await ada.meets("Cleo")
            # Long before the database fails, what it was asked for is on the disk.
            asked = time.monotonic()
            await until(lambda: spilled.read_bytes().count(b"\n") >= 1)
            assert time.monotonic() - asked < BUSY
            await asyncio.to_thread(server.kill)
        finally:
            lock.close()
        assert stays(tmp_path) == [(you, False, "")]
        for person in (ada, cleo):
            await person.until(lambda now: now.phase is Phase.RECONNECTING)
        killed = time.time()
        await asyncio.to_thread(server.start)
        assert "records are left from before" in server.log
        for person in (ada, cleo):
            await person.until(lambda now: now.phase is Phase.JOINED, timeout=20)
        back = {(you, False, ""), (her, False, "")}
        await until(lambda: set(stays(tmp_path)) == back)
        assert len(stays(tmp_path)) == 2
        assert since(tmp_path)[you] == began[you]
        assert began[you] < since(tmp_path)[her] < killed


async def test_who_came_while_the_database_was_away_survives_a_kill(
    server: Server, witnesses: Witnesses, tmp_path: Path
) -> None:
    spilled = tmp_path / "data" / "journal-1.log"
    async with AsyncExitStack() as stack:
        ada = await stack.enter_async_context(witnesses.come(server.url, "Ada"))
        await until(lambda: stays(tmp_path) != [])
        lock = await asyncio.to_thread(lock_out, tmp_path)
        try:
            async with witnesses.come(ada.url, "Bob", camera=False) as bob:
                await ada.meets("Bob")
                gone = bob.snapshot.participants[0].id
            await ada.until(lambda now: len(now.participants) == 1)
            await until(lambda: spilled.read_bytes().count(b"\n") == 2)
            await asyncio.to_thread(server.kill)
        finally:
            lock.close()
        you = ada.snapshot.participants[0].id
        assert stays(tmp_path) == [(you, False, "")]
        await asyncio.to_thread(server.start)
        await written(tmp_path, (you, False, ""), (gone, True, "left"))
        assert "2 records are left from before" in server.log
        assert spilled.read_bytes() == b""
