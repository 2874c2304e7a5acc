"""What waits for one participant."""

import pytest

from protocol import messages as m
from protocol.codes import LeaveReason
from server.outbox import CHARACTERS, MESSAGES, Outbox

ANA, BO = m.ParticipantId("ana"), m.ParticipantId("bo")


def changed(who: m.ParticipantId, *, hand: bool = False) -> m.ParticipantChanged:
    return m.ParticipantChanged(m.ParticipantInfo(who, "x", hand=hand))


def signal(number: int) -> m.Signaled:
    return m.Signaled(ANA, number, {})


def texts(outbox: Outbox) -> list[str]:
    found = []
    while letter := outbox.first():
        found.append(letter.text)
        outbox.sent(letter)
    return found


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def fill(outbox: Outbox) -> None:
    for number in range(MESSAGES):
        assert outbox.put(signal(number), str(number))


def test_what_goes_in_comes_out_in_order(outbox):
    outbox.put(signal(1), "one")
    outbox.put(m.Pong(1), "two")
    assert texts(outbox) == ["one", "two"]


def test_only_the_latest_state_of_a_participant_waits(outbox):
    outbox.put(changed(ANA), "ana 1")
    outbox.put(changed(BO), "bo 1")
    outbox.put(changed(ANA, hand=True), "ana 2")
    assert texts(outbox) == ["ana 2", "bo 1"]


def test_a_state_on_its_way_is_not_changed_any_more(outbox):
    outbox.put(changed(ANA), "ana 1")
    letter = outbox.first()
    outbox.put(changed(ANA, hand=True), "ana 2")
    assert letter is not None
    assert letter.text == "ana 1"
    outbox.sent(letter)
    assert texts(outbox) == ["ana 2"]


def test_what_was_not_sent_is_still_there(outbox):
    outbox.put(signal(1), "one")
    outbox.first()
    assert texts(outbox) == ["one"]


def test_too_many_events_lose_the_outbox(outbox):
    fill(outbox)
    assert not outbox.put(signal(0), "one more")
    assert outbox.lost
    assert texts(outbox) == []
    assert not outbox.put(signal(0), "and another")


def test_too_many_characters_lose_the_outbox(outbox):
    assert outbox.put(signal(0), "x" * CHARACTERS)
    assert not outbox.put(signal(1), "x")
    assert outbox.lost


def test_an_overflow_by_states_loses_nothing_that_counts(outbox):
    outbox.put(signal(1), "one")
    for number in range(MESSAGES - 1):
        outbox.put(m.Pong(number), "pong")
    assert not outbox.put(signal(2), "two")
    assert not outbox.lost
    assert texts(outbox) == ["one", "two"]


def test_in_a_cut_only_events_are_kept(outbox):
    assert outbox.put(changed(ANA), "state", cut=True)
    assert outbox.put(m.ParticipantLeft(ANA, LeaveReason.LEFT), "state", cut=True)
    assert outbox.put(signal(1), "event", cut=True)
    assert texts(outbox) == ["event"]


def test_a_cut_that_fills_up_is_lost(outbox):
    fill(outbox)
    assert not outbox.put(signal(0), "one more", cut=True)
    assert outbox.lost


def test_the_room_that_letters_took_is_given_back(outbox):
    for number in range(3):
        assert outbox.put(signal(number), "x" * CHARACTERS)
        assert len(texts(outbox)) == 1
