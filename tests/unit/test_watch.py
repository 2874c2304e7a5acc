"""Frames that are encoded have to come by to be encrypted."""

import pytest

from client_py.core.slot import Slot
from client_py.core.watch import Watch

MIC, CAM = Slot.MICROPHONE, Slot.CAMERA


def test_frames_that_nobody_encrypted_are_found_in_their_slot():
    watch = Watch()
    assert watch.look({MIC: 50, CAM: 30}, {MIC: 50}) == [CAM]


@pytest.mark.parametrize("passed", [1, 29, 30, 31])
def test_frames_on_their_way_are_no_plain_ones(passed):
    assert Watch().look({CAM: 30}, {CAM: passed}) == []


def test_a_slot_that_sends_nothing_is_at_rest():
    watch = Watch()
    for _ in range(3):
        assert watch.look({CAM: 30}, {CAM: 30}) == []


def test_a_transform_that_is_lost_on_the_way_is_found():
    watch = Watch()
    looks = [({CAM: 30}, {CAM: 30}), ({CAM: 34}, {CAM: 30}), ({CAM: 60}, {CAM: 30})]
    assert [watch.look(*each) for each in looks] == [[], [], [CAM]]
