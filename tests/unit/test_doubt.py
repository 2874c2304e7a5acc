"""Who sends only what can't be shown is told of; nobody else is, ever."""

import pytest

from client_py.core.doubt import LOOKS, Came, Doubt
from client_py.core.slot import Slot
from client_py.core.state import Cause

MIC, CAM = Slot.MICROPHONE, Slot.CAMERA
NONE, UNREADABLE, REPEATED = Cause.NONE, Cause.UNREADABLE, Cause.REPEATED


def looks(steps, slot=CAM):
    """Return what is said look after look, of steps of (opened, refused, repeated)."""
    doubt, totals, said = Doubt(), [0, 0, 0], []
    for step in steps:
        for place, more in enumerate(step):
            totals[place] += more
        said.append(doubt.look([Came(slot, *totals)]))
    return said


@pytest.mark.parametrize("slot", Slot)
@pytest.mark.parametrize(
    ("step", "fault"), [((0, 20), UNREADABLE), ((0, 0, 20), REPEATED)]
)
def test_frames_that_cannot_be_shown_are_told_of_after_some_looks(slot, step, fault):
    assert looks([step] * 4, slot) == [NONE] * (LOOKS - 1) + [fault] * 2


def test_one_slot_is_enough():
    doubt = Doubt()
    said = [
        doubt.look([Came(MIC, 50 * n, 0), Came(CAM, 20, 20 * n)]) for n in range(1, 6)
    ]
    assert said[-1] is UNREADABLE


@pytest.mark.parametrize(
    "steps",
    [
        [(20, 0)] * 9,
        [(0, 0)] * 9,  # a camera that is off
        [(20, 2)] * 9,  # parts of frames, on a bad line
        [(0, 2)] * 9,
        [(20, 0), (0, 20), (20, 0)] * 3,  # keys that came late
        [(0, 20), (0, 20), (20, 0)] * 3,
        [(20, 0, 20)] * 9,  # frames that a browser repeats
        [(20, 0), (0, 0, 4), (0, 0, 4)] * 3,  # of a camera that is off again
        [(0, 0, 4)] * 9,
        [(1, 0, 90)] * 9,
    ],
)
def test_what_is_only_late_or_lost_is_never_told_of(steps):
    assert set(looks(steps)) == {NONE}


@pytest.mark.parametrize("step", [(0, 20), (0, 0, 20)])
def test_it_is_forgotten_slowly(step):
    told = looks([step] * LOOKS + [(20, 0)] * LOOKS)
    assert NONE not in told[-LOOKS:-1]
    assert told[-1] is NONE


def test_who_repeats_frames_as_browsers_do_is_forgotten_all_the_same():
    assert looks([(0, 0, 20)] * LOOKS + [(20, 0, 2)] * LOOKS)[-1] is NONE


@pytest.mark.parametrize(
    ("step", "fault"), [((0, 20), UNREADABLE), ((0, 0, 20), REPEATED)]
)
def test_who_sends_some_frames_right_again_has_to_go_on_so(step, fault):
    told = looks([step] * LOOKS + [(20, 0), step] * 5)
    assert set(told[LOOKS:]) == {fault}


def test_who_switches_off_is_forgotten_too():
    assert looks([(0, 20)] * 9 + [(0, 0)] * LOOKS)[-1] is NONE
    assert looks([(0, 0, 20)] * 9 + [(0, 0)] * LOOKS)[-1] is NONE


@pytest.mark.parametrize("before", [Came(CAM, 900, 0), Came(CAM, 0, 0, 900)])
def test_another_connection_begins_with_totals_of_its_own(before):
    doubt = Doubt()
    doubt.look([before])
    assert [doubt.look([Came(CAM, 0, 5 * n)]) for n in (1, 2, 3)] == [
        NONE,
        NONE,
        UNREADABLE,
    ]
