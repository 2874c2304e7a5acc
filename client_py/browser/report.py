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
        self._energy = self._seconds = 0.0

    def take(self, report: Report) -> float:
        """Take the totals as they are now; return the level 0..1 since the last."""
        for stats in report.values():
            if stats["type"] == "inbound-rtp":
                before = self._energy, self._seconds
                self._energy = float(stats.get("totalAudioEnergy", 0.0))
                self._seconds = float(stats.get("totalSamplesDuration", 0.0))
                energy, seconds = self._energy - before[0], self._seconds - before[1]
                if energy > 0.0 and seconds > 0.0:
                    return min(1.0, sqrt(energy / seconds))
        return 0.0
