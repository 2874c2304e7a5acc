"""A seat that is taken by a bare socket: no links, no media, next to no cost."""

import json
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
from websockets.sync.client import ClientConnection, connect

from protocol.codes import SUBPROTOCOL, VERSION


@contextmanager
def take_seat(
    room, name: str, *, session: str = "", resume: str = ""
) -> Iterator[ClientConnection]:
    """Come into a room and say nothing more."""
    origin = room.link.split("/r/")[0]
    with httpx.Client(base_url=origin, trust_env=False) as http:
        session = session or http.post("/api/session", json={}).json()["token"]
        bearer = {"authorization": f"Bearer {session}"}
        answer = http.post(f"/api/rooms/{room.id}/token", json={}, headers=bearer)
        token = answer.raise_for_status().json()["token"]
    hello = {
        "type": "hello",
        "version": VERSION,
        "token": token,
        "name": name,
        "resume": resume,
    }
    with connect(
        origin.replace("http", "ws", 1) + "/ws",
        origin=origin,
        subprotocols=[SUBPROTOCOL],
        compression=None,
        proxy=None,
    ) as socket:
        socket.send(json.dumps(hello))
        joined = json.loads(socket.recv(timeout=5))
        assert joined["type"] == "joined", joined
        yield socket


def leave_seat(socket: ClientConnection) -> None:
    """Leave in order, before the seat is given back."""
    socket.send(json.dumps({"type": "leave"}))
