"""What arrives: the other side's tracks, and what is seen and heard in them."""

import time
from collections import Counter
from collections.abc import Callable
from typing import cast

import numpy as np
import numpy.typing as npt
from aiortc import MediaStreamTrack
from aiortc.mediastreams import MediaStreamError
from av import AudioFrame, VideoFrame

from client_py.core import picture
from client_py.core.picture import Identity

Samples = npt.NDArray[np.float32]

_FRESH = 0.3  # seconds for which a level is true
_WINDOW = 19200  # samples: 0.4 s, bins of 2.5 Hz, so every tone is in the middle of one
_RATE = 48000  # Hz, of all that aiortc decodes
_AUDIBLE = 0.001


class Incoming:
    """The other side's track of a slot. Counts and measures what passes."""

    def __init__(self, track: MediaStreamTrack) -> None:
        self.kind = str(track.kind)
        self.frames = 0
        self.width = self.height = 0  # of the last picture
        self._track = track
        self._level = 0.0
        self._measured = 0.0

    @property
    def level(self) -> float:
        """The level 0..1 of the last block of sound, 0.0 when that is long ago."""
        return self._level if time.monotonic() - self._measured < _FRESH else 0.0

    async def recv(self) -> VideoFrame | AudioFrame | None:
        """Return the next frame, or None when no more will come."""
        try:
            frame = await self._track.recv()
        except MediaStreamError:
            return None
        assert isinstance(frame, VideoFrame | AudioFrame)
        self.frames += 1
        if isinstance(frame, AudioFrame):
            self._level = float(np.sqrt(np.mean(np.square(samples(frame)))))
            self._measured = time.monotonic()
        else:
            self.width, self.height = frame.width, frame.height
        return frame


class Sink:
    """What was seen and heard in one slot of one participant, over all its tracks.

    ``seen`` is the last picture that could be read, ``pictures`` counts the
    different ones by name; ``pitch`` is the loudest frequency of the last 0.4 s in
    Hz, 0.0 for silence, ``sounds`` counts such pieces by frequency.
    """

    def __init__(self, changed: Callable[[], None]) -> None:
        self.frames = 0
        self.seen: Identity | None = None
        self.pictures: Counter[str] = Counter()
        self.pitch = 0.0
        self.sounds: Counter[float] = Counter()
        self._changed = changed
        self._heard: list[Samples] = []

    def __str__(self) -> str:
        seen = self.seen and f"{self.seen.name!r} {self.seen.count}"
        return f"{self.frames} frames came, last {seen or self.pitch}"

    @property
    def tones(self) -> int:
        """How many pieces were more than silence."""
        return self.sounds.total() - self.sounds[0.0]

    async def run(self, track: Incoming) -> None:
        """Consume a track until it ends."""
        self._heard.clear()
        while (frame := await track.recv()) is not None:
            self.frames += 1
            if isinstance(frame, VideoFrame):
                self._look(frame)
            else:
                self._listen(frame)
            self._changed()

    def _look(self, frame: VideoFrame) -> None:
        found = picture.read(cells(frame))
        if found is not None and found != self.seen:
            self.seen = found
            self.pictures[found.name] += 1

    def _listen(self, frame: AudioFrame) -> None:
        self._heard.append(samples(frame))
        if sum(map(len, self._heard)) >= _WINDOW:
            self.pitch = pitch(np.concatenate(self._heard)[:_WINDOW])
            self.sounds[self.pitch] += 1
            self._heard.clear()


def cells(frame: VideoFrame) -> list[list[float]]:
    """Return the luma in the middle of each cell of a picture."""
    if frame.format.name != "yuv420p":
        frame = frame.reformat(format="yuv420p")
    plane = frame.planes[0]
    luma = np.frombuffer(memoryview(plane), np.uint8).reshape(-1, plane.line_size)
    height = frame.height * picture.SHARE
    rows = (np.arange(picture.ROWS) + 0.5) * height / picture.ROWS
    columns = (np.arange(picture.COLUMNS) + 0.5) * frame.width / picture.COLUMNS
    sampled = luma[rows.astype(int)][:, columns.astype(int)]
    return cast(list[list[float]], sampled.tolist())


def samples(frame: AudioFrame) -> Samples:
    """Return the samples -1..1 of the first channel of packed 16 bit sound."""
    packed = frame.to_ndarray()[0, :: len(frame.layout.channels)]
    return packed.astype(np.float32) / np.float32(32768)


def pitch(sound: Samples) -> float:
    """Return the loudest frequency in Hz, 0.0 for silence."""
    spectrum = np.abs(np.fft.rfft(sound * np.hanning(len(sound))))
    loudest = int(np.argmax(spectrum))
    if spectrum[loudest] / len(sound) < _AUDIBLE:
        return 0.0
    return loudest * _RATE / len(sound)
