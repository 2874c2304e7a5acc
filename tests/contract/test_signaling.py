"""What every ``Signaling`` promises."""

import asyncio
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import (
    AbstractAsyncContextManager,
    AsyncExitStack,
    asynccontextmanager,
    suppress,
)
from typing import Protocol

import pytest
from starlette.websockets import WebSocket

from client_py.core.errors import SignalingError
from client_py.core.ports import Closed, Signaling, TextReceived
from client_py.core.state import Problem
from client_py.headless.socket import HeadlessSignaling
from protocol.codes import CloseCode
from tests.contract.browser_stack import FarPage, Thing
from tests.contract.fakes import FakeSignaling
from tests.contract.server import ScriptedServer, serving
from tests.contract.stacks import Fixture

PATIENCE = 10.0  # seconds

REFUSALS = {
    Problem.ROOM_NOT_FOUND: (404, "room_not_found"),
    Problem.ROOM_FULL: (409, "room_full"),
    Problem.TOKEN_EXPIRED: (401, "token_expired"),
    Problem.INTERNAL: (500, "internal"),
}


class Ear(Protocol):
    """What was emitted, in order."""

    @property
    def events(self) -> list[TextReceived | Closed]: ...

    async def next(self) -> TextReceived | Closed: ...


class Rig(Protocol):
    """An implementation, awaited, and the server that it talks to."""

    def ear(self) -> Ear:
        """Return a new one."""

    async def create_room(self) -> str: ...
    async def admit(self, room: str) -> str: ...
    async def connect(self, ear: Ear) -> None: ...
    async def send(self, text: str) -> None: ...
    async def close(self) -> None: ...

    def refuse(self, problem: Problem) -> None:
        """Let the server refuse what is asked next."""

    async def vanish(self) -> None:
        """Let there be no server."""

    async def say(self, text: str) -> None:
        """Let the server say this."""

    async def drop(self, code: int) -> None:
        """Let the server close the socket."""

    async def hear(self) -> str:
        """Return what the server hears next."""

    async def learn_of_close(self) -> int:
        """Return the code with which the client closed."""


class LocalEar:
    """An ear in this process."""

    def __init__(self) -> None:
        self.events: list[TextReceived | Closed] = []
        self._emitted: asyncio.Queue[TextReceived | Closed] = asyncio.Queue()

    def __call__(self, event: TextReceived | Closed) -> None:
        self.events.append(event)
        self._emitted.put_nowait(event)

    async def next(self) -> TextReceived | Closed:
        return await self._emitted.get()


class _LocalRig:
    """An implementation in this process."""

    signaling: Signaling

    def ear(self) -> LocalEar:
        return LocalEar()

    async def create_room(self) -> str:
        return await self.signaling.create_room()

    async def admit(self, room: str) -> str:
        return await self.signaling.admit(room)

    async def connect(self, ear: LocalEar) -> None:
        await self.signaling.connect(ear)

    async def send(self, text: str) -> None:
        self.signaling.send(text)

    async def close(self) -> None:
        self.signaling.close()


class FakeRig(_LocalRig):
    def __init__(self) -> None:
        self._fake = self.signaling = FakeSignaling()
        self._heard = 0

    def refuse(self, problem: Problem) -> None:
        self._fake.refuse.append(problem)

    async def vanish(self) -> None:
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


class _Served:
    """A server over a real socket, and what it does to the other end."""

    def __init__(self, server: ScriptedServer) -> None:
        self.server = server
        self._socket: WebSocket | None = None

    def refuse(self, problem: Problem) -> None:
        # An expired token is renewed once: it has to be refused twice.
        twice = 2 if problem is Problem.TOKEN_EXPIRED else 1
        self.server.refuse = [REFUSALS[problem]] * twice

    async def say(self, text: str) -> None:
        await (await self._connected()).send_text(text)

    async def drop(self, code: int) -> None:
        await (await self._connected()).close(code)
        self._socket = None

    async def hear(self) -> str:
        return await self.server.heard.get()

    async def learn_of_close(self) -> int:
        self._socket = None
        return await self.server.closed.get()

    async def _connected(self) -> WebSocket:
        if self._socket is None:
            self._socket = await self.server.sockets.get()
        return self._socket


