"""What a look at one link says."""

from dataclasses import replace

import pytest

from client_py.core.encoding import AUDIO, CAMERA
from client_py.core.line import Line
from client_py.core.outgoing import Outgoing
from client_py.core.pace import PATIENCE, Sign

MEANT = AUDIO + 500_000
START = Outgoing(
    timestamp=100.0, packets=1000, size=1_000_000, trip=0.05, available=2e6
)
NEXT = Outgoing(
    timestamp=101.0,
    packets=1100,
    size=1_000_000 + MEANT // 8,
    trip=0.05,
    available=2_000_000.0,
    frames=25,
    encode_time=0.2,
    source_rate=25.0,
    limited="none",
)
SLOW = replace(NEXT, available=200_000.0, size=1_000_000 + 25_000)


def look(now: Outgoing, before: Outgoing = START, meant: int = MEANT) -> Line:
    line = Line()
    line.look(before, meant, 25)
    line.look(now, meant, 25)
    return line


@pytest.mark.parametrize(
    ("now", "sign", "dire"),
    [
        (NEXT, Sign.GOOD, False),
        (replace(NEXT, lost=10), Sign.GOOD, False),  # 10 %: codecs bear it
        (replace(NEXT, lost=15), Sign.BAD, False),
        (replace(NEXT, lost=30), Sign.BAD, True),
        (replace(NEXT, packets=1010, lost=5), Sign.GOOD, False),  # too few to say
        (replace(NEXT, trip=0.34), Sign.GOOD, False),
        (replace(NEXT, trip=0.36), Sign.BAD, False),
        (replace(NEXT, trip=1.06), Sign.BAD, True),
        (SLOW, Sign.BAD, False),
        (replace(SLOW, available=60_000.0), Sign.BAD, True),
        (replace(SLOW, available=500_000.0), Sign.GOOD, False),
        (replace(SLOW, size=1_010_000), Sign.GOOD, False),  # the picture needs no more
        (replace(SLOW, available=0.0), Sign.GOOD, False),  # Firefox doesn't tell
    ],
)
def test_look_tells_whether_the_way_carries_what_is_meant(
    now: Outgoing, sign: Sign, dire: bool
) -> None:
    line = look(now)
    assert (line.sign, line.dire) == (sign, dire)


def test_estimate_that_still_rises_is_no_sign_of_trouble_until_it_falls() -> None:
    line = look(SLOW, replace(START, available=190_000.0))
    assert line.sign is Sign.GOOD
    later = replace(SLOW, timestamp=102.0, size=1_050_000, available=180_000.0)
    line.look(later, MEANT, 25)
    assert line.sign is Sign.BAD
    later = replace(later, timestamp=103.0, size=1_075_000, available=195_000.0)
    line.look(later, MEANT, 25)
    assert line.sign is Sign.BAD


def test_sound_alone_is_not_starved() -> None:
    assert look(replace(SLOW, available=30_000.0), meant=AUDIO).sign is Sign.GOOD


@pytest.mark.parametrize(
    "now",
    [
        replace(SLOW, timestamp=100.0),
        replace(SLOW, size=10, packets=1),
        replace(SLOW, packets=10),
    ],
)
def test_way_that_is_new_is_not_judged(now: Outgoing) -> None:
    line = look(replace(now, lost=1000))
    assert (line.sign, line.dire, line.busy) == (Sign.GOOD, False, False)


@pytest.mark.parametrize(
    ("now", "busy"),
    [
        (NEXT, False),
        (replace(NEXT, limited="cpu"), True),
        (replace(NEXT, limited="bandwidth"), False),
        (replace(SLOW, limited="cpu"), False),  # it is the way, whatever the name
        (replace(NEXT, limited="", frames=25, encode_time=0.9), False),
        (replace(NEXT, limited="", frames=15, encode_time=0.9), True),
        (replace(NEXT, limited="", frames=15, encode_time=0.3), False),
        (replace(NEXT, limited="", frames=0, encode_time=0.9), False),
        # A camera that gives 15 is not missing 10.
        (replace(NEXT, limited="", frames=15, encode_time=0.9, source_rate=15), False),
    ],
)
def test_machine_that_is_too_slow_is_told_from_a_way_that_is(
    now: Outgoing, busy: bool
) -> None:
    assert look(now).busy is busy


def fall(line: Line, used: int, *, dire: bool = False, looks: int = 2) -> int:
    """Let bad looks follow; return the limit."""
    line.sign, line.dire = Sign.BAD, dire
    for _ in range(looks):
        line.step(used)
    return line.limit


def test_fall_goes_from_what_is_sent_one_rung_at_a_time() -> None:
    line = Line()
    assert [fall(line, 4), fall(line, 3), fall(line, 2)] == [3, 2, 1]


def test_camera_goes_off_only_when_it_is_dire_for_long() -> None:
    line = Line()
    assert fall(line, 1, looks=20) == len(CAMERA)
    assert fall(line, 1, dire=True, looks=4) == len(CAMERA)
    assert fall(line, 1, looks=2) == len(CAMERA)  # it was a moment's trouble
    assert fall(line, 1, dire=True, looks=4) == len(CAMERA)
    assert fall(line, 1, dire=True, looks=2) == 0


def test_who_sends_no_picture_is_not_to_blame() -> None:
    line = Line()
    assert fall(line, 0, dire=True, looks=20) == len(CAMERA)


def test_camera_comes_back_by_itself() -> None:
    line = Line()
    fall(line, 1, dire=True, looks=6)
    line.sign, line.dire = Sign.GOOD, False
    limits = []
    for _ in range(PATIENCE):
        line.step(0)
        limits.append(line.limit)
    assert limits == [0] * (PATIENCE - 1) + [1]


def test_limit_rises_only_where_it_is_what_limits() -> None:
    line = Line()
    fall(line, 5)
    line.sign = Sign.GOOD
    for _ in range(100):
        line.step(2)
    assert line.limit == 4
    for _ in range(PATIENCE):
        line.step(4)
    assert line.limit == 5
