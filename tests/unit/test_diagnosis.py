"""What people read of their links."""

import pytest

from client_py.browser import diagnosis
from client_py.core.state import Attempt, Cause, Connection, Pair, Participant, Quality
from tests.unit.people import ANN, BEN, CAT, ME

PEOPLE = (
    Participant(ME, "Me", me=True),
    Participant(ANN, "Ann"),
    Participant(BEN, "Ben"),
    Participant(CAT, "Cat"),
)
NAMES = diagnosis.names(PEOPLE)


def ann(
    connection: Connection = Connection.CONNECTED,
    attempt: Attempt = Attempt.NOTHING,
    cause: Cause = Cause.NONE,
    quality: Quality = Quality.EXCELLENT,
) -> Participant:
    return Participant(
        ANN, "Ann", connection=connection, attempt=attempt, cause=cause, quality=quality
    )


@pytest.mark.parametrize(
    ("pair", "sentence"),
    [
        (
            Pair(ANN, BEN, Connection.RECONNECTING, Attempt.RELAY),
            "Ann and Ben can’t reach each other: trying a relay",
        ),
        (
            Pair(ME, BEN, Connection.UNREACHABLE, Attempt.ANEW),
            "You and Ben can’t reach each other: connecting anew",
        ),
        (
            Pair(ANN, BEN, Connection.UNREACHABLE),
            "Ann and Ben can’t reach each other",
        ),
    ],
)
def test_pair_without_a_line_is_named_with_what_is_tried(pair, sentence) -> None:
    assert diagnosis.pair(pair, NAMES) == sentence


def test_one_line_tells_of_all_pairs() -> None:
    assert diagnosis.short([]) == ""
    assert diagnosis.short(["Ann and Ben …"]) == "Ann and Ben …"
    assert diagnosis.short(["a", "b", "c"]) == "3 pairs can’t reach each other"


@pytest.mark.parametrize(
    ("person", "words"),
    [
        (ann(), ""),
        (ann(Connection.CONNECTING), ""),
        (ann(Connection.RECONNECTING, Attempt.WAY), "Looking for another way…"),
        (
            ann(Connection.RECONNECTING, cause=Cause.AWAY),
            "Ann is offline, or their device is asleep.",
        ),
        (
            ann(Connection.UNREACHABLE, Attempt.RELAY, Cause.UDP_BLOCKED),
            "Your network blocks UDP. The relay can be reached over TCP, and is tried. "
            "Trying a relay…",
        ),
    ],
)
def test_tile_tells_why_and_what_is_tried(person: Participant, words: str) -> None:
    assert diagnosis.detail(person) == words


def test_every_cause_and_every_attempt_has_words_of_its_own() -> None:
    causes = [diagnosis.reason(ann(cause=each)) for each in Cause]
    assert len(set(causes)) == len(causes)
    assert [each for each in causes if "{" in each] == []
    attempts = [diagnosis.trying(ann(attempt=each)) for each in Attempt]
    assert len(set(attempts)) == len(attempts)


@pytest.mark.parametrize(
    ("person", "word"),
    [
        (ann(), "Excellent"),
        (ann(quality=Quality.LOST), "Very poor"),
        (ann(Connection.CONNECTING), "Connecting"),
        (ann(Connection.RECONNECTING, quality=Quality.LOST), "Reconnecting"),
        (ann(Connection.UNREACHABLE), "Can’t be reached"),
    ],
)
def test_state_of_a_link_is_a_word_or_two(person: Participant, word: str) -> None:
    assert diagnosis.state(person) == word


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (diagnosis.way("direct", "udp"), "Direct, over UDP"),
        (diagnosis.way("direct", "unknown"), "Direct"),
        (diagnosis.way("relay", "tls"), "Over a relay, by TLS"),
        (diagnosis.way("relay", "unknown"), "Over a relay"),
        (diagnosis.way("unknown", "unknown"), "Not known yet"),
        (diagnosis.rate(0.0), "0 kbit/s"),
        (diagnosis.rate(812_400.0), "812 kbit/s"),
        (diagnosis.rate(999_499.0), "999 kbit/s"),
        (diagnosis.rate(999_500.0), "1.0 Mbit/s"),
        (diagnosis.rate(1_740_000.0), "1.7 Mbit/s"),
        (diagnosis.percent(0.0), "0.0 %"),
        (diagnosis.percent(0.0004), "under 0.1 %"),
        (diagnosis.percent(0.034), "3.4 %"),
        (diagnosis.milliseconds(0.0424), "42 ms"),
        (diagnosis.picture(640, 360, 24.6), "640 × 360, 25 frames/s"),
        (diagnosis.picture(0, 0, 0.0), "none"),
        (diagnosis.picture(640, 360, 0.0), "none"),  # it is off now
        (diagnosis.candidate("srflx"), "address outside a router"),
        (diagnosis.candidate(""), "not known"),
    ],
)
def test_numbers_are_written_as_people_write_them(said: str, words: str) -> None:
    assert said == words