class HeadlessRig(_Served, _LocalRig):
    def __init__(self, server: ScriptedServer) -> None:
        super().__init__(server)
        self._all = [HeadlessSignaling(server.origin)]

    @property
    def signaling(self) -> HeadlessSignaling:
        return self._all[-1]

    async def vanish(self) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self._all.append(HeadlessSignaling(f"http://127.0.0.1:{port}"))

    async def settle(self) -> None:
        for signaling in self._all:
            await signaling.settle()


class BrowserEar:
    """An ear in the page."""

    def __init__(self, thing: Thing) -> None:
        self.thing = thing
        self._taken = 0

    @property
    def events(self) -> list[TextReceived | Closed]:
        return self.thing.events

    async def next(self) -> TextReceived | Closed:
        self._taken += 1
        await self.thing.until(lambda events: len(events) >= self._taken)
        return self.events[self._taken - 1]


class BrowserRig(_Served):
    def __init__(
        self, server: ScriptedServer, thing: Thing, serving: AsyncExitStack
    ) -> None:
        super().__init__(server)
        self._page = thing.page
        self._ask = thing.ask
        self._serving = serving

    def ear(self) -> BrowserEar:
        return BrowserEar(self._page.thing())

    async def create_room(self) -> str:
        return str(await self._ask("create_room"))

    async def admit(self, room: str) -> str:
        return str(await self._ask("admit", room))

    async def connect(self, ear: BrowserEar) -> None:
        await self._ask("connect", ear.thing.number)

    async def send(self, text: str) -> None:
        await self._ask("send", text)

    async def close(self) -> None:
        await self._ask("close")

    async def vanish(self) -> None:
        await self._serving.aclose()


@asynccontextmanager
async def fake_rig() -> AsyncIterator[Rig]:
    yield FakeRig()


@asynccontextmanager
async def headless_rig() -> AsyncIterator[HeadlessRig]:
    server = ScriptedServer()
    async with serving(server.app) as server.origin:
        rig = HeadlessRig(server)
        yield rig
        await rig.settle()


@asynccontextmanager
async def browser_rig(page: FarPage) -> AsyncIterator[BrowserRig]:
    server = ScriptedServer()
    async with AsyncExitStack() as stack:
        server.origin = await stack.enter_async_context(serving(server.app, page.port))
        try:
            yield BrowserRig(server, await page.make("signaling"), stack)
        finally:
            await page.settle()


RIGS: dict[str, Callable[[Fixture], AbstractAsyncContextManager[Rig]]] = {
    "fake": lambda fixture: fake_rig(),
    "headless": lambda fixture: headless_rig(),
    "browser": lambda fixture: browser_rig(fixture("far_page")),
}


