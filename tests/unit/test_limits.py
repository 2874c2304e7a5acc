"""Buckets and counters, by a clock that goes when it is told to."""

import pytest

from protocol import messages as m
from server.limits import (
    RATES,
    REFUSALS,
    SHORT,
    VOLUME,
    Allowance,
    Bucket,
    Buckets,
    Counter,
    Kind,
    Rate,
    Verdict,
    kind_of,
)

CHAT = m.Chat(m.ParticipantId("line"), "hola")
SIGNAL = m.Signal(m.ParticipantId("bo"), 1, {})


def test_a_bucket_gives_its_burst_at_once_and_then_its_rate():
    bucket = Bucket(Rate(2, 3), now=100.0)
    assert [bucket.take(100.0) for _ in range(3)] == [0, 0, 0]
    assert bucket.take(100.0) == pytest.approx(0.5)
    assert bucket.take(100.25) == pytest.approx(0.25)
    assert bucket.take(100.5) == 0
    assert bucket.take(100.5) > 0


def test_a_bucket_that_was_left_alone_holds_its_burst_and_no_more():
    bucket = Bucket(Rate(2, 3), now=0.0)
    assert [bucket.take(1e6) > 0 for _ in range(4)] == [False, False, False, True]


def test_a_clock_that_goes_back_gives_nothing():
    bucket = Bucket(Rate(1, 1), now=100.0)
    assert bucket.take(100.0) == 0
    assert bucket.take(50.0) == pytest.approx(1)
    assert bucket.take(50.5) > 0


def test_what_was_refused_costs_nothing():
    bucket = Bucket(Rate(1, 2), now=0.0)
    assert bucket.take(0.0, cost=3) > 0
    assert bucket.take(0.0, cost=2) == 0


def test_every_key_has_a_bucket_of_its_own():
    buckets = Buckets[str](Rate(1, 1))
    assert buckets.take("a", 0.0) == 0
    assert buckets.take("a", 0.0) > 0
    assert buckets.take("b", 0.0) == 0


def test_buckets_forget_the_key_that_was_not_seen_for_longest():
    buckets = Buckets[str](Rate(1, 1), keys=2)
    for key in ("a", "b", "a", "c"):
        buckets.take(key, 0.0)
    assert len(buckets) == 2
    assert buckets.take("a", 0.0) > 0  # still known
    assert buckets.take("b", 0.0) == 0  # known no more


def test_a_counter_lets_no_more_in_than_its_limit():
    counter = Counter[str](2)
    assert [counter.enter("a") for _ in range(3)] == [True, True, False]
    assert counter.enter("b")
    counter.leave("a")
    assert counter["a"] == 1
    assert counter.enter("a")
    assert not counter.enter("a")


def test_a_counter_keeps_nothing_of_who_is_gone():
    counter = Counter[str](1)
    counter.enter("a")
    counter.leave("a")
    assert counter["a"] == 0
    with pytest.raises(KeyError):
        counter.leave("a")


@pytest.mark.parametrize(
    ("message", "size", "kind"),
    [
        (CHAT, 100, Kind.CHAT),
        (SIGNAL, SHORT, Kind.CANDIDATE),
        (SIGNAL, SHORT + 1, Kind.DESCRIPTION),
        (m.Ping(1), 20, Kind.PING),
        (m.SetHand(True), 20, Kind.STATE),
        (m.SetMedia(m.MediaState()), 20, Kind.STATE),
        (m.React("🎉"), 20, Kind.STATE),
        (m.Leave(), 20, Kind.STATE),
        (m.ReportStats(()), 20, Kind.STATISTICS),
        (m.ReportLinks(()), 20, Kind.LINKS),
    ],
)
def test_every_message_counts_for_its_kind(message, size, kind):
    assert kind_of(message, size) is kind


