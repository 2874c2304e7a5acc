"""Passcodes, the guesses at them, and what is remembered for a while."""

import pytest

from protocol.codes import ErrorCode
from server.attempts import Attempts
from server.errors import Refused
from server.memory import Memory
from server.passcode import hashed, matches


@pytest.mark.parametrize("word", ["hunter2", "é" * 64, " ", "\U0001f600", "\ud800"])
def test_a_passcode_matches_itself_and_nothing_near(word):
    kept = hashed(word)
    assert matches(word, kept)
    assert not matches(word + " ", kept)
    assert not matches("", kept)
    assert word == " " or word not in kept


def test_a_passcode_is_never_kept_alike_twice():
    assert hashed("x") != hashed("x")


def test_where_there_is_no_passcode_none_matches():
    assert not matches("", "")
    assert not matches("x", "")


async def test_guesses_come_back_one_by_one():
    now = 0.0
    attempts = Attempts(lambda: now, burst=2, refill=10.0)

    async def allowed() -> bool:
        try:
            await attempts.take("key")
        except Refused as refused:
            assert refused.code is ErrorCode.TOO_MANY
            return False
        return True

    assert [await allowed() for _ in range(4)] == [True, True, False, False]
    now = 9.9
    assert not await allowed()
    now = 10.0
    assert [await allowed(), await allowed()] == [True, False]
    now = 1000.0
    assert [await allowed() for _ in range(3)] == [True, True, False]


async def test_a_right_guess_does_not_count():
    attempts = Attempts(lambda: 0.0, burst=1, refill=10.0)
    for _ in range(5):
        await attempts.take("key")
        await attempts.give_back("key")
    await attempts.take("key")
    with pytest.raises(Refused):
        await attempts.take("key")


async def test_guesses_at_ever_new_keys_cost_bounded_memory():
    attempts = Attempts(lambda: 0.0, burst=1, refill=10.0, keys=3)
    for key in range(4):
        await attempts.take(key)
    await attempts.take(0)  # the oldest was forgotten for the newest
    with pytest.raises(Refused):
        await attempts.take(3)


def test_a_memory_counts_from_its_first_look_at_the_clock():
    memory: Memory[str, int] = Memory(10.0)
    memory.put("a", 1)
    assert memory.expire(100.0) == []
    assert memory.get("a") == 1
    memory.put("b", 2)
    assert memory.expire(105.0) == []
    assert memory.expire(110.0) == ["a"]
    assert memory.get("a") is None
    assert memory.get("b") == 2
    memory.put("b", 3)  # begins anew
    assert memory.expire(115.0) == []
    assert memory.expire(125.0) == ["b"]


def test_what_is_taken_back_does_not_expire():
    memory: Memory[str, int] = Memory(10.0)
    memory.put("a", 1)
    memory.expire(0.0)
    memory.pop("a")
    assert memory.expire(10.0) == []
