"""Frames that are encoded have to come by to be encrypted."""

import pytest

from client_py.core.slot import Slot
from client_py.core.watch import Watch

MIC, CAM = Slot.MICROPHONE, Slot.CAMERA


def test_frames_that_nobody_encrypted_are_found_in_their_slot():
    watch = Watch()
    assert watch.look({}, {MIC: 50, CAM: 30}, {MIC: 50}) == [CAM]


@pytest.mark.parametrize("passed", [1, 29, 30, 31])
def test_frames_on_their_way_are_no_plain_ones(passed):
    assert Watch().look({}, {CAM: 30}, {CAM: passed}) == []


def test_a_slot_that_sends_nothing_is_at_rest():
    watch = Watch()
    for _ in range(3):
        assert watch.look({CAM: 30}, {CAM: 30}, {CAM: 30}) == []


def test_a_transform_that_is_lost_on_the_way_is_found():
    watch = Watch()
    passed = {CAM: 30}
    looks = [watch.look(passed, {CAM: each}, passed) for each in (30, 34, 60)]
    assert looks == [[], [], [CAM]]


def test_a_burst_that_ends_while_a_look_is_taken_is_no_plain_one():
    watch = Watch()
    # Twenty are encoded and come by between the encoder's totals and the second count.
    assert watch.look({CAM: 30}, {CAM: 30}, {CAM: 50}) == []
    assert watch.look({CAM: 50}, {CAM: 50}, {CAM: 50}) == []
    assert watch.look({CAM: 50}, {CAM: 60}, {CAM: 50}) == [CAM]
