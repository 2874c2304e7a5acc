"""The score of a link, by the table, and the words that it comes to."""

import pytest

from client_py.core.ports import LinkStats
from client_py.core.quality import QualityMeter, link_score
from client_py.core.state import Quality

NOTHING = LinkStats(0.0)


def after(
    received: int = 0,
    lost: int = 0,
    jitter: float = 0.0,
    trip: float = 0.0,
    *,
    sound: int = 0,
    sound_lost: int = 0,
    frozen: float = 0.0,
    at: float = 2.0,
) -> LinkStats:
    """Return totals; ``received`` and ``lost`` are those of the picture."""
    return LinkStats(
        at,
        packets_received=received + sound,
        packets_lost=lost + sound_lost,
        audio_received=sound,
        audio_lost=sound_lost,
        jitter=jitter,
        round_trip_time=trip,
        frozen=frozen,
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
        (after(sound=985, sound_lost=15), 92.0),  # Opus mends a third of it
        (after(1000, sound=985, sound_lost=15), 92.0),
        (after(990, 10, sound=985, sound_lost=15), 90.0),  # the worse of the two
        (after(1000, frozen=0.2), 80.0),  # a tenth of the two seconds
        (after(1000, frozen=1.0), 0.0),
        (after(1000, frozen=5.0), 0.0),  # counted by another clock
        (after(1000, frozen=0.2, trip=0.08), 79.0),
    ],
)
def test_loss_delay_and_a_picture_that_stands_still_cost_points(
    stats: LinkStats, score: float
) -> None:
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


LOOK = (1000, 0)  # came and was lost between two looks


def trail(*looks: tuple[int, int]) -> list[Quality]:
    """Feed a meter once a second with what came and was lost."""
    meter = QualityMeter()
    received = lost = 0
    meter.score(NOTHING)
    words = []
    for second, (more_received, more_lost) in enumerate(looks, 1):
        received, lost = received + more_received, lost + more_lost
        words.append(meter.score(after(received, lost, at=float(second))))
    return words


def losing(percent: float, seconds: int) -> list[tuple[int, int]]:
    lost = round(10 * percent)
    return [(1000 - lost, lost)] * seconds


E, G, P, L = Quality


def row(*words: Quality) -> list[tuple[Quality, int]]:
    """Return words and how often each came in a row."""
    rows: list[tuple[Quality, int]] = []
    for word in words:
        if rows and rows[-1][0] is word:
            rows[-1] = (word, rows[-1][1] + 1)
        else:
            rows.append((word, 1))
    return rows


def test_ten_percent_lost_are_seen_within_three_seconds() -> None:
    words = trail(*[LOOK] * 10, *losing(10, 5))
    assert row(*words) == [(E, 11), (G, 2), (P, 1), (L, 1)]


def test_quality_rises_two_points_a_second_and_passes_no_word() -> None:
    words = trail(*losing(10, 20), *[LOOK] * 60)
    assert row(*words) == [(P, 1), (L, 30), (P, 10), (G, 20), (E, 19)]


@pytest.mark.parametrize(
    ("percent", "word"),
    [(0.0, E), (1.9, E), (2.1, G), (5.9, G), (6.1, P), (7.9, P), (8.1, L), (100.0, L)],
)
def test_steady_loss_settles_at_its_word(percent: float, word: Quality) -> None:
    assert trail(*losing(percent, 30))[-1] is word


def test_word_that_was_lost_comes_back_only_by_a_margin() -> None:
    """81 points would be excellent, had it not been worse before."""
    begin = losing(2.5, 20)
    assert trail(*begin, *losing(1.9, 60))[-1] is G
    assert trail(*begin, *losing(1.5, 60))[-1] is E


def test_every_other_second_bad_is_bad() -> None:
    words = trail(*(look for _ in range(20) for look in (LOOK, *losing(20, 1))))
    assert set(words[10:]) == {L}


def test_another_connection_is_not_blamed_for_the_one_before() -> None:
    meter = QualityMeter()
    meter.score(LinkStats(10.0, bytes_received=1000, packets_received=1000))
    meter.score(LinkStats(11.0, bytes_received=10, packets_received=10))
    assert meter.score(LinkStats(12.0, bytes_received=20, packets_received=20)) is E


@pytest.mark.parametrize(("begin", "then"), [(0.0, 10.0), (10.0, 0.0)])
def test_smoothing_never_swings(begin: float, then: float) -> None:
    order = list(Quality)
    words = [order.index(each) for each in trail(*losing(begin, 20), *losing(then, 60))]
    turned = words[19:]
    assert turned in (sorted(turned), sorted(turned, reverse=True))
    assert {turned[0], turned[-1]} == {0, 3}
