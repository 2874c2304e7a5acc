import pytest

from client_py.core.ports import LinkStats
from client_py.core.quality import QualityMeter, link_score
from client_py.core.state import Quality

NOTHING = LinkStats(0.0)


def after(
    received: int, lost: int = 0, jitter: float = 0.0, trip: float = 0.0
) -> LinkStats:
    return LinkStats(
        2.0,
        packets_received=received,
        packets_lost=lost,
        jitter=jitter,
        round_trip_time=trip,
    )


@pytest.mark.parametrize(
    ("stats", "score"),
    [
        (after(1000), 100.0),
        (after(990, 10), 90.0),  # ten points for each percent lost
        (after(950, 50), 50.0),
        (after(900, 100), 0.0),
        (after(0, 100), 0.0),  # all of it
        (after(0), 100.0),  # nobody sends
        (after(1000, trip=0.08), 99.0),  # 40 ms one way: a point
        (after(1000, trip=0.64), 80.0),  # 320 ms one way: 20 points
        (after(1000, jitter=0.08), 96.0),  # counts twice
        (after(990, 10, trip=0.08), 89.0),
        (after(10, 990, jitter=1.0, trip=3.0), 0.0),  # never below nought
    ],
)
def test_loss_and_delay_cost_points(stats: LinkStats, score: float) -> None:
    assert link_score(NOTHING, stats) == pytest.approx(score)


def test_only_what_came_between_two_looks_counts() -> None:
    assert link_score(after(100, 100), after(1100, 100)) == 100.0


def test_loss_that_is_taken_back_costs_nothing() -> None:
    """Late packets lower the total of the lost (RFC 3550 §6.4.1)."""
    assert link_score(after(100, 50), after(1100, 40)) == 100.0


def test_totals_that_begin_anew_cost_nothing() -> None:
    assert link_score(after(1000, 50), NOTHING) == 100.0


def test_first_look_is_excellent_whatever_was_before() -> None:
    assert QualityMeter().score(after(10, 1000)) is Quality.EXCELLENT


def trail(*looks: tuple[int, int], meter: QualityMeter | None = None) -> list[Quality]:
    """Feed a meter with what came and was lost between looks."""
    meter = meter or QualityMeter()
    received = lost = 0
    meter.score(NOTHING)
    words = []
    for more_received, more_lost in looks:
        received, lost = received + more_received, lost + more_lost
        words.append(meter.score(after(received, lost)))
    return words


GOOD, BAD = (1000, 0), (900, 100)


def test_quality_falls_at_once_and_rises_slowly() -> None:
    # 100 → 20 → 4 → 42 → 65 → 79 → 87
    assert trail(BAD, BAD, GOOD, GOOD, GOOD, GOOD) == [
        Quality.POOR,
        Quality.LOST,
        Quality.GOOD,
        Quality.GOOD,
        Quality.GOOD,
        Quality.EXCELLENT,
    ]


@pytest.mark.parametrize(
    ("lost", "word"),
    [
        (0, Quality.EXCELLENT),
        (19, Quality.EXCELLENT),
        (21, Quality.GOOD),
        (59, Quality.GOOD),
        (61, Quality.POOR),
        (79, Quality.POOR),
        (81, Quality.LOST),
        (1000, Quality.LOST),
    ],
)
def test_steady_loss_settles_at_its_word(lost: int, word: Quality) -> None:
    assert trail(*[(1000 - lost, lost)] * 30)[-1] is word


@pytest.mark.parametrize(("begin", "then"), [(GOOD, BAD), (BAD, GOOD)])
def test_smoothing_never_swings(begin: tuple[int, int], then: tuple[int, int]) -> None:
    order = list(Quality)
    words = [order.index(each) for each in trail(*[begin] * 20, *[then] * 20)]
    turned = words[19:]
    assert turned in (sorted(turned), sorted(turned, reverse=True))
    assert {turned[0], turned[-1]} == {0, 3}
