"""Synthetic sources: a picture that says whose it is, and a tone for each name.

A source makes each frame once and hands it to the feeds that take from it, one
feed for each sender. aiortc stops the track of a sender that ends and reads
from a track that was replaced until its next frame: a feed of its own keeps one
connection from touching the others, and a mute from waiting.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from fractions import Fraction
from typing import Literal, Protocol
from zlib import crc32

import numpy as np
from aiortc import MediaStreamTrack
from av import AudioFrame, VideoFrame
from av.frame import Frame

from client_py.core import picture
from client_py.core.encoding import Encoding

FRAME_RATE = 15  # pictures a second
SAMPLE_RATE = 48000  # Hz
BLOCK = 960  # samples in the 20 ms that Opus packs
LOUDNESS = 0.25  # amplitude of a tone; 1.0 is full scale

_VIDEO_CLOCK = 90000  # Hz, of RTP
_PERIOD = SAMPLE_RATE // 5  # every tone is a multiple of 5 Hz: it repeats after this
_HELD = {"audio": 10, "video": 2}  # frames that wait for a sender that is late


class Feed(MediaStreamTrack):
    """What one sender sends: the frames of its source, or nothing."""

    def __init__(self, kind: Literal["audio", "video"]) -> None:
        super().__init__()
        self.kind = kind
        self._source: Source | None = None
        self._encoding = Encoding()
        self._queued: asyncio.Queue[Callable[[], Frame]] = asyncio.Queue(_HELD[kind])

    def take_from(self, source: "Source | None") -> None:
        """Take from this source, or none, from now on."""
        if self._source is not None:
            self._source.feeds.discard(self)
        while not self._queued.empty():
            self._queued.get_nowait()
        self._source = source
        if source is not None:
            source.feeds.add(self)

    def shape(self, encoding: Encoding) -> None:
        """Hand on pictures of this size, or none."""
        self._encoding = encoding

    def push(self, make: Callable[[], Frame]) -> None:
        """Offer a frame; what waits longest gives way to it."""
        if not self._encoding.active:
            return
        if self._queued.full():
            self._queued.get_nowait()
        self._queued.put_nowait(make)

    async def recv(self) -> Frame:
        """Return the next frame, however long that takes."""
        make = await self._queued.get()
        frame = make()
        return _fit(frame, self._encoding) if isinstance(frame, VideoFrame) else frame

    def stop(self) -> None:
        """Take nothing any more."""
        self.take_from(None)
        super().stop()


class Source(Protocol):
    """A local track: run it in a task; cancel the task to end it."""

    kind: Literal["audio", "video"]
    feeds: set[Feed]

    async def run(self) -> None: ...


class Drawing:
    """A camera's or a screen's picture that carries a name and a frame counter."""

    kind: Literal["audio", "video"] = "video"

    def __init__(self, name: str, size: tuple[int, int]) -> None:
        self.feeds: set[Feed] = set()
        self._name = name
        width, height = size
        self._grid_height = round(height * picture.SHARE)
        self._rows = np.arange(self._grid_height) * picture.ROWS // self._grid_height
        self._columns = np.arange(width) * picture.COLUMNS // width
        # A frame of planar YUV 4:2:0: luma above, then both chromas at half size.
        self._canvas = np.full((height * 3 // 2, width), 128, np.uint8)
        # The part that is free has a colour of its own, for people who look.
        self._canvas[self._grid_height : height] = 80 + crc32(name.encode()) % 100

    async def run(self) -> None:
        """Draw picture after picture."""
        start = _now(_VIDEO_CLOCK)
        step = _VIDEO_CLOCK // FRAME_RATE
        async for number in _beat(FRAME_RATE):
            if self.feeds:
                self.draw(number, start + number * step)

    def draw(self, number: int, timestamp: int) -> None:
        """Hand one picture to every feed."""
        cells = np.array(picture.cells(self._name, number), np.uint8) * 219 + 16
        drawn = self._canvas.copy()
        drawn[: self._grid_height] = cells[self._rows][:, self._columns]

        def make() -> VideoFrame:
            frame = VideoFrame.from_ndarray(drawn, format="yuv420p")
            frame.pts = timestamp
            frame.time_base = Fraction(1, _VIDEO_CLOCK)
            return frame

        for feed in self.feeds:
            feed.push(make)


class Tone:
    """A microphone's sound: the tone of a name. ``loudness`` 0.0 is silence."""

    kind: Literal["audio", "video"] = "audio"

    def __init__(self, name: str, loudness: float = LOUDNESS) -> None:
        self.feeds: set[Feed] = set()
        self.loudness = loudness
        turns = np.arange(_PERIOD) * picture.tone(name) / SAMPLE_RATE
        self._wave = np.sin(2 * np.pi * turns).reshape(-1, BLOCK)

    @property
    def level(self) -> float:
        """The root of its mean square, as a microphone's level is measured."""
        return self.loudness / 2**0.5

    async def run(self) -> None:
        """Sound block after block."""
        start = _now(SAMPLE_RATE)
        async for number in _beat(SAMPLE_RATE // BLOCK):
            if self.feeds:
                self.sound(number, start + number * BLOCK)

    def sound(self, number: int, timestamp: int) -> None:
        """Hand one block to every feed."""
        block = self._wave[number % len(self._wave)] * (self.loudness * 32767)
        samples = block.astype(np.int16).reshape(1, -1)

        def make() -> AudioFrame:
            frame = AudioFrame.from_ndarray(samples, format="s16", layout="mono")
            frame.sample_rate = SAMPLE_RATE
            frame.pts = timestamp
            frame.time_base = Fraction(1, SAMPLE_RATE)
            return frame

        for feed in self.feeds:
            feed.push(make)


def _fit(frame: VideoFrame, encoding: Encoding) -> VideoFrame:
    """Return a frame that is no larger than an encoding has it."""
    shorter = min(frame.width, frame.height)
    if not 0 < encoding.height < shorter:
        return frame
    # Planes of half the size: sides have to be even.
    width, height = (
        2 * round(side * encoding.height / shorter / 2)
        for side in (frame.width, frame.height)
    )
    smaller = frame.reformat(width=width, height=height)
    smaller.pts, smaller.time_base = frame.pts, frame.time_base
    return smaller


async def _beat(rate: int) -> AsyncIterator[int]:
    """Count at a rate; what is more than a tenth of a second late is left out."""
    start = time.monotonic()
    number = 0
    while True:
        yield number
        passed = int((time.monotonic() - start) * rate)
        number = max(number + 1, passed - rate // 10)
        await asyncio.sleep(start + number / rate - time.monotonic())


def _now(rate: int) -> int:
    """Return a timestamp on the clock that all sources of a kind share.

    A receiver takes one sender's timestamps for one clock, whatever the source.
    """
    return int(time.monotonic() * rate)
