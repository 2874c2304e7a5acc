"""Media without devices: a drawn camera and a tone go out, what comes in is noted.

What a participant sends in a slot is kept even over a new connection, so that a
test can wait for it: ``sees``, ``hears``, ``falls_silent`` and ``loses``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from client_py.core import picture
from client_py.core.errors import MediaError
from client_py.core.event import (
    DevicesChanged,
    SourceEnded,
    SourceInterrupted,
    SourceResumed,
)
from client_py.core.ports import CaptureRequest, MediaEvent
from client_py.core.slot import Slot
from client_py.core.state import Device, MediaProblem
from client_py.core.tasks import Tasks
from client_py.headless.sink import Incoming, Sink
from client_py.headless.source import LOUDNESS, Drawing, Source, Tone
from protocol.messages import ParticipantId

DEVICES = (
    Device("tone", "audioinput", "Tone"),
    Device("drawing", "videoinput", "Drawing"),
)

_DEVICE = {Slot.MICROPHONE: "tone", Slot.CAMERA: "drawing", Slot.SCREEN: ""}
_PATIENCE = 10.0  # seconds to wait for media
_QUIET = 0.5  # seconds without a frame that are the end of a track's flow
_SILENT = 1.0  # seconds without a tone that are silence: two pieces, and some delay


class HeadlessMedia:
    """The sources of one person, and what arrives from everyone else."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._loudness = LOUDNESS
        self._emit: Callable[[MediaEvent], None] | None = None
        self._sources: dict[Slot, Source] = {}
        self._running: dict[Slot, asyncio.Task[None]] = {}
        self._sinks: dict[tuple[ParticipantId, Slot], Sink] = {}
        self._playing: dict[tuple[ParticipantId, Slot], asyncio.Task[None]] = {}
        self._arrived = asyncio.Event()
        self._tasks = Tasks()

    # -- the port

    def watch(self, emit: Callable[[MediaEvent], None]) -> None:
        """Tell of the two devices, and of sources that ``end``."""
        self._emit = emit
        emit(DevicesChanged(DEVICES))

    def start(self, request: CaptureRequest) -> Awaitable[Mapping[Slot, Source]]:
        """Open a source, at once."""
        opened: asyncio.Future[Mapping[Slot, Source]]
        opened = asyncio.get_running_loop().create_future()
        problem = _problem(request)
        if problem is not MediaProblem.NONE:
            opened.set_exception(MediaError(problem))
            opened.exception()  # seen, even when nobody waits any more
            return opened
        tracks = self._make(request)
        self.stop(request.slot)
        for slot, source in tracks.items():
            self._sources[slot] = source
            self._running[slot] = self._tasks.spawn(source.run())
        opened.set_result(tracks)
        return opened

    def stop(self, slot: Slot) -> None:
        """Close the source of a slot; a share with its sound."""
        slots = (slot, Slot.SCREEN_AUDIO) if slot is Slot.SCREEN else (slot,)
        for each in slots:
            if each in self._sources:
                del self._sources[each]
                self._running.pop(each).cancel()

    def level(self) -> float:
        """Return the level of my own tone."""
        source = self._sources.get(Slot.MICROPHONE)
        return source.level if isinstance(source, Tone) else 0.0

    def play(self, participant: ParticipantId, slot: Slot, track: Incoming) -> None:
        """Note what a participant's track brings, until it ends."""
        key = participant, slot
        sink = self._sinks.setdefault(key, Sink(self._arrived.set))
        if key in self._playing:
            self._playing[key].cancel()
        self._playing[key] = self._tasks.spawn(sink.run(track))

    def stop_playing(self, participant: ParticipantId) -> None:
        """Note nothing more of a participant."""
        for key in [key for key in self._playing if key[0] == participant]:
            self._playing.pop(key).cancel()

    def play_through(self, device: str) -> None:
        """There is nothing to hear with."""

    def pick_output(self) -> None:
        """There is nothing to hear with."""

    def resume_playback(self) -> None:
        """Nothing is held back."""

    # -- for tests and robots

    @property
    def loudness(self) -> float:
        """The amplitude 0..1 of my tone; 0.0 is silence that is sent."""
        return self._loudness

    @loudness.setter
    def loudness(self, loudness: float) -> None:
        self._loudness = loudness
        source = self._sources.get(Slot.MICROPHONE)
        if isinstance(source, Tone):
            source.loudness = loudness

    @property
    def sinks(self) -> Mapping[tuple[ParticipantId, Slot], Sink]:
        """What arrived so far, by participant and slot."""
        return self._sinks

    def end(self, slot: Slot) -> None:
        """Let my source of a slot end by itself, as if it was pulled out."""
        if slot in self._sources:
            self.stop(slot)
            if self._emit is not None:
                self._emit(SourceEnded(slot))

    def interrupt(self, slot: Slot) -> None:
        """Let it be told that my source of a slot is held by another program."""
        if slot in self._sources and self._emit is not None:
            self._emit(SourceInterrupted(slot))

    def resume(self, slot: Slot) -> None:
        """Let it be told that my source of a slot isn't held any more."""
        if slot in self._sources and self._emit is not None:
            self._emit(SourceResumed(slot))

    async def sees(
        self,
        participant: ParticipantId,
        name: str,
        *,
        frames: int = 10,
        slot: Slot = Slot.CAMERA,
        timeout: float = _PATIENCE,
    ) -> None:
        """Wait until so many new pictures of this name came from a participant."""
        sink = self._sinks.setdefault((participant, slot), Sink(self._arrived.set))
        name = picture.fit(name)
        enough = sink.pictures[name] + frames
        await self._until(
            lambda: sink.pictures[name] >= enough,
            lambda: f"{frames} pictures of {name!r} in {slot.word}: {sink}",
            timeout,
        )

    async def hears(
        self,
        participant: ParticipantId,
        name: str,
        *,
        slot: Slot = Slot.MICROPHONE,
        timeout: float = _PATIENCE,
    ) -> None:
        """Wait until the tone of this name is heard anew from a participant."""
        sink = self._sinks.setdefault((participant, slot), Sink(self._arrived.set))
        tone = picture.tone(name)
        enough = sink.sounds[tone] + 1
        await self._until(
            lambda: sink.sounds[tone] >= enough,
            lambda: f"the {tone} Hz of {name!r} in {slot.word}: {sink}",
            timeout,
        )

    async def falls_silent(
        self,
        participant: ParticipantId,
        slot: Slot = Slot.MICROPHONE,
        *,
        timeout: float = _PATIENCE,
    ) -> None:
        """Wait until no tone has come in a slot of a participant for a second.

        Silence may come, or nothing at all.
        """
        sink = self._sinks.setdefault((participant, slot), Sink(self._arrived.set))
        try:
            async with asyncio.timeout(timeout):
                while await self._happens(lambda: sink.tones, _SILENT):
                    pass
        except TimeoutError:
            raise TimeoutError(f"still hears {sink.pitch} Hz: {sink}") from None

    async def loses(
        self, participant: ParticipantId, slot: Slot, *, timeout: float = _PATIENCE
    ) -> None:
        """Wait until nothing has come in a slot of a participant for half a second."""
        sink = self._sinks.setdefault((participant, slot), Sink(self._arrived.set))
        async with asyncio.timeout(timeout):
            while await self._happens(lambda: sink.frames, _QUIET):
                pass

    async def close(self) -> None:
        """Stop everything and wait until it has stopped."""
        for slot in Slot:
            self.stop(slot)
        for participant, _ in list(self._playing):
            self.stop_playing(participant)
        await self._tasks.settle()

    def _make(self, request: CaptureRequest) -> dict[Slot, Source]:
        match request.slot:
            case Slot.MICROPHONE:
                return {Slot.MICROPHONE: Tone(self._name, self._loudness)}
            case Slot.CAMERA:
                return {Slot.CAMERA: Drawing(self._name, request.quality.size)}
        name = picture.screen(self._name)
        return {
            Slot.SCREEN: Drawing(name, request.quality.size),
            Slot.SCREEN_AUDIO: Tone(name),
        }

    async def _happens(self, count: Callable[[], int], seconds: float) -> bool:
        """Whether a count rises within so many seconds."""
        before = count()
        try:
            await self._until(lambda: count() > before, str, seconds)
        except TimeoutError:
            return False
        return True

    async def _until(
        self, fulfilled: Callable[[], bool], what: Callable[[], str], timeout: float
    ) -> None:
        try:
            async with asyncio.timeout(timeout):
                while not fulfilled():
                    self._arrived.clear()
                    await self._arrived.wait()
        except TimeoutError:
            raise TimeoutError(f"waited {timeout} s for {what()}") from None


def _problem(request: CaptureRequest) -> MediaProblem:
    if request.slot not in _DEVICE:
        return MediaProblem.UNSUPPORTED
    if request.device not in ("", _DEVICE[request.slot]):
        return MediaProblem.NOT_FOUND
    return MediaProblem.NONE
