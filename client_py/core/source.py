"""My own sources: microphone, camera and screen, and what is announced of them.

    OFF ──turn on──▶ STARTING ──started──▶ LIVE ──turn off──▶ OFF
     ▲                  │                   ▲ │ (microphone)
     │               failed              turn on/off
     │                  ▼                   │ ▼
     └──turn off──── FAILED               MUTED

A microphone that is muted stays open, so that unmuting is instant; a camera that
is off is closed, so that its light goes out. A source that ends by itself is
opened again on the default device; a muted one not before it is turned on again.
"""

from collections.abc import Callable
from dataclasses import replace

from client_py.core import event as e
from client_py.core.effect import (
    Effect,
    PlayThrough,
    Publish,
    ResumePlayback,
    StartSource,
    StopSource,
    Unpublish,
)
from client_py.core.slot import Slot
from client_py.core.state import (
    CaptureQuality,
    Device,
    MediaProblem,
    NoticeKind,
    Source,
    SourceState,
)
from protocol.messages import MediaState

_OPEN = (SourceState.LIVE, SourceState.MUTED)


class Sources:
    """The state of my sources, and of the sound that I hear.

    ``tell`` gets what the person has to know.
    """

    def __init__(self, tell: Callable[[NoticeKind, str, str], None]) -> None:
        self._tell = tell
        self.devices: tuple[Device, ...] = ()
        self.output = ""
        self.playback_blocked = False
        self._sources = {
            slot: Source() for slot in (Slot.MICROPHONE, Slot.CAMERA, Slot.SCREEN)
        }
        self._screen_audio = False
        self._left_on: tuple[Slot, ...] = ()
        self.quality = CaptureQuality.SD
        self._in_sight = False  # whether the camera was on before "audio only"

    def __getitem__(self, slot: Slot) -> Source:
        return self._sources[slot]

    @property
    def announced(self) -> MediaState:
        """What I send, as the others are told."""
        return MediaState(
            microphone=self._is(Slot.MICROPHONE, SourceState.LIVE),
            camera=self._is(Slot.CAMERA, SourceState.LIVE),
            screen=self._is(Slot.SCREEN, SourceState.LIVE),
            screen_audio=self._screen_audio,
        )

    def handle(self, event: e.SourceEvent) -> list[Effect]:
        """Take a gesture or what the platform tells; return what is to be done."""
        if getattr(event, "slot", None) is Slot.SCREEN_AUDIO:
            return []  # it comes and goes with the screen
        match event:
            case e.TurnOn(slot):
                return self._turn_on(slot)
            case e.TurnOff(slot):
                return self._turn_off(slot)
            case e.ChooseDevice(slot, device):
                return self._choose_device(slot, device)
            case e.ChooseQuality(quality):
                return self._choose_quality(quality)
            case e.SourceStarted(slot, slots):
                return self._started(slot, slots)
            case e.SourceFailed(slot, problem):
                return self._failed(slot, problem)
            case e.SourceEnded(slot):
                return self._ended(slot)
            case e.ChooseOutput(device):
                self.output = device
                return [PlayThrough(device)]
            case e.AllowPlayback():
                return [ResumePlayback()]
            case e.DevicesChanged(devices):
                self.devices = devices
            case e.PlaybackBlocked(blocked):
                self.playback_blocked = blocked
        return []

    def leave(self) -> list[Effect]:
        """Close everything and remember what was on."""
        self._left_on = tuple(
            slot
            for slot in (Slot.MICROPHONE, Slot.CAMERA)
            if self._sources[slot].state in (SourceState.LIVE, SourceState.STARTING)
        )
        return [effect for slot in self._sources for effect in self._close(slot)]

    def come_back(self) -> list[Effect]:
        """Open again what was on when I left."""
        slots, self._left_on = self._left_on, ()
        return [effect for slot in slots for effect in self._turn_on(slot)]

    def _turn_on(self, slot: Slot) -> list[Effect]:
        if slot is Slot.CAMERA and self.quality is CaptureQuality.AUDIO:
            self.quality = CaptureQuality.SD  # who shows a picture wants pictures
        match self._sources[slot].state:
            case SourceState.OFF | SourceState.FAILED:
                return self._start(slot)
            case SourceState.MUTED:
                self._set(slot, SourceState.LIVE)
                return [Publish(slot)]
        return []

    def _turn_off(self, slot: Slot) -> list[Effect]:
        state = self._sources[slot].state
        if slot is Slot.MICROPHONE and state is SourceState.LIVE:
            self._set(slot, SourceState.MUTED)
            return [Unpublish(slot)]
        if slot is Slot.MICROPHONE and state is SourceState.MUTED:
            return []
        return self._close(slot)

    def _choose_device(self, slot: Slot, device: str) -> list[Effect]:
        self._sources[slot] = replace(self._sources[slot], device=device)
        match self._sources[slot].state:
            case SourceState.OFF:
                return []
            case SourceState.FAILED:
                return self._start(slot)
        return [StartSource(slot, device, self.quality)]

    def _choose_quality(self, quality: CaptureQuality) -> list[Effect]:
        before, self.quality = self.quality, quality
        on = self._sources[Slot.CAMERA].state in (*_OPEN, SourceState.STARTING)
        if quality is CaptureQuality.AUDIO:
            if before is not quality:
                self._in_sight = on
            return self._close(Slot.CAMERA)
        if before is CaptureQuality.AUDIO and self._in_sight and not on:
            return self._turn_on(Slot.CAMERA)
        if on:
            return [StartSource(Slot.CAMERA, self._device(Slot.CAMERA), quality)]
        return []

    def _started(self, slot: Slot, slots: tuple[Slot, ...]) -> list[Effect]:
        match self._sources[slot].state:
            case SourceState.OFF | SourceState.FAILED:
                return [StopSource(slot)]  # turned off while it was opening
            case SourceState.MUTED:
                return []
        self._set(slot, SourceState.LIVE)
        effects: list[Effect] = [Publish(each) for each in slots]
        if slot is Slot.SCREEN:
            if self._screen_audio and Slot.SCREEN_AUDIO not in slots:
                effects.append(Unpublish(Slot.SCREEN_AUDIO))
            self._screen_audio = Slot.SCREEN_AUDIO in slots
        return effects

    def _failed(self, slot: Slot, problem: MediaProblem) -> list[Effect]:
        if problem is not MediaProblem.CANCELLED:
            self._tell(NoticeKind.MEDIA_PROBLEM, slot.word, problem)
        if self._sources[slot].state is SourceState.STARTING:
            quiet = problem is MediaProblem.CANCELLED
            self._set(slot, SourceState.OFF if quiet else SourceState.FAILED, problem)
        return []

    def _ended(self, slot: Slot) -> list[Effect]:
        state = self._sources[slot].state
        if state not in _OPEN:
            return []
        effects = self._close(slot)
        if slot is Slot.SCREEN:
            return effects
        self._tell(NoticeKind.DEVICE_ENDED, slot.word, "")
        self._sources[slot] = Source()
        return effects if state is SourceState.MUTED else effects + self._start(slot)

    def _start(self, slot: Slot) -> list[Effect]:
        self._set(slot, SourceState.STARTING)
        return [StartSource(slot, self._device(slot), self.quality)]

    def _close(self, slot: Slot) -> list[Effect]:
        state = self._sources[slot].state
        if state is SourceState.OFF:
            return []
        self._set(slot, SourceState.OFF)
        effects: list[Effect] = []
        if state in _OPEN:
            effects.append(Unpublish(slot))
            if slot is Slot.SCREEN and self._screen_audio:
                effects.append(Unpublish(Slot.SCREEN_AUDIO))
        if slot is Slot.SCREEN:
            self._screen_audio = False
        if state is not SourceState.FAILED:
            effects.append(StopSource(slot))
        return effects

    def _device(self, slot: Slot) -> str:
        return self._sources[slot].device

    def _is(self, slot: Slot, state: SourceState) -> bool:
        return self._sources[slot].state is state

    def _set(
        self, slot: Slot, state: SourceState, problem: MediaProblem = MediaProblem.NONE
    ) -> None:
        self._sources[slot] = replace(self._sources[slot], state=state, problem=problem)
