"""How well a link is received, from its totals.

The score is LiveKit's (``pkg/sfu/connectionquality/scorer.go``): 100 less what delay
and loss take away, over the last seconds, smoothed quicker downwards than upwards.
It climbs as slowly as Jitsi's (``ConnectionQuality.ts``), so that a link which is bad
every other moment is shown as bad. LiveKit compares the bitrate with what a layer
should have; here every link has an encoder of its own that takes what it gets, so
what counts of a picture is whether it moves.
"""

from collections import deque
from typing import Final

from client_py.core.ports import LinkStats
from client_py.core.state import Quality

WINDOW: Final = 5.0  # seconds that a score looks back
MARGIN: Final = 4.0  # points above a word's floor from which on one rises to it

# Points for each percent lost. Opus mends some of it (FEC): two thirds of the price.
_PICTURE_LOSS, _SOUND_LOSS = 10.0, 8.0 / 1.5
_FROZEN = 200.0  # points for a picture that stands still all the time
_UP, _DOWN = 0.4, 0.8  # how much of the way to a new score is taken at once
_CLIMB = 2.0  # points in a second, at most
_FLOORS = {Quality.EXCELLENT: 80.0, Quality.GOOD: 40.0, Quality.POOR: 20.0}


def link_score(before: LinkStats, after: LinkStats) -> float:
    """Return 0..100 for what came between two looks at the totals."""
    sound = after.audio_received - before.audio_received
    sound_lost = after.audio_lost - before.audio_lost
    picture = after.packets_received - before.packets_received - sound
    picture_lost = after.packets_lost - before.packets_lost - sound_lost
    cost = max(
        _SOUND_LOSS * _percent(sound, sound_lost),
        _PICTURE_LOSS * _percent(picture, picture_lost),
        _FROZEN * _frozen(before, after),
    )
    delay = 1000.0 * (after.round_trip_time / 2 + 2 * after.jitter)  # ms
    cost += delay / 40.0 if delay < 160.0 else (delay - 120.0) / 10.0
    return max(0.0, 100.0 - cost)


def began_anew(before: LinkStats, after: LinkStats) -> bool:
    """Whether the totals are those of another connection than before."""
    return (
        after.timestamp < before.timestamp
        or after.bytes_received < before.bytes_received
        or after.bytes_sent < before.bytes_sent
    )


class QualityMeter:
    """Scores one link, look after look."""

    def __init__(self) -> None:
        self._looks: deque[LinkStats] = deque()
        self._score = 100.0
        self._word = Quality.EXCELLENT

    def score(self, stats: LinkStats) -> Quality:
        """Take the totals as they are now; return the word for the tile."""
        if self._looks and began_anew(self._looks[-1], stats):
            self._looks.clear()
        if self._looks:
            seconds = stats.timestamp - self._looks[-1].timestamp
            self._move(link_score(self._looks[0], stats), seconds)
        self._looks.append(stats)
        while stats.timestamp - self._looks[0].timestamp >= WINDOW:
            self._looks.popleft()
        self._word = _word(self._score, self._word)
        return self._word

    def _move(self, fresh: float, seconds: float) -> None:
        way = fresh - self._score
        if way > 0:
            self._score += min(_UP * way, _CLIMB * seconds)
        else:
            self._score += _DOWN * way


def _word(score: float, before: Quality) -> Quality:
    """Return the word for a score; a better one than before only by a margin."""
    words = list(Quality)
    for word, floor in _FLOORS.items():
        better = words.index(word) < words.index(before)
        if score >= floor + (MARGIN if better else 0.0):
            return word
    return Quality.LOST


def _percent(received: int, lost: int) -> float:
    # Late packets lower the total of the lost (RFC 3550 §6.4.1).
    lost = max(0, lost)
    if received <= 0:
        return 100.0 if lost else 0.0  # nobody sends: nothing is wrong
    return 100.0 * lost / (received + lost)


def _frozen(before: LinkStats, after: LinkStats) -> float:
    seconds = after.timestamp - before.timestamp
    frozen = after.frozen - before.frozen
    return min(1.0, max(0.0, frozen / seconds)) if seconds > 0 else 0.0
