"""A real track goes out only where its sender is proved to be encrypted."""

from itertools import product

import pytest

from client_py.core.probation import (
    TRANSITIONS,
    Finding,
    Probation,
    Proof,
    Send,
)
from client_py.core.slot import Slot

MIC, CAM = Slot.MICROPHONE, Slot.CAMERA
TRACK = object()


@pytest.fixture
def slots():
    return Probation(sealed=True)


def test_every_finding_has_its_place_in_every_state():
    assert TRANSITIONS.keys() == set(product(Proof, Finding))


def test_a_canary_goes_out_until_a_frame_was_counted(slots):
    assert slots.sent(CAM) is Send.NOTHING
    slots.want(CAM, TRACK)
    assert slots.sent(CAM) is Send.CANARY
    slots.find(CAM, Finding.COUNTED)
    assert slots.sent(CAM) is Send.WANTED
    assert slots.wanted(CAM) is TRACK


def test_one_slot_proves_nothing_of_another(slots):
    slots.want(MIC, TRACK)
    slots.want(CAM, TRACK)
    slots.find(MIC, Finding.COUNTED)
    assert (slots.sent(MIC), slots.sent(CAM)) == (Send.WANTED, Send.CANARY)


def test_who_switches_off_sends_nothing_and_no_canary(slots):
    slots.want(CAM, TRACK)
    slots.want(CAM, None)
    assert slots.sent(CAM) is Send.NOTHING
    slots.find(CAM, Finding.COUNTED)  # it was under way
    assert slots.sent(CAM) is Send.NOTHING
    slots.want(CAM, TRACK)
    assert slots.sent(CAM) is Send.WANTED


def test_a_slot_is_proved_once(slots):
    slots.want(CAM, TRACK)
    slots.find(CAM, Finding.COUNTED)
    slots.want(CAM, None)
    slots.want(CAM, TRACK)
    assert slots.sent(CAM) is Send.WANTED


@pytest.mark.parametrize("before", [[], [Finding.COUNTED]])
def test_nothing_goes_out_any_more_where_frames_passed_by(slots, before):
    slots.want(CAM, TRACK)
    for finding in (*before, Finding.PASSED_BY, Finding.COUNTED):
        slots.find(CAM, finding)
    assert slots.sent(CAM) is Send.NOTHING
    slots.want(CAM, None)
    slots.want(CAM, TRACK)
    assert slots.sent(CAM) is Send.NOTHING


def test_a_call_that_is_not_encrypted_needs_no_proof():
    slots = Probation(sealed=False)
    slots.want(CAM, TRACK)
    assert slots.sent(CAM) is Send.WANTED
