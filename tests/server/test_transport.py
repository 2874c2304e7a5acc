"""Connections that are too many, and who is told of whom."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from ipaddress import ip_network
from pathlib import Path

import pytest
import websockets
from guest import House, make_settings, serving
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route
from starlette.types import Receive, Scope, Send
from uvicorn.server import ServerState

from server.__main__ import configuration
from server.clock import SystemClock
from server.gate import PENDING, Capacity, Gate
from server.settings import Settings
from server.transport import HttpTransport


async def ask(house: House, **headers: str) -> tuple[bytes, bytes]:
    """Ask on a connection of one's own; return the status line and the rest."""
    reader, writer = await asyncio.open_connection(
        *house.origin.removeprefix("http://").split(":")
    )
    lines = ["GET /healthz HTTP/1.1", f"Host: {house.origin.removeprefix('http://')}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    writer.write("\r\n".join([*lines, "Connection: close", "", ""]).encode())
    status = await reader.readline()
    rest = await reader.read()
    writer.close()
    await writer.wait_closed()
    return status.strip(), rest.lower()


async def test_a_full_server_says_so_and_when_to_come_again(tmp_path: Path):
    capacity = Capacity(connections=2)
    async with serving(make_settings(tmp_path, capacity=capacity)) as house:
        ana, bo = await house.visit(), await house.visit()
        status, rest = await ask(house)
        assert status == b"HTTP/1.1 503 Service Unavailable"
        assert b"retry-after: 5\r\n" in rest
        assert b"x-content-type-options: nosniff\r\n" in rest
        await bo.close()
        assert (await ask(house))[0] == b"HTTP/1.1 200 OK"
        await ana.close()


async def test_a_connection_that_became_a_socket_is_counted_once(tmp_path: Path):
    capacity = Capacity(connections=10, scale=100)
    async with serving(make_settings(tmp_path, capacity=capacity)) as house:
        for _ in range(3):
            guests = [await house.visit() for _ in range(10)]
            assert (await ask(house))[0].startswith(b"HTTP/1.1 503")
            for guest in guests:
                await guest.close()
        assert (await ask(house))[0] == b"HTTP/1.1 200 OK"


async def test_a_refused_handshake_is_not_counted_for_ever(tmp_path: Path):
    capacity = Capacity(connections=3, per_address=3)
    async with serving(make_settings(tmp_path, capacity=capacity)) as house:
        for origin in ("null", "https://evil.example") * 5:
            with pytest.raises(websockets.InvalidStatus) as refused:
                await house.visit(origin=origin)
            assert refused.value.response.status_code == 403
        assert await house.visit()


async def test_people_behind_our_proxy_are_counted_one_by_one(tmp_path: Path):
    proxies = (ip_network("127.0.0.0/8"),)
    settings = make_settings(tmp_path, capacity=Capacity(proxies=proxies))
    async with serving(settings) as house:

        def visit(address: str):
            return house.visit(additional_headers={"X-Forwarded-For": address})

        for _ in range(PENDING):
            await visit("192.0.2.1")
        with pytest.raises(websockets.InvalidStatus) as refused:
            await visit("192.0.2.1")
        assert refused.value.response.status_code == 429
        assert refused.value.response.headers["retry-after"] == "5"
        assert await visit("192.0.2.2")


LARGE = 16 * 1024 * 1024  # bytes, more than is taken without a reader
UPGRADE = (
    b"GET /ws HTTP/1.1\r\nHost: h\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class Theatre:
    """A large answer, one that takes its time, and a socket that anybody gets."""

    def __init__(self) -> None:
        self.curtain = asyncio.Event()
        self.begun = asyncio.Event()
        self.app = Starlette(
            routes=[Route("/large", self._large), Route("/slow", self._slow)]
        )
        self.app.state.gate = Gate(SystemClock(), Capacity())
        self.app.state.sockets = self._socket

    async def _large(self, request: Request) -> Response:
        return Response(b"x" * LARGE)

    async def _slow(self, request: Request) -> Response:
        async def acts() -> AsyncIterator[bytes]:
            yield b"one"
            self.begun.set()
            await self.curtain.wait()
            yield b"two"

        return StreamingResponse(acts(), headers={"Content-Length": "6"})

    async def _socket(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "websocket.accept"})
        await receive()


@contextlib.asynccontextmanager
async def playing() -> AsyncIterator[
    tuple[Theatre, asyncio.StreamReader, asyncio.StreamWriter]
]:
    """Serve a theatre, and connect to it."""
    theatre = Theatre()
    config = configuration(theatre.app, Settings(database="", secret=""))
    config.load()
    server = await asyncio.get_running_loop().create_server(
        lambda: HttpTransport(config, ServerState(), {}), "127.0.0.1", 0
    )
    reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname())
    try:
        yield theatre, reader, writer
    finally:
        writer.transport.abort()
        server.close()


def asked_for(path: str) -> bytes:
    return f"GET {path} HTTP/1.1\r\nHost: h\r\n\r\n".encode()


async def test_who_has_read_an_answer_may_have_a_socket_after_it():
    async with playing() as (_, reader, writer):
        writer.write(asked_for("/large"))
        await reader.readuntil(b"\r\n\r\n")
        await reader.readexactly(LARGE)
        writer.write(UPGRADE)
        assert (await reader.readline()).startswith(b"HTTP/1.1 101 ")


async def test_who_leaves_an_answer_unread_gets_no_socket_after_it():
    async with playing() as (_, reader, writer):
        # Else the timer for who doesn't read would end the socket a minute later.
        writer.write(asked_for("/large"))
        assert (await reader.readline()).startswith(b"HTTP/1.1 200 ")
        writer.write(UPGRADE)
        rest = await reader.read()
    assert b"HTTP/1.1 101 " not in rest
    assert rest.count(b"x" * 1024) >= LARGE // 1024 - 1
    assert b"\r\n\r\nwait for the answers\n" in rest


async def test_nobody_gets_a_socket_in_the_middle_of_an_answer():
    async with playing() as (theatre, reader, writer):
        writer.write(asked_for("/slow"))
        await theatre.begun.wait()
        writer.write(UPGRADE)
        rest = await reader.read()
        theatre.curtain.set()
    assert rest.endswith(b"\r\n\r\none")
