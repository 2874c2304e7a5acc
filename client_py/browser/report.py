"""The browser's statistics of a connection, as plain data (W3C webrtc-stats).

A report comes over the border as one text: to ask JavaScript for its members one
by one takes several times as long.
"""

import json
from collections.abc import Mapping
from math import sqrt
from typing import Any, Final

from js import JSON, Object

Entry = Mapping[str, Any]
Report = Mapping[str, Entry]

NOTHING: Final[Entry] = {}


def read(report: Any) -> Report:
    """Return the entries of an ``RTCStatsReport`` by their id."""
    entries: Report = json.loads(JSON.stringify(Object.fromEntries(report)))
    return entries


class Loudness:
    """Levels, out of the energy that a voice adds up (webrtc-stats §8.5.2).

    Unlike the level of one moment this misses no word between two looks.
    """

    def __init__(self) -> None:
        self._id = ""  # of the entry, which is all that is read of a report
        self._energy = self._seconds = 0.0

    def take(self, report: Any) -> float:
        """Take an ``RTCStatsReport``; return the level 0..1 since the one before."""
        stats = report.get(self._id) or report.get(self._find(report))
        if not stats:
            return 0.0
        before = self._energy, self._seconds
        self._energy = float(getattr(stats, "totalAudioEnergy", 0.0))
        self._seconds = float(getattr(stats, "totalSamplesDuration", 0.0))
        energy, seconds = self._energy - before[0], self._seconds - before[1]
        if energy <= 0.0 or seconds <= 0.0:
            return 0.0
        return min(1.0, sqrt(energy / seconds))

    def _find(self, report: Any) -> str:
        for name, stats in read(report).items():
            if stats["type"] == "inbound-rtp":
                self._id = name
        return self._id
