"""What my links were like between two looks, as the server is told of it.

Pure: totals in, one message out.
"""

from collections.abc import Mapping
from typing import Final

from client_py.core.ports import LinkStats
from client_py.core.quality import began_anew
from protocol.messages import LinkSample, ParticipantId, ReportStats

EVERY: Final = 10.0  # seconds between two reports

_MOST: Final = 1e12  # what a sample may hold


class Reporter:
    """Remembers the totals of every link at the last report."""

    def __init__(self) -> None:
        self._before: dict[ParticipantId, LinkStats] = {}

    def look(self, links: Mapping[ParticipantId, LinkStats]) -> None:
        """Take note of links that are new, or were made anew, and forget others."""
        self._before = {
            who: stats if began_anew(self._before.get(who, stats), stats) else before
            for who, stats in links.items()
            for before in (self._before.get(who, stats),)
        }

    def report(self, links: Mapping[ParticipantId, LinkStats]) -> ReportStats | None:
        """Return how the links were since the report before, if there is any."""
        self.look(links)
        samples = [
            _sample(who, self._before[who], after)
            for who, after in links.items()
            if after.timestamp > self._before[who].timestamp
        ]
        self._before = dict(links)
        return ReportStats(tuple(samples)) if samples else None


def _sample(who: ParticipantId, before: LinkStats, after: LinkStats) -> LinkSample:
    seconds = after.timestamp - before.timestamp
    received = max(0, after.packets_received - before.packets_received)
    # Late packets lower the total of the lost (RFC 3550 §6.4.1).
    lost = max(0, after.packets_lost - before.packets_lost)
    return LinkSample(
        peer=who,
        rtt=_amount(after.round_trip_time),
        loss=lost / (received + lost) if lost else 0.0,
        up=_amount(8 * (after.bytes_sent - before.bytes_sent) / seconds),
        down=_amount(8 * (after.bytes_received - before.bytes_received) / seconds),
        freezes=max(0, after.freezes - before.freezes),
        width=after.width,
        height=after.height,
        fps=_amount((after.frames_decoded - before.frames_decoded) / seconds),
        connection=after.connection,
        transport=after.transport,
    )


def _amount(value: float) -> float:
    return round(min(max(0.0, value), _MOST), 4)
