"""What one link sends, as its sender and the other end's reports see it. Data only."""

from dataclasses import dataclass
from typing import Literal

Limitation = Literal["", "none", "cpu", "bandwidth", "other"]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The totals since the link began, and what is true just now.

    ``timestamp`` and ``encode_time`` are seconds, ``trip`` is the round-trip time in
    seconds, ``available`` the bit/s that the platform believes the way to carry, 0
    where it doesn't say. ``frames``, ``encode_time`` and ``source_rate`` (frames per
    second) are the camera's. ``limited`` is W3C's ``qualityLimitationReason``, ``""``
    where the platform has none.
    """

    timestamp: float = 0.0
    packets: int = 0
    lost: int = 0
    size: int = 0  # bytes
    trip: float = 0.0
    available: float = 0.0
    frames: int = 0
    encode_time: float = 0.0
    source_rate: float = 0.0
    limited: Limitation = ""
