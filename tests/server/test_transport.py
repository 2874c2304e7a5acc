"""Connections that are too many, and who is told of whom."""

import asyncio
from ipaddress import ip_network
from pathlib import Path

import pytest
import websockets
from guest import House, make_settings, serving

from server.gate import PENDING, Capacity


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
