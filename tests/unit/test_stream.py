"""What I said and may be lost, what I heard already."""

import pytest
from hypothesis import given, strategies as st

from client_py.core.stream import ACKNOWLEDGE_AFTER, KEPT, Stream, Verdict
from protocol import messages as m
from protocol.codes import VERSION
from protocol.links import Reach
from protocol.numbering import Numbers

ME = m.ParticipantId("me")
HELLO = m.Hello(VERSION, "token", "Me", resume="secret")


def signal(number: int) -> m.Signal:
    return m.Signal(ME, number, {})


def joined(**more: object) -> m.Joined:
    made: m.Joined = m.Joined(ME, "room", (), "secret", **more)  # type: ignore[arg-type]
    return made


@pytest.fixture
def stream() -> Stream:
    made = Stream()
    made.go_on(joined(epoch="one"))
    return made


def test_what_i_say_is_numbered_and_acknowledges(stream: Stream) -> None:
    stream.hear(Numbers(1))
    assert stream.say(signal(1)) == (signal(1), Numbers(1, 1))
    stream.hear(Numbers(2))
    assert stream.say(m.Ping(1)) == (m.Ping(1), Numbers(0, 2))
    assert stream.say(signal(2)) == (signal(2), Numbers(2, 2))


def test_nothing_but_hello_leaves_before_i_am_in() -> None:
    stream = Stream()
    assert stream.say(signal(1)) is None
    assert stream.say(m.Ping(1)) is None
    assert stream.say(HELLO) == (HELLO, Numbers())


def test_before_the_door_nothing_counts_but_a_ping_is_said(stream: Stream) -> None:
    for number in (1, 2, 3):
        stream.hear(Numbers(number))
    stream.cut()
    assert stream.hear(Numbers(1)) is Verdict.NEW  # the numbers of another seat
    stream.wait()
    assert stream.say(m.Ping(1)) == (m.Ping(1), Numbers())
    assert stream.say(signal(1)) is None
    assert stream.hear(Numbers(2)) is Verdict.NEW
    assert not stream.owes
    assert stream.go_on(joined(epoch="two", last_seq=2)) == []
    assert stream.hear(Numbers(3)) is Verdict.NEW


def test_hello_says_what_i_heard_last(stream: Stream) -> None:
    stream.hear(Numbers(1))
    stream.hear(Numbers(2))
    stream.cut()
    hello, numbers = stream.say(HELLO) or pytest.fail("it says nothing")
    assert (hello.epoch, hello.last_seq, numbers) == ("one", 2, Numbers())


@pytest.mark.parametrize(
    ("heard", "again"), [(0, [1, 2, 3]), (1, [2, 3]), (2, [3]), (3, []), (99, [])]
)
def test_what_was_not_heard_is_said_again(
    stream: Stream, heard: int, again: list[int]
) -> None:
    stream.say(signal(1))
    stream.say(signal(2))
    stream.cut()
    assert stream.say(signal(3)) is None
    sent = stream.go_on(m.Resumed("newer", heard=heard))
    assert sent == [(signal(n), Numbers(n, 0)) for n in again]


def test_what_was_acknowledged_is_not_said_again(stream: Stream) -> None:
    for number in (1, 2, 3):
        stream.say(signal(number))
    stream.hear(Numbers(1, ack=2))
    stream.cut()
    assert stream.go_on(m.Resumed("newer")) == [(signal(3), Numbers(3, 1))]


def test_pings_are_not_said_again(stream: Stream) -> None:
    stream.say(m.Ping(1))
    stream.cut()
    assert stream.go_on(m.Resumed("newer")) == []


@pytest.mark.parametrize(
    ("number", "verdict"),
    [
        (0, Verdict.NEW),
        (1, Verdict.AGAIN),
        (2, Verdict.AGAIN),
        (3, Verdict.NEW),
        (4, Verdict.GAP),
    ],
)
def test_numbers_tell_what_is_new(
    stream: Stream, number: int, verdict: Verdict
) -> None:
    stream.hear(Numbers(1))
    stream.hear(Numbers(2))
    assert stream.hear(Numbers(number)) is verdict


def test_whole_answer_sets_the_count(stream: Stream) -> None:
    stream.cut()
    stream.go_on(joined(resumed=True, epoch="one", last_seq=41))
    assert stream.hear(Numbers(41)) is Verdict.AGAIN
    assert stream.hear(Numbers(42)) is Verdict.NEW


