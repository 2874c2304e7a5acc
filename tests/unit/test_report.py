"""What the server is told of links: differences of totals, in its own units."""

from dataclasses import replace

from client_py.core.ports import LinkStats
from client_py.core.report import Reporter
from protocol.messages import LinkSample, ParticipantId, ReportStats

BO, EVA = ParticipantId("bo"), ParticipantId("eva")
BEFORE = LinkStats(
    timestamp=100.0,
    packets_received=1000,
    packets_lost=50,
    bytes_received=10_000,
    frames_decoded=500,
    round_trip_time=9.0,
    bytes_sent=20_000,
    freezes=1,
    width=320,
    height=180,
)
AFTER = LinkStats(
    timestamp=110.0,
    packets_received=1900,
    packets_lost=150,
    bytes_received=1_010_000,
    frames_decoded=750,
    round_trip_time=0.05,
    bytes_sent=520_000,
    freezes=3,
    width=1280,
    height=720,
    connection="relay",
    transport="tls",
)
SAMPLE = LinkSample(
    peer=BO,
    rtt=0.05,
    loss=0.1,
    up=400_000.0,
    down=800_000.0,
    freezes=2,
    width=1280,
    height=720,
    fps=25.0,
    connection="relay",
    transport="tls",
)


def test_a_report_tells_what_was_between_two_looks() -> None:
    reporter = Reporter()
    reporter.look({BO: BEFORE})
    assert reporter.report({BO: AFTER}) == ReportStats((SAMPLE,))


def test_looks_between_two_reports_take_nothing_away() -> None:
    reporter = Reporter()
    reporter.look({BO: BEFORE})
    reporter.look({BO: replace(BEFORE, timestamp=105.0, packets_received=1500)})
    assert reporter.report({BO: AFTER}) == ReportStats((SAMPLE,))


def test_each_report_begins_where_the_one_before_ended() -> None:
    reporter = Reporter()
    reporter.look({BO: BEFORE})
    reporter.report({BO: AFTER})
    quiet = replace(SAMPLE, loss=0.0, up=0.0, down=0.0, freezes=0, fps=0.0)
    later = replace(AFTER, timestamp=120.0)
    assert reporter.report({BO: later}) == ReportStats((quiet,))


def test_a_link_that_is_new_waits_for_its_second_look() -> None:
    reporter = Reporter()
    reporter.look({BO: BEFORE})
    assert reporter.report({BO: AFTER, EVA: AFTER}) == ReportStats((SAMPLE,))
    assert Reporter().report({BO: AFTER}) is None
    assert Reporter().report({}) is None


def test_a_link_that_was_made_anew_begins_anew() -> None:
    reporter = Reporter()
    reporter.look({BO: AFTER})
    again = replace(BEFORE, timestamp=120.0)
    reporter.look({BO: again})
    after = replace(AFTER, timestamp=130.0)
    assert reporter.report({BO: after}) == ReportStats((SAMPLE,))


def test_who_left_and_came_back_is_new() -> None:
    reporter = Reporter()
    reporter.look({BO: BEFORE})
    reporter.look({})
    assert reporter.report({BO: AFTER}) is None


def test_totals_that_fall_are_no_negative_numbers() -> None:
    """Late packets lower the total of the lost (RFC 3550 §6.4.1)."""
    reporter = Reporter()
    reporter.look({BO: BEFORE})
    fewer = replace(AFTER, packets_lost=40, freezes=0, frames_decoded=0)
    expected = replace(SAMPLE, loss=0.0, freezes=0, fps=0.0)
    assert reporter.report({BO: fewer}) == ReportStats((expected,))
