"""Who sends only what can't be opened is told of; nobody else is, ever."""

import pytest

from client_py.core.doubt import LOOKS, Came, Doubt
from client_py.core.slot import Slot

MIC, CAM = Slot.MICROPHONE, Slot.CAMERA


def looks(steps, slot=CAM):
    """Return what is said look after look, of steps of (opened, refused)."""
    doubt, opened, refused, said = Doubt(), 0, 0, []
    for more, less in steps:
        opened, refused = opened + more, refused + less
        said.append(doubt.look([Came(slot, opened, refused)]))
    return said


@pytest.mark.parametrize("slot", Slot)
def test_frames_that_nobody_can_open_are_told_of_after_some_looks(slot):
    assert looks([(0, 20)] * 4, slot) == [False] * (LOOKS - 1) + [True] * 2


def test_one_slot_is_enough():
    doubt = Doubt()
    said = [
        doubt.look([Came(MIC, 50 * n, 0), Came(CAM, 20, 20 * n)]) for n in range(1, 6)
    ]
    assert said[-1] is True


@pytest.mark.parametrize(
    "steps",
    [
        [(20, 0)] * 9,
        [(0, 0)] * 9,  # a camera that is off
        [(20, 2)] * 9,  # parts of frames, on a bad line
        [(0, 2)] * 9,
        [(20, 0), (0, 20), (20, 0)] * 3,  # keys that came late
        [(0, 20), (0, 20), (20, 0)] * 3,
    ],
)
def test_what_is_only_late_or_lost_is_never_told_of(steps):
    assert not any(looks(steps))


def test_it_is_forgotten_slowly():
    told = looks([(0, 20)] * LOOKS + [(20, 0)] * LOOKS)
    assert told[-LOOKS:] == [True] * (LOOKS - 1) + [False]


def test_who_sends_some_frames_right_again_has_to_go_on_so():
    told = looks([(0, 20)] * LOOKS + [(20, 0), (0, 20)] * 5)
    assert all(told[LOOKS:])


def test_who_switches_off_is_forgotten_too():
    assert looks([(0, 20)] * 9 + [(0, 0)] * LOOKS)[-1] is False


def test_another_connection_begins_with_totals_of_its_own():
    doubt = Doubt()
    doubt.look([Came(CAM, 900, 0)])
    assert [doubt.look([Came(CAM, 0, 5 * n)]) for n in (1, 2, 3)] == [
        False,
        False,
        True,
    ]