def test_somebody_new_has_nothing_to_say_again(stream: Stream) -> None:
    stream.say(signal(1))
    stream.cut()
    assert stream.go_on(joined(epoch="two")) == []
    assert stream.say(signal(2)) == (signal(2), Numbers(1, 0))


def test_new_server_hears_all_but_the_reactions(stream: Stream) -> None:
    stream.say(signal(1))
    stream.say(m.React("🎉"))
    stream.say(signal(3))
    stream.cut()
    sent = stream.go_on(joined(resumed=True, epoch="two"))
    assert sent == [(signal(1), Numbers(1, 0)), (signal(3), Numbers(3, 0))]


def test_who_only_listens_acknowledges_in_time(stream: Stream) -> None:
    for number in range(1, ACKNOWLEDGE_AFTER):
        stream.hear(Numbers(number))
        assert not stream.owes
    stream.hear(Numbers(ACKNOWLEDGE_AFTER))
    assert stream.owes
    assert stream.say(m.Ping(0)) == (m.Ping(0), Numbers(0, ACKNOWLEDGE_AFTER))
    assert not stream.owes


def test_who_only_talks_asks_once_to_be_acknowledged(stream: Stream) -> None:
    for number in range(1, ACKNOWLEDGE_AFTER):
        stream.say(signal(number))
        assert not stream.owes
    stream.say(signal(ACKNOWLEDGE_AFTER))
    assert stream.owes
    stream.say(m.Ping(0))
    stream.say(signal(0))
    assert not stream.owes


def test_who_lost_words_of_their_own_begins_anew(stream: Stream) -> None:
    stream.cut()
    for number in range(KEPT):
        stream.say(signal(number))
    hello, _ = stream.say(HELLO) or pytest.fail("it says nothing")
    assert hello.resume
    stream.say(signal(KEPT))
    hello, _ = stream.say(HELLO) or pytest.fail("it says nothing")
    assert not hello.resume
    assert stream.go_on(joined(epoch="two")) == []
    stream.cut()
    hello, _ = stream.say(HELLO) or pytest.fail("it says nothing")
    assert hello.resume


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("say"), st.just(0)),
            st.tuples(st.just("arrive"), st.integers(1, 5)),
            st.tuples(st.just("acknowledge"), st.just(0)),
            st.tuples(st.just("cut"), st.just(0)),
        ),
        max_size=100,
    )
)
def test_a_server_that_is_cut_anywhere_does_everything_once_in_order(
    steps: list[tuple[str, int]],
) -> None:
    stream = Stream()
    stream.go_on(joined(epoch="one"))
    way: list[tuple[m.ClientMessage, Numbers]] = []
    heard = 0
    said: list[m.ClientMessage] = []
    done: list[m.ClientMessage] = []

    def arrive() -> None:
        nonlocal heard
        message, numbers = way.pop(0)
        if numbers.number > heard:
            heard = numbers.number
            done.append(message)

    for serial, (verb, number) in enumerate(steps):
        match verb:
            case "say":
                said.append(signal(serial))
                way += filter(None, [stream.say(said[-1])])
            case "arrive":
                for _ in range(min(number, len(way))):
                    arrive()
            case "acknowledge":
                stream.hear(Numbers(0, heard))
            case "cut":
                stream.cut()
                way = stream.go_on(m.Resumed("newer", heard=heard))
    while way:
        arrive()
    assert done == said


@pytest.mark.parametrize(
    "report",
    [
        m.ReportStats((m.LinkSample("bo"),)),
        m.ReportLinks((m.LinkReport("bo", Reach.CONNECTED),)),
    ],
)
def test_reports_have_no_number_and_are_not_kept(report):
    stream = Stream()
    assert stream.say(report) is None
    stream.go_on(m.Joined("me", "room", (), "secret", epoch="e", last_seq=5))
    assert stream.say(report) == (report, Numbers(0, 5))
    chat = m.Chat("line", "hola")
    assert stream.say(chat) == (chat, Numbers(1, 5))
    stream.cut()
    assert stream.say(report) is None
    assert stream.go_on(m.Resumed("secret")) == [(chat, Numbers(1, 5))]
