"""When to try again: full jitter, at once the first time.

(AWS Architecture Blog, "Exponential Backoff And Jitter".)
"""

FIRST = 0.25  # seconds: the ceiling of the second try, doubled each time
CEILING = 10.0  # seconds
ATTEMPT = 8.0  # seconds that one try may take: a packet may be lost for good
SETTLED = 3.0  # seconds that a connection lasts before its tries are forgotten


def doubled(first: float, ceiling: float, times: int) -> float:
    """Return ``first``, doubled so many times, but no more than ``ceiling``."""
    return min(ceiling, first * 2.0 ** min(times, 16))  # a float has its end, too


def next_delay(attempt: int, random: float) -> float:
    """Return the seconds before try number ``attempt`` (0 is the first).

    ``random`` is uniform in [0, 1).
    """
    if attempt == 0:
        return 0.0
    return random * doubled(FIRST, CEILING, attempt - 1)
