"""How well a link is received, from its totals.

The score is LiveKit's (``pkg/sfu/connectionquality/scorer.go``): 100 less what
delay and loss take away, smoothed quicker downwards than upwards.
"""

from client_py.core.ports import LinkStats
from client_py.core.state import Quality

_LOSS_WEIGHT = 10.0  # points for each percent lost, as for video
_UP, _DOWN = 0.4, 0.8  # how much of the way to a new score is taken at once
_STEPS = ((80.0, Quality.EXCELLENT), (40.0, Quality.GOOD), (20.0, Quality.POOR))


def link_score(before: LinkStats, after: LinkStats) -> float:
    """Return 0..100 for what came between two looks at the totals."""
    received = after.packets_received - before.packets_received
    lost = max(0, after.packets_lost - before.packets_lost)
    if received <= 0:
        return 0.0 if lost else 100.0  # nobody sends: nothing is wrong
    loss = 100.0 * lost / (received + lost)
    delay = 1000.0 * (after.round_trip_time / 2 + 2 * after.jitter)  # ms
    cost = delay / 40.0 if delay < 160.0 else (delay - 120.0) / 10.0
    return max(0.0, 100.0 - cost - _LOSS_WEIGHT * loss)


class QualityMeter:
    """Scores one link, look after look."""

    def __init__(self) -> None:
        self._before: LinkStats | None = None
        self._score = 100.0

    def score(self, stats: LinkStats) -> Quality:
        """Take the totals as they are now; return the word for the tile."""
        if self._before is not None:
            fresh = link_score(self._before, stats)
            pace = _UP if fresh > self._score else _DOWN
            self._score += pace * (fresh - self._score)
        self._before = stats
        for floor, quality in _STEPS:
            if self._score >= floor:
                return quality
        return Quality.LOST
