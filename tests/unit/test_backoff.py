import pytest

from client_py.core.backoff import CEILING, FIRST, next_delay

LAST = 0.999999  # what a generator of [0, 1) gives at most


def test_first_try_is_at_once() -> None:
    assert next_delay(0, LAST) == 0.0


@pytest.mark.parametrize(
    ("attempt", "ceiling"),
    [(1, 0.25), (2, 0.5), (3, 1.0), (4, 2.0), (5, 4.0), (6, 8.0), (7, 10.0)],
)
def test_ceiling_doubles_with_each_try(attempt: int, ceiling: float) -> None:
    assert next_delay(attempt, 0.5) == ceiling / 2


@pytest.mark.parametrize("attempt", [*range(1, 40), 10**3, 10**6])
def test_delay_is_anywhere_below_the_ceiling(attempt: int) -> None:
    assert next_delay(attempt, 0.0) == 0.0
    assert FIRST * LAST <= next_delay(attempt, LAST) < CEILING
