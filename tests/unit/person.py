"""Somebody with a conference over fakes, and waiting for what they are shown."""

import asyncio
from collections.abc import Callable
from random import Random
from typing import Any

from client_py.core import event as e
from client_py.core.conference import Conference
from client_py.core.keeper import Keeper
from client_py.core.ports import Platform
from client_py.core.state import Connection, Participant, Phase, Snapshot
from e2ee.backend import CryptoBackend
from protocol import messages as m
from tests.contract.fakes import FakeMedia, FakeNetwork, FakePeerConnection

CONNECTED = Connection.CONNECTED


class Person:
    """Somebody with a conference, and the world they are in.

    ``line`` is their ``Signaling``, which the test cuts and makes deaf.
    """

    def __init__(
        self,
        name: str,
        line: Any,
        network: FakeNetwork,
        media: FakeMedia | None = None,
        crypto: CryptoBackend | None = None,
        keeper: Keeper | None = None,
    ) -> None:
        self.name = name
        self.line = line
        self.media = media or FakeMedia(name)
        self.trail: list[Snapshot] = []
        self._published = asyncio.Event()
        self._connections: list[FakePeerConnection] = []
        self.network = network
        platform = Platform(
            self.line, self.media, self._connect, "test", crypto, keeper
        )
        self.conference = Conference(platform, self._publish, Random(name))
        self.running = asyncio.create_task(self.conference.run())

    @property
    def snapshot(self) -> Snapshot:
        return self.conference.snapshot

    @property
    def id(self) -> m.ParticipantId:
        return self.snapshot.participants[0].id

    @property
    def phases(self) -> list[Phase]:
        """The phases that were shown, one after the other."""
        shown = [each.phase for each in self.trail]
        return [
            phase for at, phase in enumerate(shown) if at == 0 or shown[at - 1] != phase
        ]

    @property
    def connections(self) -> list[FakePeerConnection]:
        """The peer connections that are not closed."""
        return [each for each in self._connections if each.signaling_state != "closed"]

    def post(self, *events: e.Event) -> None:
        for event in events:
            self.conference.post(event)

    def join(self, secret: str = "") -> None:
        self.post(e.EnterLobby("room", secret), e.Join(self.name))

    def sees(self, name: str) -> Participant:
        """Return somebody as they are shown here."""
        (found,) = [each for each in self.snapshot.participants if each.name == name]
        return found

    async def until(self, fulfilled: Callable[[Snapshot], object]) -> None:
        async with asyncio.timeout(600):
            while not fulfilled(self.snapshot):
                self._published.clear()
                await self._published.wait()

    async def until_connected(self, others: int) -> None:
        await self.until(
            lambda now: (
                now.phase is Phase.JOINED
                and [each.connection for each in now.participants[1:]]
                == [CONNECTED] * others
            )
        )

    async def until_camera(self, name: str) -> None:
        await self.until(lambda _: self.sees(name).media.camera)

    async def until_sound(self, name: str) -> None:
        await self.until(lambda _: self.sees(name).media.microphone)

    async def stop(self) -> None:
        self.running.cancel()
        await asyncio.wait([self.running])

    def _publish(self, snapshot: Snapshot) -> None:
        self.trail.append(snapshot)
        self._published.set()

    def _connect(self, **wishes: object) -> FakePeerConnection:
        made = self.network(**wishes)  # type: ignore[arg-type]
        self._connections.append(made)
        return made


async def turns(count: int = 60) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


def others_running() -> set[asyncio.Task[object]]:
    return {task for task in asyncio.all_tasks() if task is not asyncio.current_task()}
