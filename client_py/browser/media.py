"""``Media`` over the browser: sources in, people's pictures and voices out.

Voices play from elements of their own, so that sound depends on no tile; pictures
are streams that the tiles show. Tracks that belong together stay in step all the
same, because their senders put them in one stream (RFC 8830 §3).
"""

import asyncio
from array import array
from collections.abc import Awaitable, Callable, Mapping
from math import hypot, sqrt
from typing import Any

from js import (
    Audio,
    AudioContext,
    Float32Array,
    MediaStream,
    document,
    navigator,
)
from pyodide.ffi import JsException, to_js

from client_py.browser.capture import Capture
from client_py.browser.dom import Listeners, set_data
from client_py.core.event import (
    ChooseOutput,
    DevicesChanged,
    OutputFailed,
    PlaybackBlocked,
    SourceEnded,
    SourceInterrupted,
    SourceResumed,
)
from client_py.core.ports import CaptureRequest, MediaEvent, Track
from client_py.core.slot import Slot
from protocol.messages import ParticipantId

_Opening = asyncio.Future[Mapping[Slot, Track]]
_WINDOW = 2048  # samples a level is measured over: 43 ms of most microphones
_FAINT = 1e-6  # the level of what was heard a moment ago, and isn't just now
_LULL = 32768  # samples, 0.68 s: all that came since the level was measured last


class BrowserMedia:
    """My sources, and everyone's streams by participant and slot."""

    def __init__(self, capture: Capture) -> None:
        self._capture = capture
        self._emit: Callable[[MediaEvent], None] = lambda event: None
        self._watching = Listeners()
        self._ended: dict[Slot, Listeners] = {}
        self._sources: dict[Slot, Track] = {}
        self._opening: dict[Slot, _Opening] = {}
        self._own: dict[Slot, Any] = {}
        self._streams: dict[tuple[ParticipantId, Slot], Any] = {}
        self._voices: dict[tuple[ParticipantId, Slot], Any] = {}
        self._output = ""
        self._meter = _Meter()

    def watch(self, emit: Callable[[MediaEvent], None]) -> None:
        """Tell of devices, sources that end and sound held back, from now on."""
        self._emit = emit
        if navigator.mediaDevices:
            self._watching.add(
                navigator.mediaDevices, "devicechange", lambda event: self._list()
            )
        self._list()

    def start(self, request: CaptureRequest) -> Awaitable[Mapping[Slot, Track]]:
        """Open a source."""
        # Never cancelled: whatever the browser grants late has to be closed.
        opening = asyncio.ensure_future(self._capture.open(request))
        self._opening[request.slot] = opening
        opening.add_done_callback(lambda done: self._opened(request.slot, done))
        started = asyncio.shield(opening)
        # A refusal that nobody waits for any more is nothing to complain about.
        started.add_done_callback(lambda done: done.cancelled() or done.exception())
        return started

    def stop(self, slot: Slot) -> None:
        """Close the source of a slot; a share with its sound."""
        self._opening.pop(slot, None)
        slots = (slot, Slot.SCREEN_AUDIO) if slot is Slot.SCREEN else (slot,)
        for each in slots:
            if each in self._sources:
                self._ended.pop(each).close()
                self._sources.pop(each).stop()
                self._own.pop(each, None)
        if slot is Slot.MICROPHONE:
            self._meter.listen(None)

    def level(self) -> float | None:
        """Return the level of my own microphone just now."""
        return self._meter.level()

    def play(self, participant: ParticipantId, slot: Slot, track: Track) -> None:
        """Make a participant's picture ready for its tile, or sound their voice."""
        stream = MediaStream.new(to_js([track]))
        if slot.kind == "video":
            self._streams[participant, slot] = stream
            return
        voice = Audio.new()
        set_data(voice, "participant", participant)
        set_data(voice, "slot", slot.word)
        voice.srcObject = stream
        document.body.append(voice)
        self._voices[participant, slot] = voice
        asyncio.ensure_future(self._sound(voice))

    def stop_playing(self, participant: ParticipantId) -> None:
        """Let go of everything of a participant."""
        for slot in Slot:
            self._streams.pop((participant, slot), None)
            if voice := self._voices.pop((participant, slot), None):
                voice.pause()
                voice.srcObject = None
                voice.remove()

    def play_through(self, device: str) -> None:
        """Play everyone through this output device."""
        self._output = device
        for voice in self._voices.values():
            asyncio.ensure_future(self._sound(voice))

    def pick_output(self) -> None:
        """Let the browser ask for an output device; Firefox lists no others."""
        if can_pick_output():
            asked = navigator.mediaDevices.selectAudioOutput()
            asyncio.ensure_future(self._picked(asked))

    def resume_playback(self) -> None:
        """Let through the sound that the browser held back."""
        self._emit(PlaybackBlocked(False))
        for voice in self._voices.values():
            asyncio.ensure_future(self._sound(voice))

    # -- for the view

    def stream(self, participant: ParticipantId, slot: Slot) -> Any | None:
        """Return the stream that a tile shows, or None."""
        return self._streams.get((participant, slot))

    def own_stream(self, slot: Slot) -> Any | None:
        """Return the stream of my own picture, or None."""
        return self._own.get(slot)

    # -- inside

    def _opened(self, slot: Slot, opening: _Opening) -> None:
        if opening.exception() is not None:
            return
        tracks = opening.result()
        if self._opening.get(slot) is not opening:
            for track in tracks.values():  # turned off, or asked for anew, meanwhile
                track.stop()
            return
        held = slot in self._sources and self._sources[slot].muted
        self.stop(slot)
        for each, track in tracks.items():
            self._sources[each] = track
            if each.kind == "video":
                self._own[each] = MediaStream.new(to_js([track]))
            self._ended[each] = Listeners()
            self._ended[each].add(track, "ended", self._source_ended(slot))
        if slot is not Slot.SCREEN:  # a window that is out of sight is no news
            self._heed(slot, tracks[slot], held=held)
        if slot is Slot.MICROPHONE:
            self._meter.listen(tracks[Slot.MICROPHONE])
        self._list()  # labels are told only after a permission

    def _source_ended(self, slot: Slot) -> Callable[[Any], None]:
        def ended(event: Any) -> None:
            self.stop(slot)
            self._emit(SourceEnded(slot))

        return ended

    def _heed(self, slot: Slot, track: Track, *, held: bool) -> None:
        """Tell when the system, or another program, takes what a source gives."""
        interrupted, resumed = SourceInterrupted(slot), SourceResumed(slot)
        self._ended[slot].add(track, "mute", lambda event: self._emit(interrupted))
        self._ended[slot].add(track, "unmute", lambda event: self._emit(resumed))
        if track.muted:
            self._emit(interrupted)
        elif held:
            self._emit(resumed)

    def _list(self) -> None:
        asyncio.ensure_future(self._tell_devices())

    async def _tell_devices(self) -> None:
        self._emit(DevicesChanged(await self._capture.devices()))

    async def _picked(self, asked: Any) -> None:
        try:
            device = await asked
        except JsException:
            return  # nothing was chosen
        await self._tell_devices()  # now it is listed
        self._emit(ChooseOutput(str(device.deviceId), str(device.label)))

    async def _sound(self, voice: Any) -> None:
        output = self._output
        try:
            if hasattr(voice, "setSinkId") and voice.sinkId != output:
                await voice.setSinkId(output)
        except JsException as error:
            if error.name != "AbortError":  # another one was chosen meanwhile
                self._emit(OutputFailed(output))
        try:
            await voice.play()
        except JsException as error:
            if error.name == "NotAllowedError":
                self._emit(PlaybackBlocked(True))


