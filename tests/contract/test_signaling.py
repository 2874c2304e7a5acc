"""What every ``Signaling`` promises."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest
from starlette.websockets import WebSocket

from client_py.core.errors import SignalingError
from client_py.core.ports import Closed, Signaling, TextReceived
from client_py.core.state import Problem
from client_py.headless.socket import HeadlessSignaling
from protocol.codes import CloseCode
from tests.contract.fakes import FakeSignaling
from tests.contract.server import ScriptedServer, serving

PATIENCE = 10.0  # seconds

REFUSALS = {
    Problem.ROOM_NOT_FOUND: (404, "room_not_found"),
    Problem.ROOM_FULL: (409, "room_full"),
    Problem.TOKEN_EXPIRED: (401, "token_expired"),
    Problem.INTERNAL: (500, "internal"),
}


class Rig(Protocol):
    """An implementation and the server that it talks to."""

    signaling: Signaling

    def refuse(self, problem: Problem) -> None:
        """Let the server refuse what is asked next."""

    def vanish(self) -> None:
        """Let there be no server."""

    async def say(self, text: str) -> None:
        """Let the server say this."""

    async def drop(self, code: int) -> None:
        """Let the server close the socket."""

    async def hear(self) -> str:
        """Return what the server hears next."""

    async def learn_of_close(self) -> int:
        """Return the code with which the client closed."""


class FakeRig:
    def __init__(self) -> None:
        self.signaling: Signaling
        self._fake = self.signaling = FakeSignaling()
        self._heard = 0

    def refuse(self, problem: Problem) -> None:
        self._fake.refuse.append(problem)

    def vanish(self) -> None:
        self._fake.refuse.append(Problem.SERVER_UNREACHABLE)

    async def say(self, text: str) -> None:
        self._fake.say(text)

    async def drop(self, code: int) -> None:
        self._fake.drop(code)

    async def hear(self) -> str:
        self._heard += 1
        return self._fake.sent[self._heard - 1]

    async def learn_of_close(self) -> int:
        assert not self._fake.open
        return CloseCode.HUNG_UP


class HeadlessRig:
    def __init__(self, server: ScriptedServer) -> None:
        self.signaling: Signaling
        self.headless = self.signaling = HeadlessSignaling(server.origin)
        self._server = server
        self._socket: WebSocket | None = None

    def refuse(self, problem: Problem) -> None:
        # An expired token is renewed once: it has to be refused twice.
        twice = 2 if problem is Problem.TOKEN_EXPIRED else 1
        self._server.refuse = [REFUSALS[problem]] * twice

    def vanish(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.signaling = HeadlessSignaling(f"http://127.0.0.1:{port}")

    async def say(self, text: str) -> None:
        await (await self._connected()).send_text(text)

    async def drop(self, code: int) -> None:
        await (await self._connected()).close(code)
        self._socket = None

    async def hear(self) -> str:
        return await self._server.heard.get()

    async def learn_of_close(self) -> int:
        self._socket = None
        return await self._server.closed.get()

    async def _connected(self) -> WebSocket:
        if self._socket is None:
            self._socket = await self._server.sockets.get()
        return self._socket


@asynccontextmanager
async def fake_rig() -> AsyncIterator[Rig]:
    yield FakeRig()


@asynccontextmanager
async def headless_rig() -> AsyncIterator[Rig]:
    server = ScriptedServer()
    async with serving(server.app) as server.origin:
        rig = HeadlessRig(server)
        yield rig
        await rig.headless.settle()
        if isinstance(rig.signaling, HeadlessSignaling):
            await rig.signaling.settle()


RIGS: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {
    "fake": fake_rig,
    "headless": headless_rig,
}


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    async with asyncio.timeout(PATIENCE), RIGS[request.param]() as rig:
        yield rig


class Ear:
    """What was emitted, in order."""

    def __init__(self) -> None:
        self.events: list[TextReceived | Closed] = []
        self._emitted: asyncio.Queue[TextReceived | Closed] = asyncio.Queue()

    def __call__(self, event: TextReceived | Closed) -> None:
        self.events.append(event)
        self._emitted.put_nowait(event)

    async def next(self) -> TextReceived | Closed:
        return await self._emitted.get()


async def test_a_room_is_made_and_opened(rig: Rig) -> None:
    room = await rig.signaling.create_room()

    assert room
    assert await rig.signaling.admit(room)


@pytest.mark.parametrize("problem", REFUSALS)
async def test_a_refusal_says_why(rig: Rig, problem: Problem) -> None:
    rig.refuse(problem)

    with pytest.raises(SignalingError) as refusal:
        await rig.signaling.admit("room")

    assert refusal.value.problem is problem


async def test_after_a_refusal_one_can_ask_again(rig: Rig) -> None:
    rig.refuse(Problem.ROOM_FULL)
    with pytest.raises(SignalingError):
        await rig.signaling.admit("room")

    assert await rig.signaling.admit("room")


async def test_a_server_that_is_not_there_is_unreachable(rig: Rig) -> None:
    for ask in (
        lambda: rig.signaling.create_room(),
        lambda: rig.signaling.admit("room"),
        lambda: rig.signaling.connect(Ear()),
    ):
        rig.vanish()
        with pytest.raises(SignalingError) as refusal:
            await ask()
        assert refusal.value.problem is Problem.SERVER_UNREACHABLE
        if isinstance(rig.signaling, HeadlessSignaling):
            await rig.signaling.settle()


async def test_texts_come_in_order(rig: Rig) -> None:
    ear = Ear()
    await rig.signaling.connect(ear)
    texts = [str(number) for number in range(50)]

    for text in texts:
        await rig.say(text)

    assert [await ear.next() for _ in texts] == [TextReceived(text) for text in texts]


async def test_texts_go_in_order(rig: Rig) -> None:
    await rig.signaling.connect(Ear())
    texts = [f"é{number}" for number in range(50)]

    for text in texts:
        rig.signaling.send(text)

    assert [await rig.hear() for _ in texts] == texts


@pytest.mark.parametrize("code", [1000, 1001, 4003, 4010])
async def test_a_close_is_told_once_with_its_code(rig: Rig, code: int) -> None:
    ear = Ear()
    await rig.signaling.connect(ear)
    await rig.say("last")
    await rig.drop(code)

    assert await ear.next() == TextReceived("last")
    assert await ear.next() == Closed(code)
    rig.signaling.close()
    assert len(ear.events) == 2


async def test_what_was_said_before_a_close_still_arrives(rig: Rig) -> None:
    ear = Ear()
    await rig.signaling.connect(ear)

    rig.signaling.send("bye")
    rig.signaling.close()
    rig.signaling.close()
    rig.signaling.send("too late")

    assert await rig.hear() == "bye"
    assert await rig.learn_of_close() == CloseCode.HUNG_UP
    assert ear.events == []


async def test_nothing_is_emitted_after_a_close(rig: Rig) -> None:
    ear = Ear()
    await rig.signaling.connect(ear)
    await rig.say("one")
    assert await ear.next() == TextReceived("one")

    await rig.say("under way")
    rig.signaling.close()
    before = list(ear.events)
    await rig.learn_of_close()

    assert ear.events == before


async def test_who_connects_can_be_cancelled(rig: Rig) -> None:
    ear = Ear()
    connecting = asyncio.ensure_future(rig.signaling.connect(ear))
    await asyncio.sleep(0)

    connecting.cancel()
    await asyncio.wait([connecting])
    rig.signaling.close()

    assert ear.events == []


async def test_sending_with_no_socket_does_nothing(rig: Rig) -> None:
    rig.signaling.send("nobody hears")
    rig.signaling.close()


async def test_one_can_connect_again_after_a_cut(rig: Rig) -> None:
    first, second = Ear(), Ear()
    await rig.signaling.connect(first)
    await rig.say("one")
    await rig.drop(1001)
    assert [await first.next(), await first.next()] == [
        TextReceived("one"),
        Closed(1001),
    ]

    await rig.signaling.connect(second)
    await rig.say("two")
    rig.signaling.send("three")

    assert await second.next() == TextReceived("two")
    assert await rig.hear() == "three"
    assert len(first.events) == 2


async def test_one_can_connect_again_after_a_close(rig: Rig) -> None:
    ear = Ear()
    await rig.signaling.connect(Ear())
    await rig.say("one")
    rig.signaling.close()
    await rig.learn_of_close()

    await rig.signaling.connect(ear)
    await rig.say("two")

    assert await ear.next() == TextReceived("two")


async def test_a_session_that_expired_is_renewed_once() -> None:
    server = ScriptedServer()
    async with serving(server.app) as server.origin:
        signaling = HeadlessSignaling(server.origin)
        await signaling.admit("room")
        server.refuse = [REFUSALS[Problem.TOKEN_EXPIRED]]

        assert await signaling.admit("room")

        assert server.authorizations == [
            "Bearer session-1",
            "Bearer session-1",
            "Bearer session-2",
        ]
        await signaling.settle()
