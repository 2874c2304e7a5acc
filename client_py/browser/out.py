"""What goes out over one connection, from the browser's statistics (webrtc-stats)."""

from typing import Any, cast

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
        self._camera: Any = None

    def send(self, stats: Any) -> None:
        """Add an ``outbound-rtp``."""
        self._stamp = max(self._stamp, stats.timestamp)
        self._packets += getattr(stats, "packetsSent", 0)
        self._size += getattr(stats, "bytesSent", 0)
        self._size += getattr(stats, "headerBytesSent", 0)
        if str(getattr(stats, "mid", "")) == _CAMERA:
            self._camera = stats

    def total(self, report: Any, trip: float) -> Outgoing:
        """Return all of it; ``trip`` is the round-trip time in seconds."""
        camera = self._camera
        source = report.get(getattr(camera, "mediaSourceId", "")) if camera else None
        return Outgoing(
            timestamp=self._stamp / 1000,
            packets=self._packets,
            lost=self.lost,
            size=self._size,
            trip=trip,
            available=self.available,
            frames=getattr(camera, "framesEncoded", 0),
            encode_time=getattr(camera, "totalEncodeTime", 0.0),
            source_rate=getattr(source, "framesPerSecond", 0.0) or 0.0,
            limited=cast(
                Limitation, str(getattr(camera, "qualityLimitationReason", ""))
            ),
        )