def can_pick_output() -> bool:
    """Whether the browser asks people itself which output device a page may use."""
    return hasattr(navigator.mediaDevices, "selectAudioOutput")


class _Meter:
    """Measures the level of one track, without being heard."""

    def __init__(self) -> None:
        self._context: Any = None
        self._source: Any = None
        self._analyser: Any = None
        self._lull: Any = None
        self._samples = Float32Array.new(_WINDOW)
        self._floats = array("f", bytes(4 * _WINDOW))
        self._past = Float32Array.new(_LULL)
        self._past_floats = array("f", bytes(4 * _LULL))

    def listen(self, track: Track | None) -> None:
        """Measure this track from now on, or none."""
        if self._source is not None:
            self._source.disconnect()
            self._source = None
        if track is None:
            return
        if self._context is None:
            self._context = AudioContext.new()
            self._analyser = self._context.createAnalyser()
            self._analyser.fftSize = _WINDOW
            self._lull = self._context.createAnalyser()
            self._lull.fftSize = _LULL
        stream = MediaStream.new(to_js([track]))
        self._source = self._context.createMediaStreamSource(stream)
        self._source.connect(self._analyser)
        self._source.connect(self._lull)

    def level(self) -> float | None:
        """Return the root mean square of the newest samples, 0..1.

        Nothing is 0 that wasn't for a while: some microphones give zeros between words.
        """
        if self._source is None:
            return 0.0
        if self._context.state == "suspended":
            self._context.resume()
        if self._context.state != "running" or not self._context.currentTime:
            return None
        self._analyser.getFloatTimeDomainData(self._samples)
        self._samples.assign_to(self._floats)
        level = min(1.0, hypot(*self._floats) / sqrt(_WINDOW))
        return level or self._faintest()

    def _faintest(self) -> float:
        """Return whether anything came in a longer time, as the least of levels."""
        self._lull.getFloatTimeDomainData(self._past)
        self._past.assign_to(self._past_floats)
        return _FAINT if any(self._past_floats) else 0.0
