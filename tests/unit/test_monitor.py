"""Looks at links whose totals a test sets."""

from client_py.core.errors import NegotiationError
from client_py.core.look import Look
from client_py.core.monitor import Monitor, Pulse
from client_py.core.ports import LinkStats
from client_py.core.state import Quality
from protocol.messages import LinkSample, ReportStats
from tests.unit.people import ANN, BEN


class Meter:
    """A link that tells what it is told to."""

    def __init__(self, stats: LinkStats) -> None:
        self.stats = stats
        self.closed = False

    async def __call__(self) -> LinkStats:
        if self.closed:
            raise NegotiationError("the connection is closed")
        return self.stats


FIRST = LinkStats(1.0, bytes_received=100, heard=100)
SECOND = LinkStats(
    3.0, bytes_received=1100, heard=1200, connection="relay", transport="tcp"
)


async def test_look_tells_how_every_link_is() -> None:
    monitor, ann, ben = Monitor(), Meter(FIRST), Meter(LinkStats(1.0))
    monitor.watch(ANN, ann)
    monitor.watch(BEN, ben)
    assert await monitor.look() == {ANN: Look(missed=0), BEN: Look()}
    ann.stats = SECOND
    ben.stats = LinkStats(2.0, packets_lost=100)
    assert await monitor.look() == {
        ANN: Look(Quality.EXCELLENT, 0, "relay", "tcp"),
        BEN: Look(Quality.POOR),
    }


async def test_link_that_is_closed_hides_no_other() -> None:
    monitor, ann = Monitor(), Meter(FIRST)
    monitor.watch(ANN, ann)
    monitor.watch(BEN, Meter(FIRST))
    ann.closed = True
    assert list(await monitor.look()) == [BEN]


async def test_link_that_is_replaced_in_the_middle_of_a_look_is_not_shown() -> None:
    monitor = Monitor()

    async def replaced() -> LinkStats:
        monitor.leave(ANN)
        monitor.watch(ANN, Meter(FIRST))
        return SECOND

    monitor.watch(ANN, replaced)
    assert await monitor.look() == {}
    assert list(await monitor.look()) == [ANN]


async def test_history_outlives_a_connection_but_not_the_person() -> None:
    monitor, first = Monitor(), Meter(FIRST)
    monitor.watch(ANN, first)
    await monitor.look()
    first.stats = SECOND
    await monitor.look()
    monitor.leave(ANN)
    monitor.watch(ANN, Meter(LinkStats(4.0)))
    await monitor.look()
    history = monitor.history(ANN)
    assert history is not None
    assert [each.at for each in history.readings] == [3.0]
    monitor.leave(ANN)
    await monitor.look()
    assert monitor.history(ANN) is None


async def test_report_covers_the_time_since_the_one_before() -> None:
    monitor, ann = Monitor(), Meter(FIRST)
    monitor.watch(ANN, ann)
    await monitor.look()
    assert monitor.report() is None
    ann.stats = SECOND
    await monitor.look()
    assert monitor.report() == ReportStats(
        (LinkSample(ANN, down=4000.0, connection="relay", transport="tcp"),)
    )


def test_pulse_counts_the_looks_since_something_came() -> None:
    pulse = Pulse()
    totals = (None, 0, 10, 10, 10, 11, 11, 5, 6)
    assert [pulse.take(each) for each in totals] == [
        None,  # the platform can't tell
        None,  # nothing came yet
        0,
        1,
        2,
        0,
        1,
        2,  # ways that were given up are counted no more: nothing came
        0,
    ]
