"""What waits for one participant, and what was sent but may be lost."""

import pytest
from hypothesis import given, strategies as st

from protocol import messages as m
from protocol.codes import LeaveReason
from server.outbox import CHARACTERS, MESSAGES, Outbox

ANA, BO = m.ParticipantId("ana"), m.ParticipantId("bo")


def changed(who: m.ParticipantId, *, hand: bool = False) -> m.ParticipantChanged:
    return m.ParticipantChanged(m.ParticipantInfo(who, "x", hand=hand))


def signal(number: int) -> m.Signaled:
    return m.Signaled(ANA, number, {})


def taken(outbox: Outbox) -> list[tuple[int, str]]:
    found = []
    while letter := outbox.take():
        found.append((letter.seq, letter.text))
    return found


def texts(outbox: Outbox) -> list[str]:
    return [text for _, text in taken(outbox)]


@pytest.fixture
def outbox() -> Outbox:
    return Outbox()


def fill(outbox: Outbox) -> None:
    for number in range(MESSAGES):
        assert outbox.put(signal(number), str(number))


def test_what_goes_in_comes_out_in_order_and_numbered(outbox):
    outbox.put(signal(1), "one")
    outbox.put(signal(2), "two")
    assert taken(outbox) == [(1, "one"), (2, "two")]
    assert outbox.last == 2


def test_what_belongs_to_the_connection_has_no_number(outbox):
    outbox.put(signal(1), "one")
    outbox.put(m.Pong(1), "pong")
    outbox.put(signal(2), "two")
    assert taken(outbox) == [(1, "one"), (0, "pong"), (2, "two")]


def test_only_the_latest_state_of_a_participant_waits(outbox):
    outbox.put(changed(ANA), "ana 1")
    outbox.put(changed(BO), "bo 1")
    outbox.put(changed(ANA, hand=True), "ana 2")
    assert taken(outbox) == [(1, "ana 2"), (2, "bo 1")]


def test_a_state_of_one_kind_replaces_none_of_another(outbox):
    outbox.put(changed(ANA), "ana")
    outbox.put(m.LinksChanged(ANA, ()), "links 1")
    outbox.put(m.LinksChanged(BO, ()), "bo's links")
    outbox.put(m.LinksChanged(ANA, ()), "links 2")
    assert taken(outbox) == [(1, "ana"), (2, "links 2"), (3, "bo's links")]


def test_a_state_that_has_its_number_is_not_changed_any_more(outbox):
    outbox.put(changed(ANA), "ana 1")
    letter = outbox.take()
    outbox.put(changed(ANA, hand=True), "ana 2")
    assert letter.text == "ana 1"
    assert taken(outbox) == [(2, "ana 2")]
    assert outbox.rewind(0)
    outbox.put(changed(ANA), "ana 3")
    assert taken(outbox) == [(1, "ana 1"), (2, "ana 2"), (3, "ana 3")]


def test_what_did_not_come_is_sent_again_under_the_same_numbers(outbox):
    for number in range(1, 6):
        outbox.put(signal(number), str(number))
    for _ in range(4):
        outbox.take()
    assert outbox.rewind(2)
    assert taken(outbox) == [(3, "3"), (4, "4"), (5, "5")]


def test_a_second_cut_in_the_middle_of_a_replay_loses_nothing(outbox):
    for number in range(1, 5):
        outbox.put(signal(number), str(number))
    taken(outbox)
    assert outbox.rewind(1)
    assert outbox.take().seq == 2
    assert outbox.rewind(1)
    outbox.put(signal(5), "5")
    assert taken(outbox) == [(2, "2"), (3, "3"), (4, "4"), (5, "5")]


def test_answers_to_the_old_connection_are_not_sent_on_the_new(outbox):
    outbox.put(m.Pong(1), "pong")
    outbox.put(signal(1), "one")
    assert outbox.rewind(0)
    outbox.put_first("resumed")
    assert taken(outbox) == [(0, "resumed"), (1, "one")]


def test_what_came_is_not_kept(outbox):
    for number in range(1, 4):
        outbox.put(signal(number), str(number))
    taken(outbox)
    outbox.acknowledge(2)
    assert not outbox.rewind(1)
    assert outbox.rewind(2)
    assert texts(outbox) == ["3"]


