"""Frames that are encoded have to come by to be encrypted."""

import pytest

from client_py.core.slot import Slot
from client_py.core.watch import Watch

MIC, CAM = Slot.MICROPHONE, Slot.CAMERA


def looks(*totals):
    """Return what is found look after look, of totals of (encoded, came by)."""
    watch = Watch()
    return [watch.look({CAM: left}, {CAM: came}) for left, came in totals]


def test_frames_that_nobody_encrypted_are_found_in_their_slot():
    assert Watch().look({MIC: 50, CAM: 30}, {MIC: 50}) == [CAM]


@pytest.mark.parametrize("passed", [1, 29, 30, 31])
def test_frames_on_their_way_are_no_plain_ones(passed):
    assert looks((30, passed)) == [[]]


def test_a_slot_that_sends_nothing_is_at_rest():
    assert looks(*[(30, 30)] * 4) == [[]] * 4


def test_a_transform_that_is_lost_on_the_way_is_found_at_the_second_look():
    assert looks((30, 30), (60, 60), (90, 70), (120, 70), (150, 70)) == [
        [],
        [],
        [],  # some came by since the last look
        [],  # perhaps only late
        [CAM],
    ]


def test_a_few_frames_are_no_proof_until_there_are_more():
    assert looks((30, 30), (32, 30), (34, 30), (60, 30)) == [[], [], [], [CAM]]


def test_a_slow_picture_in_plain_is_found_once_enough_of_it_left():
    slow = [(30 + each, 30) for each in range(9)]
    assert looks(*slow) == [[]] * 6 + [[CAM]] + [[]] * 2


def test_a_slow_picture_that_comes_by_is_no_plain_one():
    assert looks(*[(each, each) for each in range(20)]) == [[]] * 20


@pytest.mark.parametrize("late", [0, 20])
def test_a_burst_that_ends_while_a_look_is_taken_is_no_plain_one(late):
    # Twenty are encoded and come by between the encoder's totals and the count.
    assert looks((30, 30), (30, 50), (50, 50), (50, 50 + late)) == [[]] * 4


def test_frames_that_come_by_a_look_later_than_they_were_encoded_are_no_plain_ones():
    assert looks((0, 0), (30, 20), (60, 40), (90, 60), (90, 90)) == [[]] * 5
