"""What a graph of a link is drawn from."""

from client_py.core.history import LENGTH, History, Reading
from client_py.core.ports import LinkStats

BEFORE = LinkStats(10.0, packets_received=100, bytes_received=1000, bytes_sent=500)
AFTER = LinkStats(
    12.0,
    packets_received=190,
    packets_lost=10,
    bytes_received=26000,
    frames_decoded=50,
    jitter=0.004,
    round_trip_time=0.05,
    bytes_sent=25500,
    freezes=2,
    frames_sent=30,
)


def test_reading_tells_of_the_time_between_two_looks() -> None:
    history = History()
    history.add(BEFORE)
    assert (history.readings, history.latest) == ((), BEFORE)
    history.add(AFTER)
    assert history.latest == AFTER
    assert history.readings == (
        Reading(
            at=12.0,
            round_trip=0.05,
            jitter=0.004,
            loss=0.1,
            down=100_000.0,
            up=100_000.0,
            frame_rate=25.0,
            sent_rate=15.0,
            freezes=2,
        ),
    )
    assert history.freezes == 2


def test_same_look_twice_gives_no_reading() -> None:
    history = History()
    history.add(BEFORE)
    history.add(BEFORE)
    assert history.readings == ()


def test_new_connection_goes_on_where_the_old_one_ended() -> None:
    history = History()
    for stats in (BEFORE, AFTER, LinkStats(13.0), LinkStats(14.0, bytes_received=125)):
        history.add(stats)
    assert [(each.at, each.down) for each in history.readings] == [
        (12.0, 100_000.0),
        (14.0, 1000.0),
    ]


def test_packets_that_come_late_are_not_lost() -> None:
    history = History()
    history.add(AFTER)
    history.add(
        LinkStats(
            13.0,
            packets_received=300,
            packets_lost=5,
            bytes_received=26000,
            bytes_sent=25500,
        )
    )
    assert [each.loss for each in history.readings] == [0.0]


def test_two_minutes_are_kept() -> None:
    history = History()
    for second in range(LENGTH + 50):
        history.add(LinkStats(float(second)))
    readings = history.readings
    assert (len(readings), readings[0].at) == (LENGTH, 50.0)