@pytest.mark.parametrize("seq", [4, 2**53 - 1])
def test_numbers_that_were_never_given_rewind_nothing(outbox, seq):
    for number in range(1, 4):
        outbox.put(signal(number), str(number))
    taken(outbox)
    assert not outbox.rewind(seq)


def test_what_was_sent_is_kept_as_far_as_there_is_room(outbox):
    fill(outbox)
    taken(outbox)
    assert outbox.put(signal(0), "one more")  # nobody reads too slowly
    assert not outbox.rewind(0)
    assert outbox.rewind(1)
    assert len(outbox) == MESSAGES


def test_what_waits_is_worth_more_than_what_was_sent(outbox):
    outbox.put(signal(1), "x" * CHARACTERS)
    taken(outbox)
    assert outbox.put(signal(2), "x" * CHARACTERS)
    assert not outbox.rewind(0)
    assert len(outbox) == 1


def test_too_many_that_wait_lose_the_outbox(outbox):
    fill(outbox)
    assert not outbox.put(signal(0), "one more")
    assert outbox.lost
    assert texts(outbox) == []
    assert not outbox.put(signal(0), "and another")
    assert not outbox.rewind(outbox.last)


def test_too_many_characters_lose_the_outbox(outbox):
    assert outbox.put(signal(0), "x" * CHARACTERS)
    assert not outbox.put(signal(1), "x")
    assert outbox.lost


def test_an_outbox_that_starts_over_goes_on_with_its_numbers(outbox):
    outbox.put(signal(1), "one")
    taken(outbox)
    fill(outbox)
    assert not outbox.put(signal(0), "one more")
    outbox.restart()
    outbox.put(m.Joined(ANA, "room", (), ""), "joined")
    outbox.put(signal(2), "two")
    assert taken(outbox) == [(0, "joined"), (2, "two")]


def test_in_a_cut_answers_are_not_kept(outbox):
    assert outbox.put(changed(ANA), "state", cut=True)
    assert outbox.put(m.ParticipantLeft(ANA, LeaveReason.LEFT), "left", cut=True)
    assert outbox.put(m.Pong(1), "pong", cut=True)
    assert outbox.put(signal(1), "event", cut=True)
    assert texts(outbox) == ["state", "left", "event"]


def test_the_room_that_letters_took_is_given_back(outbox):
    for number in range(1, 4):
        assert outbox.put(signal(number), "x" * CHARACTERS)
        assert len(texts(outbox)) == 1
        outbox.acknowledge(number)


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("put"), st.integers(0, 2)),
            st.tuples(st.just("take"), st.integers(1, 5)),
            st.tuples(st.just("cut"), st.integers(0, 5)),
            st.tuples(st.just("ack"), st.just(0)),
        ),
        max_size=80,
    )
)
def test_a_reader_that_is_cut_anywhere_hears_everything_once_in_order(steps):
    """Events all; of states that waited together, the latest."""
    outbox = Outbox()
    way: list[tuple[int, str]] = []  # sent, not read yet
    heard: list[str] = []
    said: list[str] = []
    seq = 0
    for serial, (verb, number) in enumerate(steps):
        match verb:
            case "put" if number:
                said.append(f"event {serial}")
                outbox.put(signal(serial), said[-1])
            case "put":
                outbox.put(changed(ANA), f"state {serial}")
            case "take":
                taking = (outbox.take() for _ in range(number))
                way += [(each.seq, each.text) for each in taking if each]
            case "cut":
                for its, text in way[:number]:
                    assert its == seq + 1
                    seq = its
                    heard.append(text)
                way.clear()
                assert outbox.rewind(seq)
            case "ack":
                outbox.acknowledge(seq)
    assert outbox.rewind(seq)
    rest = taken(outbox)
    assert [its for its, _ in rest] == list(range(seq + 1, seq + 1 + len(rest)))
    heard += [text for _, text in rest]
    assert [text for text in heard if text.startswith("event")] == said
    states = [int(text.split()[1]) for text in heard if text.startswith("state")]
    assert states == sorted(set(states))
