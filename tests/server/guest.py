"""A server on a free port, and guests who come by real sockets."""

import asyncio
import contextlib
import itertools
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
import websockets
from starlette.applications import Starlette
from uvicorn.server import ServerState

from protocol import messages as m
from protocol.codec import Codec
from protocol.codes import SUBPROTOCOL, VERSION
from protocol.numbering import SEQ, N, Numbers, stamp
from server.__main__ import configuration
from server.app import create_app
from server.gate import Capacity
from server.settings import Settings
from server.store import RoomRecord, Store, open_store
from server.tokens import Role, Tokens
from server.transport import HttpTransport

SECRET = "a secret that is known to the tests alone"
PATIENCE = 5.0  # seconds; only a failing test waits so long

TO_SERVER: Codec[m.ClientMessage] = Codec(m.ClientMessage, json.loads, json.dumps)
FROM_SERVER: Codec[m.ServerMessage] = Codec(m.ServerMessage, json.loads, json.dumps)


class FakeClock:
    """A clock that goes only when it is told to."""

    def __init__(self, now: float = 1_800_000_000.0) -> None:
        self.now = now

    def unix(self) -> float:
        return self.now

    def monotonic(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


def counting(prefix: str = "id") -> Callable[[], str]:
    """Return a generator of ids that are the same in every run."""
    numbers = itertools.count(1)
    return lambda: f"{prefix}{next(numbers)}"


class Closed(Exception):
    """The server closed the socket."""


class Guest:
    """One person at one socket."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.you = m.ParticipantId("")
        self.resume = ""
        self.epoch = ""
        self.seq = 0  # the last number heard
        self.ack = 0  # the last number of mine that came

    async def say(self, message: m.ClientMessage, n: int = 0) -> None:
        """Say it, under a number if it has one."""
        text = TO_SERVER.encode(message)
        if not isinstance(message, m.Hello):
            text = stamp(text, N, Numbers(n, self.seq))
        await self.socket.send(text)

    async def hear(self) -> Any:
        """Return the next message; raise ``Closed`` with the code instead."""
        try:
            async with asyncio.timeout(PATIENCE):
                text = await self.socket.recv()
        except websockets.ConnectionClosed:
            raise Closed(self.socket.close_code) from None
        assert isinstance(text, str)
        message, numbers = FROM_SERVER.decode_numbered(text, SEQ)
        self.seq = numbers.number or self.seq
        self.ack = numbers.ack
        return message

    async def closing(self) -> int:
        """Return the code of the close; what came before it is skipped."""
        with contextlib.suppress(Closed):
            while True:
                await self.hear()
        code = self.socket.close_code
        assert code is not None
        return code

    async def enter(self, token: str, name: str, **more: Any) -> Any:
        """Say hello and hear that I am in, or back."""
        await self.say(m.Hello(VERSION, token, name, **more))
        answer = await self.hear()
        assert isinstance(answer, m.Joined | m.Resumed), answer
        self.resume = answer.resume
        if isinstance(answer, m.Joined):
            self.you = answer.you
            self.epoch, self.seq = answer.epoch, answer.last_seq
        return answer

    def cut(self) -> None:
        """Lose the network."""
        self.socket.transport.abort()

    async def close(self, code: int = 1000) -> None:
        await self.socket.close(code)


@dataclass
class House:
    """A running server and the way to it."""

    origin: str
    clock: FakeClock
    http: httpx.AsyncClient
    guests: contextlib.AsyncExitStack
    app: Starlette
    store: Store | None = None  # to make rooms in; None: it is the test's own
    made: set[str] = field(default_factory=set)  # rooms

    async def make(self, room: str) -> None:
        """Let there be a room that is not encrypted, made by somebody else."""
        if self.store is not None and room not in self.made:
            self.made.add(room)
            record = RoomRecord(
                m.RoomId(room), "", "its maker", self.clock.unix(), e2ee=False
            )
            await self.store.add_room(record)

    def token(self, room: str = "the-room", subject: str = "someone") -> str:
        tokens = Tokens(SECRET, counting("jti"))
        return tokens.room(subject, m.RoomId(room), Role.MEMBER, self.clock.unix())

    async def visit(self, **options: Any) -> Guest:
        """Open a socket, and say nothing yet."""
        options = {
            "origin": self.origin,
            "subprotocols": [SUBPROTOCOL],
            "compression": None,
            "ping_interval": None,
            "proxy": None,
            "close_timeout": 1,
            **options,
        }
        url = self.origin.replace("http", "ws", 1) + "/ws"
        socket = await self.guests.enter_async_context(
            websockets.connect(url, **options)
        )
        return Guest(socket)

    async def join(self, name: str, *, room: str = "the-room") -> Guest:
        """Come into a room as somebody of one's own."""
        await self.make(room)
        guest = await self.visit()
        await guest.enter(self.token(room, subject=name), name)
        return guest

    async def come_back(
        self, guest: Guest, subject: str, *, room: str = "the-room"
    ) -> tuple[Guest, Any]:
        """Open a new socket for somebody who was here before."""
        again = await self.visit()
        again.you, again.epoch, again.seq = guest.you, guest.epoch, guest.seq
        answer = await again.enter(
            self.token(room, subject=subject),
            subject,
            resume=guest.resume,
            epoch=guest.epoch,
            last_seq=guest.seq,
        )
        return again, answer

    async def party(self, *names: str) -> list[Guest]:
        """Let several people in; each has heard of everyone else."""
        guests: list[Guest] = []
        for name in names:
            newcomer = await self.join(name)
            for guest in guests:
                assert isinstance(await guest.hear(), m.ParticipantJoined)
            guests.append(newcomer)
        return guests


def make_settings(tmp_path: Path, **changes: Any) -> Settings:
    values = {
        "database": f"sqlite:///{tmp_path / 'tertulia.db'}",
        "secret": SECRET,
        "page": tmp_path / "page",
        "capacity": Capacity(scale=1000),  # the clock stands: nothing would refill
        **changes,
    }
    return Settings(**values)


@contextlib.asynccontextmanager
async def serving(
    settings: Settings, store: Store | None = None, clock: FakeClock | None = None
) -> AsyncIterator[House]:
    """Serve on a free port, without uvicorn's own waits at start and stop."""
    clock = clock or FakeClock()
    own = open_store(settings.database) if store is None else None
    app = create_app(settings, clock=clock, store=own or store, tick=0.01)
    config = configuration(app, settings)
    config.load()
    state = ServerState()
    async with app.router.lifespan_context(app):
        listener = await asyncio.get_running_loop().create_server(
            lambda: HttpTransport(config, state, {}), "127.0.0.1", 0
        )
        port = listener.sockets[0].getsockname()[1]
        origin = f"http://127.0.0.1:{port}"
        async with (
            httpx.AsyncClient(base_url=origin, trust_env=False) as http,
            contextlib.AsyncExitStack() as guests,
        ):
            house = House(origin, clock, http, guests, app, own)
            await house.make("the-room")
            yield house
        for connection in list(state.connections):
            connection.shutdown()
        listener.close()
        if state.tasks:
            await asyncio.wait(state.tasks, timeout=PATIENCE)
