"""What runs beside the connections, and what becomes of a server that lacks it."""

import asyncio
import os
import sys

import httpx

from server.background import Background

PATIENCE = 10.0  # seconds; only a failing test waits so long

# A server with a store that has a fault of ours, in writing as in pruning.
FAULTY = """
import sys
from server.__main__ import serve
from server.app import create_app
from server.settings import Settings
from server.store.sqlite import SqliteStore

class Faulty(SqliteStore):
    async def prune(self, before, batch):
        raise ValueError("nothing can be pruned")

    async def change_room(self, room):
        raise ValueError("nothing can be changed")

settings = Settings.from_env()
app = create_app(settings, store=Faulty(sys.argv[1]))
serve(app, settings, lambda port: print(port, flush=True))
"""


async def test_a_task_that_fails_is_told_of_and_nobody_has_to_ask(caplog):
    background, told = Background(), asyncio.Event()
    background.on_failure = told.set

    async def fail() -> None:
        raise ValueError("a fault")

    async def go_on() -> None:
        await asyncio.Event().wait()

    async with background.running(go_on(), fail()):
        await asyncio.wait_for(told.wait(), PATIENCE)
        assert background.failed
    assert "fail failed: the server has to stop" in caplog.text
    assert "ValueError: a fault" in caplog.text


async def test_tasks_that_end_by_themselves_or_with_the_server_are_no_failure(caplog):
    background = Background()
    done = asyncio.Event()

    async def end() -> None:
        done.set()

    async def go_on() -> None:
        await asyncio.Event().wait()

    async with background.running(go_on(), end()):
        await asyncio.wait_for(done.wait(), PATIENCE)
    assert not background.failed
    assert not caplog.records


async def test_a_server_with_a_task_that_failed_stops_and_says_why(tmp_path):
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", FAULTY, str(tmp_path / "faulty.db")),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={
            **os.environ,
            "TERTULIA_DATA_DIR": str(tmp_path / "data"),
            "TERTULIA_PORT": "0",
        },
    )
    port = int(await process.stdout.readline())
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False) as http:
        session = (await http.post("/api/session", json={})).json()
        bearer = {"authorization": f"Bearer {session['token']}"}
        made = await http.post("/api/rooms", json={}, headers=bearer)
        room = f"/api/rooms/{made.json()['room']}"
        changed = await http.patch(room, json={"locked": True}, headers=bearer)
        assert (
            changed.status_code == 200
        )  # that the past can't be deleted, ends nothing
    _, log = await asyncio.wait_for(process.communicate(), PATIENCE)
    assert process.returncode == 1
    assert b"nothing is pruned" in log
    assert b"Journal.run failed: the server has to stop" in log
    assert b"nothing can be changed" in log
