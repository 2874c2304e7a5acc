"""My own sources: microphone, camera and screen, and what is announced of them.

    OFF ──turn on──▶ STARTING ──started──▶ LIVE ──turn off──▶ OFF
     ▲                │     ▲               ▲ │ (microphone)
     │              failed  └─the next best turn on/off
     │                ▼                     │ ▼
     └──turn off──── FAILED               MUTED

A microphone that is muted stays open, so that unmuting is instant; a camera that
is off is closed, so that its light goes out. A source that ends by itself, or can't
be had, is replaced by the next best device; a muted one not before it is turned on
again. Once the chosen device is there again, it is used again (``selection``). LIVE
is SILENT while nothing comes out of the device, which changes nothing of the rest.
"""

from collections.abc import Callable
from dataclasses import replace

from client_py.core import event as e
from client_py.core.effect import (
    After,
    Effect,
    Publish,
    StartSource,
    StopSource,
    Unpublish,
)
from client_py.core.microphone import Heard, MicrophoneWatch
from client_py.core.playback import Playback
from client_py.core.selection import Change, Selection
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

HELD = 3.0  # seconds of an interruption that is worth a word

_KINDS = {Slot.MICROPHONE: "audioinput", Slot.CAMERA: "videoinput", Slot.SCREEN: ""}
#: Why another device is tried. Where the person or the system says no, none is.
_NEXT = (MediaProblem.NOT_FOUND, MediaProblem.IN_USE, MediaProblem.FAILED)


