"""Whoever is a witness of a call knows plain voices and pictures when they come."""

from fractions import Fraction
from typing import Any

import av
import numpy as np
import pytest

from client_py.core.slot import Slot
from client_py.headless.frames import FrameLink
from e2ee.suite import Suite
from tests.links import Witness

SUITE = Suite.AES_128_GCM_SHA256_128
RATE, FRAME = 48_000, 960  # 20 ms


def voice(frames: int, layout: str) -> list[bytes]:
    """Return a tone as an encoder makes it: plain Opus."""
    coder: Any = av.CodecContext.create("libopus", "w")
    coder.sample_rate, coder.layout, coder.format = RATE, layout, "s16"
    made = []
    for number in range(frames):
        at = np.arange(number * FRAME, (number + 1) * FRAME) / RATE
        tone = (8000 * np.sin(2 * np.pi * 440 * at)).astype(np.int16)
        channels = 2 if layout == "stereo" else 1
        frame = av.AudioFrame.from_ndarray(
            np.repeat(tone, channels)[None], format="s16", layout=layout
        )
        frame.sample_rate, frame.pts = RATE, number * FRAME
        made += [bytes(each) for each in coder.encode(frame)]
    return made


def burst(frames: int) -> list[bytes]:
    """Return some moving pictures as an encoder makes them: plain VP8."""
    coder: Any = av.CodecContext.create("libvpx", "w")
    coder.width, coder.height, coder.pix_fmt = 160, 120, "yuv420p"
    coder.time_base = Fraction(1, 30)
    coder.options = {"deadline": "realtime", "lag-in-frames": "0"}
    chance = np.random.default_rng(5)
    made = []
    for number in range(frames):
        noise = chance.integers(0, 255, (120, 160, 3), dtype=np.uint8)
        frame = av.VideoFrame.from_ndarray(noise, format="rgb24")
        frame.pts = number
        made += [bytes(each) for each in coder.encode(frame)]
    return made


async def witness() -> Witness:
    """Return somebody who has keys, and opens what is sealed."""
    made = Witness()
    await made.receive_under(0, SUITE, bytes(32))
    return made


@pytest.mark.parametrize("layout", ["mono", "stereo"])
async def test_a_plain_voice_is_plain_frame_by_frame(layout: str) -> None:
    found = await witness()
    spoken = voice(150, layout)
    assert len(spoken) >= 149
    assert [found.open(Slot.MICROPHONE, each) for each in spoken] == [None] * len(
        spoken
    )
    assert found.betrayed == ["microphone"]
    counts = {what: count for (_, what), count in found.received.items()}
    assert counts["plain"] > 0.9 * len(spoken)


async def test_of_a_short_burst_of_plain_pictures_most_are_plain() -> None:
    found = await witness()
    shown = burst(30)
    assert [found.open(Slot.CAMERA, each) for each in shown] == [None] * len(shown)
    counts = {what: count for (_, what), count in found.received.items()}
    assert counts["plain"] > 0.7 * len(shown)


async def test_half_a_second_that_nobody_can_open_betrays() -> None:
    """Keys of somebody else's: it may be an attack, and is no call that works."""
    found, sender = await witness(), Witness()
    await sender.send_under(0, SUITE, b"another key, which is not known.")
    for _ in range(25):
        found.open(Slot.MICROPHONE, sender.seal(Slot.MICROPHONE, b"hello"))
    assert found.betrayed == []
    found.open(Slot.MICROPHONE, sender.seal(Slot.MICROPHONE, b"hello"))
    assert found.betrayed == ["microphone, unread"]


async def test_a_sealed_frame_at_the_wrong_receiver_is_no_plain_one() -> None:
    found, other = await witness(), FrameLink()
    await other.send_under(0, SUITE, bytes(32))
    (spoken, *_) = voice(3, "mono")
    sealed = other.seal(Slot.MICROPHONE, spoken)
    assert found.open(Slot.SCREEN_AUDIO, sealed) is None
    assert (found.astray, dict(found.received), found.betrayed) == (1, {}, [])
    assert found.open(Slot.SCREEN_AUDIO, spoken) is None
    assert (found.astray, found.betrayed) == (1, ["screen_audio"])
