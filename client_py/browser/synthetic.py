"""A drawn picture and a tone in place of camera and microphone, for tests.

The picture carries the name and a frame counter (``core/picture``), the tone has
a pitch of the name's own. No device, no permission and no browser flag is needed.
A restless picture has noise where others have a caption, so that it fills whatever
bitrate it is given, as a camera's does; a plain one needs almost none.
"""

import os
from array import array
from collections.abc import Coroutine, Mapping
from math import pi, sin
from struct import pack
from typing import Any

from js import (
    URL,
    Audio,
    AudioContext,
    Blob,
    ImageData,
    OffscreenCanvas,
    clearInterval as clear_interval,
    document,
    setInterval,
)
from pyodide.ffi import to_js

from client_py.browser.dom import Listeners
from client_py.core import picture
from client_py.core.ports import CaptureRequest
from client_py.core.slot import Slot
from client_py.core.state import Device

_CAMERA_RATE = 20  # frames per second
_SCREEN_RATE = 5  # as little as a screen of text needs; large pictures cost much
_LOUDNESS = 0.2
_WAVE_RATE = 16000  # Hz
_SHARE = (1280, 720)
_STRIDE = 7  # rows of noise from one picture to the next


class SyntheticCapture:
    """Opens what a synthetic person of this name has."""

    def __init__(self, name: str, *, restless: bool = False) -> None:
        self._name = name
        self._restless = restless
        self._canvases: dict[Slot, _Canvas] = {}
        self._context: Any = None
        self._listeners = Listeners()

    def open(self, request: CaptureRequest) -> Coroutine[Any, Any, Mapping[Slot, Any]]:
        """Draw or sound a source."""
        return self._opened(request)

    async def devices(self) -> tuple[Device, ...]:
        """Return one device of each kind."""
        return (
            Device("synthetic-microphone", "audioinput", "Synthetic microphone"),
            Device("synthetic-camera", "videoinput", "Synthetic camera"),
        )

    async def _opened(self, request: CaptureRequest) -> Mapping[Slot, Any]:
        match request.slot:
            case Slot.MICROPHONE:
                return {request.slot: await self._tone(self._name)}
            case Slot.CAMERA:
                return {request.slot: self._draw(request, self._name)}
            case _:
                name = picture.screen(self._name)
                return {
                    Slot.SCREEN: self._draw(request, name),
                    Slot.SCREEN_AUDIO: await self._tone(name),
                }

    def _draw(self, request: CaptureRequest, name: str) -> Any:
        if request.slot in self._canvases:
            self._canvases.pop(request.slot).close()
        screen = request.slot is Slot.SCREEN
        size = _SHARE if screen else request.quality.size
        rate = _SCREEN_RATE if screen else _CAMERA_RATE
        canvas = self._canvases[request.slot] = _Canvas(
            name, size, rate, restless=self._restless and not screen
        )
        return canvas.track

    async def _tone(self, name: str) -> Any:
        if hasattr(Audio.prototype, "mozCaptureStream"):
            return await _played(name)
        if self._context is None:
            self._context = AudioContext.new()
            # It may sound only once the person has done something.
            self._listeners.add(document, "click", lambda event: self._context.resume())
        oscillator = self._context.createOscillator()
        oscillator.frequency.value = picture.tone(name)
        gain = self._context.createGain()
        gain.gain.value = _LOUDNESS
        out = self._context.createMediaStreamDestination()
        oscillator.connect(gain)
        gain.connect(out)
        oscillator.start()
        return out.stream.getAudioTracks()[0]


class _Canvas:
    """Draws one identity, frame after frame, until its track is stopped."""

    def __init__(
        self, name: str, size: tuple[int, int], rate: int, *, restless: bool
    ) -> None:
        self._name = name
        self._count = 0
        self._width, self._height = size
        canvas = document.createElement("canvas")
        canvas.width, canvas.height = size
        self._picture = canvas.getContext("2d", alpha=False)
        # The grid is put in at one pixel a cell, and drawn large: two calls a frame.
        self._cells = OffscreenCanvas.new(picture.COLUMNS, picture.ROWS)
        self._grid = self._cells.getContext("2d")
        self._data = ImageData.new(picture.COLUMNS, picture.ROWS)
        self._caption()
        self._noise = self._noisy() if restless else None
        self._next(None)
        self.track = canvas.captureStream(rate).getVideoTracks()[0]
        self._listeners = Listeners()
        self._timer = setInterval(
            self._listeners.callback(self._next, lambda _: clear_interval(self._timer)),
            1000 // rate,
        )

    def close(self) -> None:
        """Draw no more."""
        self._listeners.close()

    def _caption(self) -> None:
        draw, height = self._picture, self._height
        top = picture.SHARE * height
        draw.fillStyle = "#808080"
        draw.fillRect(0, top, self._width, height - top)
        draw.fillStyle = "#000000"
        draw.font = f"{round(height * 0.12)}px system-ui, sans-serif"
        draw.textAlign = "center"
        draw.textBaseline = "middle"
        draw.fillText(self._name, self._width / 2, (top + height) / 2)
        draw.imageSmoothingEnabled = False

    def _noisy(self) -> Any:
        """Return noise, twice as high as the caption that it covers."""
        width = self._width
        height = 2 * round((1 - picture.SHARE) * self._height)
        noise = OffscreenCanvas.new(width, height)
        data = ImageData.new(width, height)
        data.data.assign(
            b"".join(bytes([g, g, g, 255]) for g in os.urandom(width * height))
        )
        noise.getContext("2d").putImageData(data, 0, 0)
        return noise

    def _next(self, _: Any = None) -> None:
        if self._count and self.track.readyState == "ended":
            self.close()
            return
        self._count += 1
        self._data.data.assign(_pixels(self._name, self._count))
        self._grid.putImageData(self._data, 0, 0)
        self._picture.drawImage(
            self._cells, 0, 0, self._width, picture.SHARE * self._height
        )
        if self._noise is not None:
            height = self._noise.height // 2
            top = self._count * _STRIDE % height  # another part of it each time
            at = (0, self._height - height, self._width, height)
            self._picture.drawImage(self._noise, 0, top, self._width, height, *at)


async def _played(name: str) -> Any:
    """Return a track from an element that plays a name's tone.

    Without a device for sound Firefox runs no ``AudioContext``, but elements. One
    that is muted needs no gesture, and is muted for this machine alone.
    """
    sound = Blob.new(to_js([to_js(_wave(picture.tone(name)))]), type="audio/wav")
    player = Audio.new(URL.createObjectURL(sound))
    player.loop = player.muted = True
    stream = player.mozCaptureStream()
    await player.play()
    return stream.getAudioTracks()[0]


def _wave(pitch: float) -> bytes:
    """Return a WAV file of a tone; every tone fits whole into a second."""
    turn = 2 * pi * pitch / _WAVE_RATE
    samples = array(
        "h", (round(_LOUDNESS * 32767 * sin(turn * n)) for n in range(_WAVE_RATE))
    ).tobytes()
    form = pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, _WAVE_RATE, 2 * _WAVE_RATE, 2, 16)
    body = b"WAVE" + form + pack("<4sI", b"data", len(samples)) + samples
    return pack("<4sI", b"RIFF", len(body)) + body


_WHITE, _BLACK = b"\xff\xff\xff\xff", b"\x00\x00\x00\xff"


def _pixels(name: str, count: int) -> bytes:
    return b"".join(
        _WHITE if white else _BLACK
        for row in picture.cells(name, count)
        for white in row
    )