class Sources:
    """The state of my sources; ``playback`` is the sound that I hear.

    ``tell`` gets what the person has to know.
    """

    def __init__(self, tell: Callable[[NoticeKind, str, str], None]) -> None:
        self._tell = tell
        self.devices: tuple[Device, ...] = ()
        self.playback = Playback(tell)
        self._sources = {slot: Source() for slot in _KINDS}
        self._selections = {slot: Selection(kind) for slot, kind in _KINDS.items()}
        self._news: dict[Slot, tuple[NoticeKind, str]] = {}  # told once it has started
        self._interruptions: dict[Slot, int] = {}
        self._serial = 0
        self._watch = MicrophoneWatch()
        self._screen_audio = False
        self._left_on: tuple[Slot, ...] = ()
        self.quality = CaptureQuality.SD
        self._in_sight = False  # whether the camera was on before "audio only"

    def __getitem__(self, slot: Slot) -> Source:
        chosen = self._selections[slot]
        return replace(
            self._sources[slot], device=chosen.device, preferred=chosen.preferred
        )

    @property
    def announced(self) -> MediaState:
        """What I send, as the others are told."""
        return MediaState(
            microphone=self._state(Slot.MICROPHONE).sent,
            camera=self._state(Slot.CAMERA).sent,
            screen=self._state(Slot.SCREEN).sent,
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
            case e.ChooseDevice(slot, device, label):
                self._selections[slot].prefer(device, label)
                return self._choose_device(slot)
            case e.ChooseQuality(quality):
                return self._choose_quality(quality)
            case e.SourceStarted(slot, slots):
                return self._started(slot, slots)
            case e.SourceFailed(slot, problem):
                return self._failed(slot, problem)
            case e.SourceEnded(slot):
                return self._ended(slot)
            case e.SourceInterrupted(slot):
                return self._interrupted(slot)
            case e.SourceResumed(slot):
                self._resumed(slot)
            case e.InterruptionLasts(slot, serial):
                self._interruption_lasts(slot, serial)
            case e.DevicesChanged(devices):
                return self._devices_changed(devices)
            case _:
                return self.playback.handle(event)
        return []

    def measure(self, level: float | None, now: float, *, audience: bool) -> bool:
        """Take the level of my microphone at a time; tell if it shows anything new.

        ``audience`` says whether anybody could hear me.
        """
        state = self._state(Slot.MICROPHONE)
        if state is SourceState.MUTED and not audience:
            level = None
        match self._watch.hear(state, level, now):
            case Heard.NOTHING:
                return False
            case Heard.SILENCE:
                self._set(Slot.MICROPHONE, SourceState.SILENT)
                self._tell(NoticeKind.MICROPHONE_SILENT, Slot.MICROPHONE.word, "")
            case Heard.LULL:
                self._set(Slot.MICROPHONE, SourceState.SILENT)
            case Heard.SOUND:
                self._set(Slot.MICROPHONE, SourceState.LIVE)
            case Heard.TALK:
                self._tell(NoticeKind.TALKING_MUTED, "", "")
        return True

    def leave(self) -> list[Effect]:
        """Close everything and remember what was on."""
        self._left_on = tuple(
            slot for slot in (Slot.MICROPHONE, Slot.CAMERA) if self._state(slot).on
        )
        return [effect for slot in self._sources for effect in self._close(slot)]

    def come_back(self) -> list[Effect]:
        """Open again what was on when I left."""
        slots, self._left_on = self._left_on, ()
        return [effect for slot in slots for effect in self._turn_on(slot)]

    def _turn_on(self, slot: Slot) -> list[Effect]:
        if slot is Slot.CAMERA and self.quality is CaptureQuality.AUDIO:
            self.quality = CaptureQuality.SD  # who shows a picture wants pictures
        match self._state(slot):
            case SourceState.OFF | SourceState.FAILED:
                return self._start(slot)
            case SourceState.SILENT:
                return self._choose_device(slot)  # opened anew it may be heard
            case SourceState.MUTED:
                self._set(slot, SourceState.LIVE)
                return [Publish(slot)]
        return []

    def _turn_off(self, slot: Slot) -> list[Effect]:
        state = self._state(slot)
        if slot is Slot.MICROPHONE and state.sent:
            self._set(slot, SourceState.MUTED)
            return [Unpublish(slot)]
        if slot is Slot.MICROPHONE and state is SourceState.MUTED:
            return []
        return self._close(slot)

    def _choose_device(self, slot: Slot) -> list[Effect]:
        device = self._begin(slot)
        match self._state(slot):
            case SourceState.OFF:
                return []
            case SourceState.FAILED:
                return self._start(slot)
        return self._ask(slot, device)

    def _choose_quality(self, quality: CaptureQuality) -> list[Effect]:
        before, self.quality = self.quality, quality
        on = self._state(Slot.CAMERA).on
        if quality is CaptureQuality.AUDIO:
            if before is not quality:
                self._in_sight = on
            return self._close(Slot.CAMERA)
        if before is CaptureQuality.AUDIO and self._in_sight and not on:
            return self._turn_on(Slot.CAMERA)
        if on:
            return self._ask(Slot.CAMERA, self._selections[Slot.CAMERA].device)
        return []

    def _started(self, slot: Slot, slots: tuple[Slot, ...]) -> list[Effect]:
        state = self._state(slot)
        if not (state.on or state.open):
            return [StopSource(slot)]  # turned off while it was opening
        chosen = self._selections[slot]
        chosen.taken()
        if slot is Slot.MICROPHONE:
            self._watch.opened()
        if slot in self._news:
            kind, detail = self._news.pop(slot)
            self._tell(kind, slot.word, detail)
        effects: list[Effect] = []
        if state is not SourceState.MUTED:
            self._set(slot, SourceState.LIVE)
            effects += [Publish(each) for each in slots]
        if slot is Slot.SCREEN:
            if self._screen_audio and Slot.SCREEN_AUDIO not in slots:
                effects.append(Unpublish(Slot.SCREEN_AUDIO))
            self._screen_audio = Slot.SCREEN_AUDIO in slots
        if (better := chosen.better()) is not None:
            effects += self._change(slot, better)  # it came while this one opened
        return effects

    def _failed(self, slot: Slot, problem: MediaProblem) -> list[Effect]:
        state, chosen = self._state(slot), self._selections[slot]
        kind, why = self._news.pop(slot, (NoticeKind.MEDIA_PROBLEM, ""))
        # Why the device that was chosen can't be had, rather than the last one.
        first = MediaProblem(why) if kind is NoticeKind.DEVICE_REPLACED else problem
        if state is SourceState.STARTING and slot is not Slot.SCREEN:
            if problem in _NEXT and (device := chosen.fall_back()) is not None:
                self._news[slot] = NoticeKind.DEVICE_REPLACED, first
                return self._ask(slot, device)
        if state.open:
            chosen.keep()
        by_itself = kind in (NoticeKind.DEVICE_BACK, NoticeKind.DEFAULT_CHANGED)
        if problem is not MediaProblem.CANCELLED and not by_itself:
            self._tell(NoticeKind.MEDIA_PROBLEM, slot.word, first)
        if state is SourceState.STARTING:
            quiet = problem is MediaProblem.CANCELLED
            self._set(slot, SourceState.OFF if quiet else SourceState.FAILED, first)
        return []

    def _ended(self, slot: Slot) -> list[Effect]:
        state = self._state(slot)
        if not state.open:
            return []
        effects = self._close(slot)
        if slot is Slot.SCREEN:
            return effects
        device = self._selections[slot].leave()
        if state is SourceState.MUTED:
            self._tell(NoticeKind.DEVICE_UNPLUGGED, slot.word, "")
            return effects
        self._tell(NoticeKind.DEVICE_ENDED, slot.word, "")
        self._set(slot, SourceState.STARTING)
        return effects + self._ask(slot, device)

    def _devices_changed(self, devices: tuple[Device, ...]) -> list[Effect]:
        self.devices = devices
        effects = self.playback.look(devices)
        for slot, chosen in self._selections.items():
            effects += self._look(slot, chosen.look(devices))
        return effects

    def _look(self, slot: Slot, change: Change) -> list[Effect]:
        source, chosen = self._sources[slot], self._selections[slot]
        if source.state is SourceState.OFF:
            chosen.begin()
        if source.state is SourceState.FAILED and change.came:
            # One that was there all the while isn't asked for again and again.
            return self._start(slot) if source.problem in _NEXT else []
        if not source.state.open or change.better is None:
            return []
        return self._change(slot, change.better)

    def _change(self, slot: Slot, device: str) -> list[Effect]:
        chosen = self._selections[slot]
        chosen.change(device)
        kind = NoticeKind.DEVICE_BACK if device else NoticeKind.DEFAULT_CHANGED
        self._news[slot] = kind, chosen.label
        return self._ask(slot, device)

    def _interrupted(self, slot: Slot) -> list[Effect]:
        self._serial += 1
        self._interruptions[slot] = self._serial
        return [After(HELD, e.InterruptionLasts(slot, self._serial))]

    def _interruption_lasts(self, slot: Slot, serial: int) -> None:
        lasts = self._interruptions.get(slot) == serial
        if lasts and self._state(slot) is SourceState.LIVE:
            self._set(slot, SourceState.SILENT)
            self._tell(NoticeKind.SOURCE_HELD, slot.word, "")

    def _resumed(self, slot: Slot) -> None:
        self._interruptions.pop(slot, None)
        if self._state(slot) is SourceState.SILENT:
            self._set(slot, SourceState.LIVE)

    def _start(self, slot: Slot) -> list[Effect]:
        self._set(slot, SourceState.STARTING)
        device, preferred = self._begin(slot), self._selections[slot].preferred.id
        if device != preferred:
            why = MediaProblem.NOT_FOUND
            self._news[slot] = NoticeKind.DEVICE_REPLACED, why
        return self._ask(slot, device)

    def _begin(self, slot: Slot) -> str:
        self._news.pop(slot, None)
        return self._selections[slot].begin()

    def _ask(self, slot: Slot, device: str) -> list[Effect]:
        return [StartSource(slot, device, self.quality)]

    def _close(self, slot: Slot) -> list[Effect]:
        state = self._state(slot)
        self._news.pop(slot, None)
        self._interruptions.pop(slot, None)
        if state is SourceState.OFF:
            return []
        self._set(slot, SourceState.OFF)
        effects: list[Effect] = []
        if state.open:
            effects.append(Unpublish(slot))
            if slot is Slot.SCREEN and self._screen_audio:
                effects.append(Unpublish(Slot.SCREEN_AUDIO))
        if slot is Slot.SCREEN:
            self._screen_audio = False
        if state is not SourceState.FAILED:
            effects.append(StopSource(slot))
        return effects

    def _state(self, slot: Slot) -> SourceState:
        return self._sources[slot].state

    def _set(
        self, slot: Slot, state: SourceState, problem: MediaProblem = MediaProblem.NONE
    ) -> None:
        self._sources[slot] = replace(self._sources[slot], state=state, problem=problem)