@pytest.fixture(params=RIGS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    making = RIGS[request.param](request.getfixturevalue)
    async with asyncio.timeout(PATIENCE), making as rig:
        yield rig


async def test_a_room_is_made_and_opened(rig: Rig) -> None:
    room = await rig.create_room()

    assert room
    assert await rig.admit(room)


@pytest.mark.parametrize("problem", REFUSALS)
async def test_a_refusal_says_why(rig: Rig, problem: Problem) -> None:
    rig.refuse(problem)

    with pytest.raises(SignalingError) as refusal:
        await rig.admit("room")

    assert refusal.value.problem is problem


async def test_after_a_refusal_one_can_ask_again(rig: Rig) -> None:
    rig.refuse(Problem.ROOM_FULL)
    with pytest.raises(SignalingError):
        await rig.admit("room")

    assert await rig.admit("room")


async def test_a_server_that_is_not_there_is_unreachable(rig: Rig) -> None:
    for ask in (
        lambda: rig.create_room(),
        lambda: rig.admit("room"),
        lambda: rig.connect(rig.ear()),
    ):
        await rig.vanish()
        with pytest.raises(SignalingError) as refusal:
            await ask()
        assert refusal.value.problem is Problem.SERVER_UNREACHABLE


async def test_texts_come_in_order(rig: Rig) -> None:
    ear = rig.ear()
    await rig.connect(ear)
    texts = [str(number) for number in range(50)]

    for text in texts:
        await rig.say(text)

    assert [await ear.next() for _ in texts] == [TextReceived(text) for text in texts]


async def test_texts_go_in_order(rig: Rig) -> None:
    await rig.connect(rig.ear())
    texts = [f"é{number}" for number in range(50)]

    for text in texts:
        await rig.send(text)

    assert [await rig.hear() for _ in texts] == texts


@pytest.mark.parametrize("code", [1000, 1001, 4003, 4010])
async def test_a_close_is_told_once_with_its_code(rig: Rig, code: int) -> None:
    ear = rig.ear()
    await rig.connect(ear)
    await rig.say("last")
    await rig.drop(code)

    assert await ear.next() == TextReceived("last")
    assert await ear.next() == Closed(code)
    await rig.close()
    assert len(ear.events) == 2


async def test_what_was_said_before_a_close_still_arrives(rig: Rig) -> None:
    ear = rig.ear()
    await rig.connect(ear)

    await rig.send("bye")
    await rig.close()
    await rig.close()
    await rig.send("too late")

    assert await rig.hear() == "bye"
    assert await rig.learn_of_close() == CloseCode.HUNG_UP
    assert ear.events == []


async def test_nothing_is_emitted_after_a_close(rig: Rig) -> None:
    ear = rig.ear()
    await rig.connect(ear)
    await rig.say("one")
    assert await ear.next() == TextReceived("one")

    await rig.say("under way")
    await rig.close()
    before = list(ear.events)
    await rig.learn_of_close()
    await rig.send("nobody hears")

    assert ear.events == before


async def test_who_connects_can_be_cancelled(rig: Rig) -> None:
    ear = rig.ear()
    connecting = asyncio.ensure_future(rig.connect(ear))
    await asyncio.sleep(0)

    connecting.cancel()
    await asyncio.wait([connecting])
    await rig.close()

    assert ear.events == []


async def test_who_connects_learns_of_a_close(rig: Rig) -> None:
    ear = rig.ear()
    connecting = asyncio.ensure_future(rig.connect(ear))
    await asyncio.sleep(0)

    await rig.close()

    with suppress(SignalingError):  # unless it was quicker
        await connecting
    await rig.send("nobody hears")
    assert ear.events == []


async def test_sending_with_no_socket_does_nothing(rig: Rig) -> None:
    await rig.send("nobody hears")
    await rig.close()


async def test_one_can_connect_again_after_a_cut(rig: Rig) -> None:
    first, second = rig.ear(), rig.ear()
    await rig.connect(first)
    await rig.say("one")
    await rig.drop(1001)
    assert [await first.next(), await first.next()] == [
        TextReceived("one"),
        Closed(1001),
    ]

    await rig.connect(second)
    await rig.say("two")
    await rig.send("three")

    assert await second.next() == TextReceived("two")
    assert await rig.hear() == "three"
    assert len(first.events) == 2


async def test_one_can_connect_again_after_a_close(rig: Rig) -> None:
    ear = rig.ear()
    await rig.connect(rig.ear())
    await rig.say("one")
    await rig.close()
    await rig.learn_of_close()

    await rig.connect(ear)
    await rig.say("two")

    assert await ear.next() == TextReceived("two")


@pytest.mark.parametrize("rig", ["headless", "browser"], indirect=True)
async def test_a_session_that_expired_is_renewed_once(
    rig: HeadlessRig | BrowserRig,
) -> None:
    await rig.admit("room")
    rig.server.refuse = [REFUSALS[Problem.TOKEN_EXPIRED]]

    assert await rig.admit("room")

    assert rig.server.authorizations == [
        "Bearer session-1",
        "Bearer session-1",
        "Bearer session-2",
    ]
