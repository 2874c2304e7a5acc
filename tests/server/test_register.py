"""What is known of rooms: the store is asked once for all who want to know."""

import asyncio
from collections.abc import Collection
from dataclasses import replace

import pytest
from store_contract import RECORD

from protocol.messages import RoomId
from server.errors import StoreError
from server.register import Register
from server.rooms import Rooms
from server.store import RoomRecord

ONE, TWO, THREE = (replace(RECORD, id=RoomId(each)) for each in ("one", "two", "three"))


class SlowStore:
    """Answers when it is let; knows two rooms."""

    def __init__(self) -> None:
        self.asked: list[set[str]] = []
        self.there = True
        self.let = asyncio.Semaphore(0)
        self.called = asyncio.Semaphore(0)

    async def rooms(self, rooms: Collection[RoomId]) -> list[RoomRecord]:
        self.asked.append(set(rooms))
        self.called.release()
        await self.let.acquire()
        if not self.there:
            raise StoreError("away")
        return [each for each in (ONE, TWO) if each.id in rooms]


@pytest.fixture
def store() -> SlowStore:
    return SlowStore()


@pytest.fixture
def register(store: SlowStore) -> Register:
    rooms = Rooms(lambda: "someone", lambda room, who: ())
    return Register(rooms, store)  # type: ignore[arg-type]  # nobody asks it more


async def ask(register: Register, *rooms: RoomRecord) -> list[asyncio.Task[object]]:
    """Have somebody ask for each of these, in one turn."""
    tasks = [asyncio.create_task(register.find(each.id)) for each in rooms]
    await asyncio.sleep(0)
    return tasks


async def test_who_asks_in_one_turn_is_answered_by_one_look(store, register):
    store.let.release()
    asked = await ask(register, ONE, TWO, THREE, ONE)
    assert await asyncio.gather(*asked) == [ONE, TWO, None, ONE]
    assert store.asked == [{"one", "two", "three"}]


async def test_who_asks_during_a_look_goes_with_the_next(store, register):
    early = await ask(register, ONE)
    await store.called.acquire()
    late = await ask(register, TWO, ONE)
    for _ in range(2):
        store.let.release()
    assert await asyncio.gather(*early, *late) == [ONE, TWO, ONE]
    assert store.asked == [{"one"}, {"one", "two"}]


async def test_who_goes_meanwhile_takes_no_answer_from_the_others(store, register):
    gone, stays = await ask(register, ONE, ONE)
    await store.called.acquire()
    gone.cancel()
    store.let.release()
    assert await stays == ONE


async def test_a_store_that_fails_fails_all_who_asked_and_nobody_after(store, register):
    store.there = False
    store.let.release()
    failed = await asyncio.gather(
        *await ask(register, ONE, TWO), return_exceptions=True
    )
    assert [type(each) for each in failed] == [StoreError, StoreError]
    store.there = True
    store.let.release()
    (again,) = await ask(register, ONE)
    assert await again == ONE