@pytest.mark.parametrize(
    ("message", "size"),
    [
        (CHAT, 9),
        (SIGNAL, 9),
        (SIGNAL, 9000),
        (m.Ping(1), 9),
        (m.ReportStats(()), 9),
        (m.ReportLinks(()), 9),
    ],
)
def test_a_kind_is_refused_after_its_burst_and_heard_again_later(message, size):
    allowance = Allowance(0.0)
    rate = RATES[kind_of(message, size)]
    for _ in range(int(rate.burst)):
        assert allowance.ask(0.0, message, size) is Verdict.HEARD
    assert allowance.ask(0.0, message, size) is Verdict.REFUSED
    assert allowance.ask(1 / rate.per_second, message, size) is Verdict.HEARD


def test_one_kind_takes_nothing_from_another():
    allowance = Allowance(0.0)
    while allowance.ask(0.0, CHAT, 9) is Verdict.HEARD:
        pass
    assert allowance.ask(0.0, SIGNAL, 9) is Verdict.HEARD


def test_a_mebibyte_a_minute_is_heard_and_no_more():
    allowance = Allowance(0.0)
    assert allowance.hear(0.0, int(VOLUME.burst)) is Verdict.HEARD
    assert allowance.hear(0.0, 1000) is Verdict.REFUSED
    assert allowance.hear(30.0, 2**19) is Verdict.HEARD
    assert allowance.hear(30.0, 1000) is Verdict.REFUSED


def test_who_goes_on_is_closed_and_who_is_refused_seldom_is_not():
    flood, seldom = Allowance(0.0), Allowance(0.0)
    often = int(RATES[Kind.CHAT].burst + REFUSALS.burst)
    verdicts = [flood.ask(0.0, CHAT, 9) for _ in range(often)]
    assert verdicts[-1] is Verdict.REFUSED
    assert flood.ask(0.0, CHAT, 9) is Verdict.ENOUGH
    for second in range(100):
        said = [seldom.ask(second, CHAT, 9) for _ in range(6)]
        assert Verdict.ENOUGH not in said


def test_a_scale_grants_that_much_more():
    allowance = Allowance(0.0, scale=10)
    for _ in range(100):
        assert allowance.ask(0.0, CHAT, 9) is Verdict.HEARD
    assert allowance.ask(0.0, CHAT, 9) is Verdict.REFUSED


def test_what_a_person_does_is_never_refused():
    """Eight people: seven offers, their candidates, and a lively conversation."""
    allowance = Allowance(0.0)
    now = 0.0
    said = [(SIGNAL, 8000)] * 7 + [(SIGNAL, 300)] * 7 * 30
    said += [(m.SetMedia(m.MediaState()), 99)] * 4
    for message, size in said:
        assert allowance.hear(now, size) is Verdict.HEARD
        assert allowance.ask(now, message, size) is Verdict.HEARD
    for _ in range(600):
        now += 1.0
        for message in (CHAT, m.React("🎉"), m.SetHand(True)):
            assert allowance.hear(now, 500) is Verdict.HEARD
            assert allowance.ask(now, message, 500) is Verdict.HEARD


def test_who_comes_back_has_what_they_had_left_and_the_time_since():
    allowance = Allowance(0.0)
    chat = m.Chat(m.ParticipantId("c"), "hola")
    rate = RATES[Kind.CHAT]
    for _ in range(int(rate.burst)):
        assert allowance.ask(0.0, chat, 10) is Verdict.HEARD
    allowance.catch_up(2.0)
    said = [allowance.ask(2.0, chat, 10) for _ in range(int(2 * rate.per_second) + 1)]
    assert said[:-1] == [Verdict.HEARD] * int(2 * rate.per_second)
    assert said[-1] is Verdict.REFUSED


def test_a_short_cut_after_a_long_one_grants_no_more_than_its_own_time():
    allowance = Allowance(0.0)
    chat = m.Chat(m.ParticipantId("c"), "hola")
    rate = RATES[Kind.CHAT]
    allowance.catch_up(10.0)
    assert allowance.ask(10.0, chat, 10) is Verdict.HEARD
    allowance.catch_up(0.0)
    said = [allowance.ask(100.0, chat, 10) for _ in range(int(rate.burst) + 1)]
    assert said == [*[Verdict.HEARD] * int(rate.burst), Verdict.REFUSED]
