"""The browser's statistics of a connection, read as totals (W3C webrtc-stats)."""

from collections.abc import Mapping
from typing import Any

from client_py.browser.route import route
from client_py.core.ports import LinkStats
from client_py.core.slot import Slot


def totals(report: Any) -> LinkStats:
    """Return the totals over all that a connection carries."""
    received = lost = size = frames = sent = freezes = width = height = 0
    jitter = trip = stamp = 0.0
    for stats in report.values():
        kind = stats.type
        if kind == "inbound-rtp":
            received += stats.packetsReceived
            lost += stats.packetsLost
            size += stats.bytesReceived
            jitter = max(jitter, stats.jitter)
            stamp = stats.timestamp
            if stats.kind == "video":
                frames += getattr(stats, "framesDecoded", 0)
                freezes += getattr(stats, "freezeCount", 0)
                width = max(width, getattr(stats, "frameWidth", 0))
                height = max(height, getattr(stats, "frameHeight", 0))
        elif kind == "outbound-rtp":
            sent += getattr(stats, "bytesSent", 0)
        elif kind == "candidate-pair" and stats.nominated:
            trip = max(trip, getattr(stats, "currentRoundTripTime", 0.0))
    return LinkStats(
        *(stamp / 1000, received, lost, size, frames, jitter, trip),
        *(sent, freezes, width, height),
        *route(report),
    )


def encoded(report: Any, transceivers: Mapping[Slot, Any]) -> dict[Slot, int]:
    """Return how many frames left the encoder of each slot; of sound, packets."""
    slots = {transceiver.mid: slot for slot, transceiver in transceivers.items()}
    counts: dict[Slot, int] = {}
    for stats in report.values():
        slot = slots.get(getattr(stats, "mid", None))
        if stats.type == "outbound-rtp" and slot is not None:
            video = slot.kind == "video"
            sent = getattr(stats, "framesEncoded", 0) if video else stats.packetsSent
            counts[slot] = int(sent or 0)
    return counts
