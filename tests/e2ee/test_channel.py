"""Words between two ends, sealed."""

import asyncio

import pytest
from hypothesis import given, strategies as st

from client_py.headless.crypto import HeadlessCrypto
from e2ee.channel import LONGEST, OVERHEAD, Channel, Kind, Opened
from e2ee.errors import ChannelError, ChannelRefusal
from e2ee.window import SIZE
from tests.e2ee.hostile import CRYPTO

A_TO_B, B_TO_A = b"a" * 32, b"b" * 32


def pair():
    return Channel(CRYPTO, A_TO_B, B_TO_A), Channel(CRYPTO, B_TO_A, A_TO_B)


async def refusal(channel, sealed):
    with pytest.raises(ChannelError) as refused:
        await channel.open(sealed)
    return refused.value.refusal


@given(st.sampled_from(Kind), st.integers(0, 2**32 - 1), st.binary(max_size=300))
async def test_what_is_sealed_comes_back(kind, generation, plain):
    ada, bob = pair()
    sealed = await ada.seal(kind, generation, plain)
    assert len(sealed) == len(plain) + OVERHEAD
    assert await bob.open(sealed) == Opened(kind, generation, plain)


async def test_every_flipped_bit_is_refused_and_the_true_one_still_taken():
    ada, bob = pair()
    sealed = await ada.seal(Kind.DESCRIPTION, 1, b"a=fingerprint:sha-256 AA")
    for bit in range(8 * len(sealed)):
        spoilt = bytearray(sealed)
        spoilt[bit // 8] ^= 1 << bit % 8
        got = await refusal(bob, bytes(spoilt))
        assert got in (ChannelRefusal.FORGED, ChannelRefusal.MALFORMED)
    assert (await bob.open(sealed)).plain == b"a=fingerprint:sha-256 AA"


@given(st.binary(max_size=100))
async def test_any_bytes_are_refused(sealed):
    assert await refusal(pair()[1], sealed) is not ChannelRefusal.REPLAYED


class Promising(HeadlessCrypto):
    """Lets others go first, as WebCrypto does."""

    async def open(self, key, nonce, sealed, aad):
        await asyncio.sleep(0)
        return await super().open(key, nonce, sealed, aad)


async def test_a_message_is_taken_once_even_if_it_comes_twice_at_once():
    ada, _ = pair()
    bob = Channel(Promising(), B_TO_A, A_TO_B)
    sealed = await ada.seal(Kind.CHAT, 0, b"hello")
    both = await asyncio.gather(
        bob.open(sealed), bob.open(sealed), return_exceptions=True
    )
    assert sum(isinstance(each, Opened) for each in both) == 1
    assert await refusal(bob, sealed) is ChannelRefusal.REPLAYED


async def test_messages_may_come_in_any_order_within_the_window():
    ada, bob = pair()
    sealed = [await ada.seal(Kind.CHAT, 0, bytes([n % 256])) for n in range(SIZE + 1)]
    await bob.open(sealed[-1])
    await bob.open(sealed[1])
    assert await refusal(bob, sealed[0]) is ChannelRefusal.REPLAYED


async def test_a_description_of_an_earlier_connection_is_stale():
    ada, bob = pair()
    old = await ada.seal(Kind.DESCRIPTION, 1, b"first")
    chat = await ada.seal(Kind.CHAT, 1, b"hello")
    await bob.open(await ada.seal(Kind.CANDIDATE, 2, b"second"))
    assert await refusal(bob, old) is ChannelRefusal.STALE
    assert (await bob.open(chat)).plain == b"hello"


async def test_a_message_does_not_open_at_the_end_it_came_from():
    ada, _ = pair()
    sealed = await ada.seal(Kind.CHAT, 0, b"hello")
    assert await refusal(ada, sealed) is ChannelRefusal.FORGED


async def test_what_is_too_large_is_neither_sealed_nor_opened():
    ada, bob = pair()
    largest = await ada.seal(Kind.CHAT, 0, bytes(LONGEST))
    with pytest.raises(ChannelError):
        await ada.seal(Kind.CHAT, 0, bytes(LONGEST + 1))
    assert await refusal(bob, largest + b"x") is ChannelRefusal.TOO_LARGE
    assert len((await bob.open(largest)).plain) == LONGEST
