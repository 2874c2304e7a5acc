"""What is kept for people who may come back to a server that was started anew."""

from protocol.codes import GRACE
from protocol.messages import ParticipantId, RoomId, Signal
from server.awaited import EACH, SIZE, Awaited

ROOM = RoomId("room")
ANA, BO = ParticipantId("ana"), ParticipantId("bo")


def signal(size: int = 0) -> Signal:
    return Signal(BO, 1, {"sdp": "x" * size})


def test_what_is_said_to_one_who_is_not_back_waits_for_them_in_order():
    awaited = Awaited("process", 0.0)
    assert all(awaited.keep(ROOM, ANA, signal(n), n, 1.0) for n in (1, 2))
    assert [each.n for each in awaited.collect(ROOM, BO)] == [1, 2]
    assert awaited.collect(ROOM, BO) == []


def test_nothing_is_kept_after_the_grace():
    awaited = Awaited("process", 0.0)
    assert awaited.keep(ROOM, ANA, signal(), 1, GRACE - 0.1)
    assert not awaited.keep(ROOM, ANA, signal(), 2, GRACE)


def test_so_many_are_kept_for_one_and_no_more():
    awaited = Awaited("process", 0.0)
    kept = [awaited.keep(ROOM, ANA, signal(), n, 1.0) for n in range(1, EACH + 2)]
    assert kept == [True] * EACH + [False]


def test_large_ones_fill_it_for_everybody():
    awaited = Awaited("process", 0.0)
    large = 1024 * 1024
    kept = [awaited.keep(ROOM, ANA, signal(large), n, 1.0) for n in range(1, 20)]
    assert kept.count(True) == SIZE // large - 1  # each has some more around it
    assert not any(kept[SIZE // large :])
