"""The browser's statistics of a connection, read as totals (W3C webrtc-stats)."""

from collections.abc import Mapping
from typing import Any

from client_py.browser.out import Out
from client_py.browser.report import Entry, Report
from client_py.browser.route import route, selected
from client_py.core.ports import LinkStats
from client_py.core.slot import Slot


class _Totals:
    """What adds up over the entries of a report."""

    def __init__(self) -> None:
        self.received = self.lost = self.sound = self.sound_lost = 0
        self.size = self.frames = self.freezes = self.width = self.height = 0
        self.sent = self.frames_sent = self.sent_width = self.sent_height = 0
        self.jitter = self.trip = self.stamp = self.frozen = 0.0
        self.answers: int | None = None
        self.codecs = {"audio": "", "video": ""}
        self.out = Out()

    def receive(self, stats: Entry) -> None:
        """Add an ``inbound-rtp``."""
        received, lost = stats.get("packetsReceived", 0), stats.get("packetsLost", 0)
        self.received += received
        self.lost += lost
        self.size += stats.get("bytesReceived", 0)
        self.jitter = max(self.jitter, stats.get("jitter", 0.0))
        self.stamp = max(self.stamp, stats["timestamp"])
        if stats["kind"] == "audio":
            self.sound += received
            self.sound_lost += lost
            return
        self.frames += stats.get("framesDecoded", 0)
        self.freezes += stats.get("freezeCount", 0)
        self.frozen += stats.get("totalFreezesDuration", 0.0)
        self.width = max(self.width, stats.get("frameWidth", 0))
        self.height = max(self.height, stats.get("frameHeight", 0))

    def send(self, stats: Entry) -> None:
        """Add an ``outbound-rtp``."""
        self.sent += stats.get("bytesSent", 0)
        self.out.send(stats)
        if stats["kind"] == "video" and stats.get("framesPerSecond"):
            self.sent_width = max(self.sent_width, stats.get("frameWidth", 0))
            self.sent_height = max(self.sent_height, stats.get("frameHeight", 0))
        if stats["kind"] == "video":
            self.frames_sent += stats.get("framesEncoded", 0)

    def go_by(self, stats: Entry) -> None:
        """Take what the pair in use says; others may have been nominated before."""
        self.out.available = stats.get("availableOutgoingBitrate", 0.0) or 0.0
        self.trip = stats.get("currentRoundTripTime", 0.0)

    def pair(self, stats: Entry) -> None:
        """Add a ``candidate-pair``."""
        answers = stats.get("responsesReceived")
        if answers is not None:
            self.answers = (self.answers or 0) + answers


def totals(report: Report) -> LinkStats:
    """Return the totals over all that a connection carries."""
    sums = _Totals()
    for stats in report.values():
        match stats["type"]:
            case "inbound-rtp":
                sums.receive(stats)
                _name_codec(report, stats, sums.codecs)
            case "outbound-rtp":
                sums.send(stats)
            case "remote-inbound-rtp":
                sums.out.lost += stats.get("packetsLost", 0) or 0
            case "candidate-pair":
                sums.pair(stats)
    if pair := selected(report):
        sums.go_by(pair)
    way = route(report)
    return LinkStats(
        timestamp=sums.stamp / 1000,
        packets_received=sums.received,
        packets_lost=sums.lost,
        bytes_received=sums.size,
        frames_decoded=sums.frames,
        jitter=sums.jitter,
        round_trip_time=sums.trip,
        bytes_sent=sums.sent,
        freezes=sums.freezes,
        width=sums.width,
        height=sums.height,
        connection=way.connection,
        transport=way.transport,
        audio_received=sums.sound,
        audio_lost=sums.sound_lost,
        frozen=sums.frozen,
        heard=None if sums.answers is None else sums.size + sums.answers,
        frames_sent=sums.frames_sent,
        sent_width=sums.sent_width,
        sent_height=sums.sent_height,
        audio_codec=sums.codecs["audio"],
        video_codec=sums.codecs["video"],
        local=way.local,
        remote=way.remote,
        outgoing=sums.out.total(report, sums.trip),
    )


def _name_codec(report: Report, stats: Entry, codecs: dict[str, str]) -> None:
    """Take note of the codec of something that comes (webrtc-stats §8.4)."""
    kind = stats["kind"]
    if not codecs.get(kind) and (codec := report.get(stats.get("codecId", ""))):
        codecs[kind] = str(codec["mimeType"]).partition("/")[2]


#: What counts the frames of each way: of sound, its packets.
_LEFT = ("outbound-rtp", {"video": "framesEncoded", "audio": "packetsSent"})
_CAME = ("inbound-rtp", {"video": "framesReceived", "audio": "packetsReceived"})


def encoded(report: Report, transceivers: Mapping[Slot, Any]) -> dict[Slot, int]:
    """Return how many frames left the encoder of each slot."""
    return _frames(report, transceivers, *_LEFT)


def received(report: Report, transceivers: Mapping[Slot, Any]) -> dict[Slot, int]:
    """Return how many frames came in each slot."""
    return _frames(report, transceivers, *_CAME)


def _frames(
    report: Report, transceivers: Mapping[Slot, Any], way: str, counts: dict[str, str]
) -> dict[Slot, int]:
    slots = {transceiver.mid: slot for slot, transceiver in transceivers.items()}
    frames: dict[Slot, int] = {}
    for stats in report.values():
        slot = slots.get(stats.get("mid"))
        if stats["type"] == way and slot is not None:
            frames[slot] = int(stats.get(counts[slot.kind]) or 0)
    return frames
