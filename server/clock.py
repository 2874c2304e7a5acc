"""The two times that the server goes by; tests bring their own."""

import time
from typing import Protocol


class Clock(Protocol):
    """Tells the time."""

    def unix(self) -> float:
        """Return the seconds since 1970, as people's clocks and tokens count."""

    def monotonic(self) -> float:
        """Return seconds that never jump, for deadlines."""


class SystemClock:
    """The machine's own clocks."""

    def unix(self) -> float:
        return time.time()

    def monotonic(self) -> float:
        return time.monotonic()
