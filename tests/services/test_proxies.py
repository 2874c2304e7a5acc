"""Behind the proxies of the document: the page, the sockets, who asks."""

import json
import re
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.asyncio.client import ClientConnection, connect

from client_py.testing.server import Server
from protocol.codes import HEARTBEAT, SUBPROTOCOL, VERSION
from tests.services import proxy

ORIGIN = f"https://{proxy.HOST}"
SHARE = 10  # tests of a connection that one address may ask for at once


@dataclass(frozen=True)
class Front:
    """What the world sees of the server."""

    port: int
    server: Server
    tls: ssl.SSLContext

    def http(self, address: str = "127.0.0.2", **headers: str) -> httpx.AsyncClient:
        """Return a client that asks from this address."""
        way = httpx.AsyncHTTPTransport(
            verify=self.tls, local_address=address, http2=False
        )
        return httpx.AsyncClient(
            transport=way,
            base_url=f"https://127.0.0.1:{self.port}",
            headers={"host": proxy.HOST, **headers},
        )

    async def ask(self, http: httpx.AsyncClient, method: str, path: str, **more: Any):
        """Ask by the name that the proxy has in the world."""
        extensions = {"sni_hostname": proxy.HOST}
        return await http.request(method, path, extensions=extensions, **more)

    def socket(self) -> connect:
        return connect(
            f"wss://{proxy.HOST}/ws",
            host="127.0.0.1",
            port=self.port,
            ssl=self.tls,
            origin=ORIGIN,
            subprotocols=[SUBPROTOCOL],
            compression=None,
            proxy=None,
        )


@pytest.fixture(params=["nginx", "caddy"], scope="module")
def front(request, tmp_path_factory) -> Iterator[Front]:
    directory: Path = tmp_path_factory.mktemp(request.param)
    settings = {
        "TERTULIA_PROXIES": "127.0.0.1,::1",
        "TERTULIA_ORIGINS": ORIGIN,
        "TERTULIA_METRICS_TOKEN": "sixteen characters",
        "TERTULIA_LIMIT_SCALE": "1",
        "TERTULIA_TEST_MODE": "0",
        "TERTULIA_TURN_URLS": "turn:turn.example.org",
        "TERTULIA_TURN_SECRET": "a secret of both servers",
    }
    server = Server(directory / "server", settings)
    server.start()
    tls = ssl.create_default_context()
    tls.check_hostname, tls.verify_mode = False, ssl.CERT_NONE
    try:
        upstream = f"127.0.0.1:{server.url.rsplit(':', 1)[1]}"
        with getattr(proxy, request.param)(directory, upstream) as port:
            yield Front(port, server, tls)
    finally:
        server.stop()


async def hear(socket: ClientConnection) -> dict[str, Any]:
    heard: dict[str, Any] = json.loads(await socket.recv())
    return heard


async def test_the_page_and_its_files_come_as_they_are(front):
    async with front.http() as http:
        page = await front.ask(http, "GET", "/", headers={"accept-encoding": "br"})
        assert page.status_code == 200
        assert page.headers["content-type"].startswith("text/html")
        assert f"wss://{proxy.HOST}" in page.headers["content-security-policy"]
        assert (await front.ask(http, "GET", "/healthz")).status_code == 200
        assert (await front.ask(http, "GET", "/metrics")).status_code == 403


async def test_a_room_is_made_entered_and_talked_in(front):
    async with front.http() as http:
        session = (await front.ask(http, "POST", "/api/session")).json()["token"]
        bearer = {"authorization": f"Bearer {session}"}
        made = await front.ask(http, "POST", "/api/rooms", json={}, headers=bearer)
        room = made.json()["room"]
        assert made.json()["link"] == f"{ORIGIN}/r/{room}"
        path = f"/api/rooms/{room}/token"
        opened = await front.ask(http, "POST", path, json={}, headers=bearer)
    token = opened.json()["token"]
    async with front.socket() as ana, front.socket() as bo:
        who = []
        for socket in (ana, bo):
            hello = {"type": "hello", "version": VERSION, "token": token, "name": "x"}
            await socket.send(json.dumps(hello))
            who.append((await hear(socket))["you"])
        assert (await hear(ana))["type"] == "participant-joined"
        body = {"candidate": "x" * 5000}
        signal = {"type": "signal", "to": who[1], "generation": 1, "body": body}
        await ana.send(json.dumps({**signal, "n": 1}))
        heard = await hear(bo)
        assert (heard["from"], heard["body"]) == (who[0], body)


async def test_who_asks_is_known_by_their_own_address_whatever_they_claim(front):
    async def tries(http: httpx.AsyncClient, **more: str) -> int:
        session = (await front.ask(http, "POST", "/api/session")).json()["token"]
        headers = {"authorization": f"Bearer {session}", **more}
        return (await front.ask(http, "POST", "/api/ice", headers=headers)).status_code

    async with front.http("127.0.0.3") as one, front.http("127.0.0.4") as two:
        assert [await tries(one) for _ in range(SHARE)] == [200] * SHARE
        assert await tries(one) == 429
        assert await tries(one, **{"x-forwarded-for": "192.0.2.7"}) == 429
        assert await tries(two) == 200


def test_nginx_waits_longer_than_a_page_is_silent():
    (wait,) = re.findall(r"proxy_read_timeout (\d+)s;", proxy.documented("nginx"))
    assert int(wait) >= 3 * HEARTBEAT
