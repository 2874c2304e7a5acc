"""The ports in memory: for the contract's tests, and for all tests of the logic.

A test holds the fake and plays the world: it speaks as the server, plugs devices,
lets a start hang or fail. Nothing waits for a clock.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from itertools import repeat

from client_py.core.errors import MediaError, SignalingError
from client_py.core.event import (
    ChooseOutput,
    DevicesChanged,
    PlaybackBlocked,
    SourceEnded,
    SourceInterrupted,
    SourceResumed,
)
from client_py.core.picture import screen
from client_py.core.ports import (
    CaptureRequest,
    Closed,
    MediaEvent,
    Platform,
    TextReceived,
    Track,
)
from client_py.core.slot import Slot
from client_py.core.state import Device, MediaProblem, Problem
from client_py.core.wake import Sign
from protocol.messages import ParticipantId
from tests.contract.fake_network import (
    FakeNetwork,
    FakePeerConnection,
    FakeRemoteTrack,
    FakeTrack,
)

__all__ = [
    "FakeMedia",
    "FakeNetwork",
    "FakePeerConnection",
    "FakeRemoteTrack",
    "FakeSignaling",
    "FakeTrack",
    "fake_platform",
]


class FakeSignaling:
    """A server that says what the test says.

    ``refuse`` holds problems, each raised once by whatever is asked next;
    ``turns`` says how many turns of the loop each request takes.
    """

    def __init__(self, turns: Iterator[int] | None = None) -> None:
        self.refuse: list[Problem] = []
        self.rooms = ["room"]
        self.admissions: list[str] = []
        self.connections = 0
        self.sent: list[str] = []
        self.wake: Callable[[Sign], None] | None = None
        self._turns = repeat(0) if turns is None else turns
        self._emit: Callable[[TextReceived | Closed], None] | None = None

    # -- the port

    async def create_room(self, *, e2ee: bool = True) -> str:
        await self._ask()
        self.rooms.append(f"room-{len(self.rooms)}")
        return self.rooms[-1]

    async def admit(self, room: str, passcode: str = "") -> str:
        await self._ask()
        if room not in self.rooms:
            raise SignalingError(Problem.ROOM_NOT_FOUND)
        self.admissions.append(room)
        return f"token-{len(self.admissions)}"

    async def connect(self, emit: Callable[[TextReceived | Closed], None]) -> None:
        await self._ask()
        self._emit = emit
        self.connections += 1

    def watch(self, wake: Callable[[Sign], None] | None) -> None:
        self.wake = wake

    def send(self, text: str) -> None:
        if self._emit is not None:
            self.sent.append(text)

    def close(self) -> None:
        self._emit = None

    # -- the test as the server

    @property
    def open(self) -> bool:
        """Whether the socket is open."""
        return self._emit is not None

    def say(self, text: str) -> None:
        """Say this to the client; nobody hears it when the socket is not open."""
        if self._emit is not None:
            self._emit(TextReceived(text))

    def drop(self, code: int = 1006) -> None:
        """Cut the socket."""
        emit, self._emit = self._emit, None
        if emit is not None:
            emit(Closed(code))

    async def _ask(self) -> None:
        for _ in range(next(self._turns)):
            await asyncio.sleep(0)
        if self.refuse:
            raise SignalingError(self.refuse.pop(0))


class FakeMedia:
    """Devices that the test plugs, and a wall that shows nobody anything.

    ``refuse`` names the problem of a slot's next start; a slot in ``held`` hangs
    until ``release``.
    """

    def __init__(self, name: str = "me") -> None:
        self.refuse: dict[Slot, MediaProblem] = {}
        self.held: dict[Slot, asyncio.Event] = {}
        self.screen_has_audio = False
        self.requests: list[CaptureRequest] = []
        self.open: dict[Slot, FakeTrack] = {}
        self.playing: dict[tuple[ParticipantId, Slot], Track] = {}
        self.output = ""
        self.loudness = 0.001  # a quiet room
        self.resumed = 0
        self._name = name
        self._starting: dict[Slot, asyncio.Task[Mapping[Slot, Track]]] = {}
        self._emit: Callable[[MediaEvent], None] | None = None

    # -- the port

    def watch(self, emit: Callable[[MediaEvent], None]) -> None:
        self._emit = emit

    def start(self, request: CaptureRequest) -> Awaitable[Mapping[Slot, Track]]:
        self._abandon(request.slot)
        self.requests.append(request)
        opening = self._open(request.slot, self.held.get(request.slot))
        task = asyncio.get_running_loop().create_task(opening)
        task.add_done_callback(lambda task: task.cancelled() or task.exception())
        self._starting[request.slot] = task
        return task

    def stop(self, slot: Slot) -> None:
        self._abandon(slot)
        self.open.pop(slot, None)
        if slot is Slot.SCREEN:
            self.open.pop(Slot.SCREEN_AUDIO, None)

    def level(self) -> float:
        return self.loudness if Slot.MICROPHONE in self.open else 0.0

    def play(self, participant: ParticipantId, slot: Slot, track: Track) -> None:
        self.playing[participant, slot] = track

    def stop_playing(self, participant: ParticipantId) -> None:
        for key in [key for key in self.playing if key[0] == participant]:
            del self.playing[key]

    def play_through(self, device: str) -> None:
        self.output = device

    def pick_output(self) -> None:
        self.plug(Device("picked", "audiooutput", "Picked"))
        self.tell(ChooseOutput("picked"))

    def resume_playback(self) -> None:
        self.resumed += 1
        self.tell(PlaybackBlocked(False))

    # -- the test as the world

    def tell(self, event: MediaEvent) -> None:
        """Let the platform tell this."""
        assert self._emit is not None, "nobody watches"
        self._emit(event)

    def plug(self, *devices: Device) -> None:
        """Let these be the devices that are there."""
        self.tell(DevicesChanged(devices))

    def end(self, slot: Slot) -> None:
        """Let the source of a slot end by itself."""
        if slot in self.open:
            self.stop(slot)
            self.tell(SourceEnded(slot))

    def interrupt(self, slot: Slot) -> None:
        """Let the platform take what a source gives."""
        if slot in self.open:
            self.tell(SourceInterrupted(slot))

    def resume(self, slot: Slot) -> None:
        """Let the platform give it back."""
        if slot in self.open:
            self.tell(SourceResumed(slot))

    def hold(self, slot: Slot) -> None:
        """Let starts of this slot hang, as before a permission prompt."""
        self.held[slot] = asyncio.Event()

    def release(self, slot: Slot) -> None:
        """Let the starts of this slot go on."""
        self.held.pop(slot).set()

    def _abandon(self, slot: Slot) -> None:
        if slot in self._starting:
            self._starting.pop(slot).cancel()

    async def _open(
        self, slot: Slot, hold: asyncio.Event | None
    ) -> Mapping[Slot, Track]:
        if hold is not None:
            await hold.wait()
        if slot in self.refuse:
            raise MediaError(self.refuse.pop(slot))
        tracks = {slot: FakeTrack(slot.kind, self._name)}
        if slot is Slot.SCREEN:
            tracks = {slot: FakeTrack(slot.kind, screen(self._name))}
            if self.screen_has_audio:
                audio = Slot.SCREEN_AUDIO
                tracks[audio] = FakeTrack(audio.kind, screen(self._name))
        self.open.update(tracks)
        return tracks


def fake_platform(network: FakeNetwork | None = None) -> Platform:
    """Return a platform of fakes; a test reaches them through its fields."""
    return Platform(FakeSignaling(), FakeMedia(), network or FakeNetwork(), "fake")
