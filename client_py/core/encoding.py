"""How large, how often and how well a picture is sent: the ladders of the sizes.

The rungs are those of other mesh and SFU clients (LiveKit's presets, Jitsi's
standard settings for VP8), so that a picture looks as people are used to.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

AUDIO: Final = 76_000  # bit/s: Opus at 32 kbit/s, each frame twice, headers, reports


@dataclass(frozen=True, slots=True)
class Encoding:
    """What a sender's only encoding is asked for (``RTCRtpEncodingParameters``).

    ``height`` is that of the picture's shorter side in pixels, 0 for as it comes;
    ``rate`` in frames per second, ``bitrate`` in bit/s. One that is not ``active``
    sends nothing.
    """

    active: bool = True
    height: int = 0
    rate: int = 30
    bitrate: int = 1_700_000


NOTHING: Final = Encoding(active=False, height=90, rate=15, bitrate=90_000)

#: Smaller first. A camera's motion is kept, and its size given up.
CAMERA: Final = (
    Encoding(height=90, rate=15, bitrate=90_000),
    Encoding(height=180, rate=20, bitrate=170_000),
    Encoding(height=270, rate=20, bitrate=300_000),
    Encoding(height=360, rate=25, bitrate=500_000),
    Encoding(height=540, rate=25, bitrate=900_000),
    Encoding(height=720, rate=30, bitrate=1_700_000),
)

#: Slower first. A screen's size is kept, so that it can be read.
SCREEN: Final = (
    Encoding(rate=3, bitrate=200_000),
    Encoding(rate=5, bitrate=400_000),
    Encoding(rate=10, bitrate=700_000),
    Encoding(rate=15, bitrate=1_500_000),
)


def rungs_for(height: int) -> int:
    """Return how many rungs of ``CAMERA`` a picture of this height needs.

    A tenth less than the tile is large enough: nobody sees the difference.
    """
    if height <= 0:
        return 0
    enough = (n for n, rung in enumerate(CAMERA, 1) if rung.height >= 0.9 * height)
    return next(enough, len(CAMERA))


def rungs_within(ladder: Sequence[Encoding], bitrate: float) -> int:
    """Return how many rungs of a ladder fit into a bitrate."""
    return sum(rung.bitrate <= bitrate for rung in ladder)


def rung(rungs: int) -> Encoding:
    """Return the encoding of a camera that may go up so many rungs."""
    return CAMERA[rungs - 1] if rungs > 0 else NOTHING
