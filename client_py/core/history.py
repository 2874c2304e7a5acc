"""What a link was like second by second, for as long as a graph shows.

Pure: totals in, readings out.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from client_py.core.ports import LinkStats
from client_py.core.quality import began_anew

LENGTH: Final = 120  # readings: two minutes of one each second


@dataclass(frozen=True, slots=True)
class Reading:
    """One link between two looks.

    ``at`` is seconds on any steady clock; ``round_trip`` and ``jitter`` are seconds,
    ``loss`` is a share from 0 to 1, ``down`` and ``up`` are bit/s.
    """

    at: float
    round_trip: float = 0.0
    jitter: float = 0.0
    loss: float = 0.0
    down: float = 0.0
    up: float = 0.0
    frame_rate: float = 0.0
    sent_rate: float = 0.0
    freezes: int = 0


class History:
    """The last readings of one link, the oldest first."""

    def __init__(self) -> None:
        self._readings: deque[Reading] = deque(maxlen=LENGTH)
        self.latest: LinkStats | None = None

    @property
    def readings(self) -> tuple[Reading, ...]:
        """Return what there is to draw."""
        return tuple(self._readings)

    @property
    def freezes(self) -> int:
        """How often the picture stood still in the time that is drawn."""
        return sum(reading.freezes for reading in self._readings)

    def add(self, stats: LinkStats) -> None:
        """Take the totals as they are now."""
        before, self.latest = self.latest, stats
        if before is None or began_anew(before, stats):
            return
        if stats.timestamp > before.timestamp:
            self._readings.append(_reading(before, stats))


def _reading(before: LinkStats, after: LinkStats) -> Reading:
    seconds = after.timestamp - before.timestamp
    received = max(0, after.packets_received - before.packets_received)
    # Late packets lower the total of the lost (RFC 3550 §6.4.1).
    lost = max(0, after.packets_lost - before.packets_lost)
    return Reading(
        at=after.timestamp,
        round_trip=after.round_trip_time,
        jitter=after.jitter,
        loss=lost / (received + lost) if lost else 0.0,
        down=8 * (after.bytes_received - before.bytes_received) / seconds,
        up=8 * (after.bytes_sent - before.bytes_sent) / seconds,
        frame_rate=max(0, after.frames_decoded - before.frames_decoded) / seconds,
        sent_rate=max(0, after.frames_sent - before.frames_sent) / seconds,
        freezes=max(0, after.freezes - before.freezes),
    )
