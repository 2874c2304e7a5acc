"""What goes out over one connection, from the browser's statistics (webrtc-stats)."""

from typing import cast

from client_py.browser.report import NOTHING, Entry, Report
from client_py.core.outgoing import Limitation, Outgoing
from client_py.core.slot import Slot

_CAMERA = str(Slot.CAMERA.value)  # its mid, as both browsers number m-lines


class Out:
    """Adds up over the entries of a report."""

    def __init__(self) -> None:
        self.lost = 0
        self.available = 0.0
        self._packets = self._size = 0
        self._stamp = 0.0
        self._camera: Entry = NOTHING

    def send(self, stats: Entry) -> None:
        """Add an ``outbound-rtp``."""
        self._stamp = max(self._stamp, stats["timestamp"])
        self._packets += stats.get("packetsSent", 0)
        self._size += stats.get("bytesSent", 0)
        self._size += stats.get("headerBytesSent", 0)
        if str(stats.get("mid", "")) == _CAMERA:
            self._camera = stats

    def total(self, report: Report, trip: float) -> Outgoing:
        """Return all of it; ``trip`` is the round-trip time in seconds."""
        camera = self._camera
        source = report.get(camera.get("mediaSourceId", ""), NOTHING)
        return Outgoing(
            timestamp=self._stamp / 1000,
            packets=self._packets,
            lost=self.lost,
            size=self._size,
            trip=trip,
            available=self.available,
            frames=camera.get("framesEncoded", 0),
            encode_time=camera.get("totalEncodeTime", 0.0),
            source_rate=source.get("framesPerSecond", 0.0) or 0.0,
            limited=cast(Limitation, camera.get("qualityLimitationReason", "")),
        )
