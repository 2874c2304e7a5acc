"""Which counters were seen already: a sliding window (RFC 3711 §3.3.2)."""

from enum import Enum

SIZE = 1024  # counters; a power of two


class Sighting(Enum):
    """What a window knows of a counter."""

    NEW = "new"
    SEEN = "seen"
    OLD = "old"  # too far back to know: taken for seen


class Window:
    """Remembers ``SIZE`` counters, in as much memory whatever comes."""

    def __init__(self) -> None:
        self.highest = -1
        self._ring = [-1] * SIZE

    def look(self, counter: int) -> Sighting:
        """Say what is known of a counter, changing nothing."""
        if counter <= self.highest - SIZE:
            return Sighting.OLD
        if self._ring[counter % SIZE] == counter:
            return Sighting.SEEN
        return Sighting.NEW

    def take(self, counter: int) -> None:
        """Remember a counter. Only what was authenticated may move the window."""
        if self.look(counter) is not Sighting.NEW:
            return
        self._ring[counter % SIZE] = counter
        self.highest = max(self.highest, counter)
