"""Passcodes are hashed a few at a time, and few wait for it."""

import asyncio

import pytest

from server.errors import TooMany
from server.hashing import Hashing


async def test_who_would_wait_for_long_is_told_to_come_back():
    hashing = Hashing(at_once=1, waiting=2)
    first = [asyncio.ensure_future(hashing.hashed("x")) for _ in range(3)]
    await asyncio.sleep(0)
    with pytest.raises(TooMany) as refused:
        await hashing.matches("x", "")
    assert (refused.value.status, refused.value.retry_after) == (503, 2)
    kept, *_ = await asyncio.gather(*first)
    assert await hashing.matches("x", kept)


async def test_who_waits_no_longer_leaves_room_for_others():
    hashing = Hashing(at_once=1, waiting=1)
    first, second = (asyncio.ensure_future(hashing.hashed("x")) for _ in range(2))
    await asyncio.sleep(0)
    second.cancel()
    await asyncio.sleep(0)
    assert not await hashing.matches("x", "")
    await first
