"""The composition root: a person in a call, without a browser."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from urllib.parse import unquote, urlsplit

from client_py.core import event as e
from client_py.core.address import room_link, secret_of
from client_py.core.conference import Conference
from client_py.core.errors import SignalingError
from client_py.core.keeper import Keeper
from client_py.core.ports import Platform
from client_py.core.slot import Slot
from client_py.core.state import Phase, Snapshot
from client_py.headless.crypto import HeadlessCrypto
from client_py.headless.media import HeadlessMedia
from client_py.headless.rtc import Connections
from client_py.headless.socket import HeadlessSignaling
from e2ee.room import new_secret
from protocol.messages import ParticipantId

_PATIENCE = 10.0  # seconds


class Person:
    """Somebody in a room: what they do, what they know, what they see and hear."""

    def __init__(
        self,
        platform: Platform,
        media: HeadlessMedia,
        connections: Connections,
        url: str,
    ) -> None:
        self.url = url
        self.media = media
        self._connections = connections
        self.conference = Conference(platform, self._publish)
        self._published = asyncio.Event()

    @property
    def snapshot(self) -> Snapshot:
        """Everything they know."""
        return self.conference.snapshot

    @property
    def links(self) -> int:
        """How many peer connections they made so far."""
        return self._connections.made

    def post(self, event: e.Event) -> None:
        """Let them do this, e.g. ``TurnOff(Slot.CAMERA)``."""
        self.conference.post(event)

    async def until(
        self,
        fulfilled: Callable[[Snapshot], object],
        *,
        timeout: float = _PATIENCE,
    ) -> None:
        """Wait until a snapshot fulfils this."""
        try:
            async with asyncio.timeout(timeout):
                while not fulfilled(self.snapshot):
                    self._published.clear()
                    await self._published.wait()
        except TimeoutError:
            raise TimeoutError(f"after {timeout} s: {self.snapshot}") from None

    async def meets(self, name: str, *, timeout: float = _PATIENCE) -> ParticipantId:
        """Wait until somebody of this name is here, and return their id."""
        await self.until(lambda snapshot: _find(snapshot, name), timeout=timeout)
        found = _find(self.snapshot, name)
        assert found is not None
        return found

    async def sees(
        self, name: str, *, frames: int = 10, timeout: float = _PATIENCE
    ) -> None:
        """Wait until so many new pictures come from the camera of this name."""
        who = await self.meets(name, timeout=timeout)
        await self.media.sees(who, name, frames=frames, timeout=timeout)

    async def hears(self, name: str, *, timeout: float = _PATIENCE) -> None:
        """Wait until the tone of this name is heard anew from them."""
        who = await self.meets(name, timeout=timeout)
        await self.media.hears(who, name, timeout=timeout)

    def _publish(self, snapshot: Snapshot) -> None:
        self._published.set()


@asynccontextmanager
async def participant(
    url: str,
    name: str,
    *,
    microphone: bool = True,
    camera: bool = True,
    passcode: str = "",
    timeout: float = _PATIENCE,
    connections: Connections | None = None,
    keeper: Keeper | None = None,
) -> AsyncIterator[Person]:
    """Be in the room of a link as a person; with a server's link in a new room.

    ``connections`` makes peer connections, ``keeper`` keeps who they are, if unusual.
    Raises ``SignalingError`` when there is no way in, and ``TimeoutError`` when a
    host lets them wait for too long.
    """
    parts = urlsplit(url)
    origin = f"{parts.scheme}://{parts.netloc}"
    signaling = HeadlessSignaling(origin)
    media = HeadlessMedia(name)
    connections = connections or Connections()
    try:
        room = unquote(parts.path.removeprefix("/r/")).strip("/")
        secret, crypto = secret_of(url), HeadlessCrypto()
        if not room:
            room = await signaling.create_room()
            secret = new_secret(crypto.random)
        platform = Platform(signaling, media, connections, "aiortc", crypto, keeper)
        person = Person(platform, media, connections, room_link(origin, room, secret))
        async with _running(person.conference):
            person.post(e.EnterLobby(room, secret))
            for slot, on in ((Slot.MICROPHONE, microphone), (Slot.CAMERA, camera)):
                if on:
                    person.post(e.TurnOn(slot))
            person.post(e.Join(name, passcode))
            await person.until(_settled, timeout=timeout)
            if person.snapshot.phase is not Phase.JOINED:
                raise SignalingError(person.snapshot.problem)
            yield person
    finally:
        await media.close()
        await connections.settle()
        await signaling.settle()


@asynccontextmanager
async def _running(conference: Conference) -> AsyncIterator[None]:
    task = asyncio.get_running_loop().create_task(conference.run())
    await asyncio.sleep(0)  # its first step: it watches the devices
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def _find(snapshot: Snapshot, name: str) -> ParticipantId | None:
    others = snapshot.participants[1:]
    return next((each.id for each in others if each.name == name), None)


def _settled(snapshot: Snapshot) -> bool:
    refused = snapshot.phase is Phase.LOBBY and snapshot.problem
    return bool(refused) or snapshot.phase in (Phase.JOINED, Phase.FAILED)
