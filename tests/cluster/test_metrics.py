"""Metrics of each of several processes, though people meet any of them."""

import asyncio
import os
import re
import signal
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from client_py.testing.server import Server
from tests.cluster.conftest import shared
from tests.sessions.talker import Talker, talking

pytestmark = pytest.mark.timeout(60)


def two_free_ports() -> int:
    """Return the first of two ports of this machine that nobody listens on."""
    while True:
        with socket.socket() as first, socket.socket() as second:
            first.bind(("127.0.0.1", 0))
            port = int(first.getsockname()[1])
            try:
                second.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@pytest.fixture
def ports() -> tuple[int, int]:
    port = two_free_ports()
    return port, port + 1


@pytest.fixture
def server(tmp_path: Path, redis: str, ports: tuple[int, int]) -> Iterator[Server]:
    env = {**shared(redis), "TERTULIA_METRICS_PORT": str(ports[0])}
    made = Server(tmp_path, env, workers=2)
    made.start()
    yield made
    made.stop()


async def connections(port: int) -> int:
    url = f"http://127.0.0.1:{port}"
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=20) as http:
        assert (await http.get("/readyz")).json()["checks"]["redis"] == "ok"
        scraped = (await http.get("/metrics")).text
    (found,) = re.findall(r"^tertulia_connections (\S+)$", scraped, re.MULTILINE)
    return int(float(found))


async def test_each_process_tells_of_itself_at_a_port_of_its_own(
    server: Server, ports: tuple[int, int]
) -> None:
    room = (await asyncio.to_thread(server.create_room)).id
    people = [Talker(server.url, room, name) for name in ("Ana", "Bo", "Cleo")]
    async with asyncio.timeout(50), talking(*people):
        for each in people:
            await each.until(lambda each=each: each.me)
        first = [await connections(port) for port in ports]
        assert sum(first) == len(people)
        for _ in range(5):
            assert [await connections(port) for port in ports] == first
        os.kill(server.workers[0], signal.SIGKILL)
        await asyncio.to_thread(server.await_workers)
        # Who replaces it has its port.
        while sum(  # noqa: ASYNC110 (they come back by themselves)
            [await connections(port) for port in ports]
        ) < len(people):
            await asyncio.sleep(0.1)
