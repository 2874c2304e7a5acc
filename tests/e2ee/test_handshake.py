"""Handshakes between honest ends, and every message that isn't."""

import itertools
from dataclasses import fields, replace

import pytest
from hypothesis import given, strategies as st

from e2ee.errors import Failure, HandshakeError
from e2ee.handshake import TRANSITIONS, Handshake, Kind, Link, State
from e2ee.suite import Suite
from e2ee.transcript import pack, unpack
from tests.e2ee.hostile import CRYPTO, SHARED, End, end, flip, linked, shake


async def test_both_ends_know_the_same_and_who_is_there():
    ada, bob = await linked()
    assert (ada.state, bob.state) == (State.DONE, State.DONE)
    mine, theirs = ada.secrets, bob.secrets
    assert mine.suite is theirs.suite is Suite.AES_256_GCM_SHA512_128
    assert mine.short == theirs.short
    assert mine.peer_identity == bob.identity.public
    assert theirs.peer_identity == ada.identity.public
    assert mine.peer_introduction == theirs.peer_introduction == b"capable"
    for name in ("channel", "base", "verify"):
        assert getattr(mine, f"{name}_out") == getattr(theirs, f"{name}_in")
        assert getattr(mine, f"{name}_in") == getattr(theirs, f"{name}_out")


async def test_no_two_keys_are_the_same():
    keys = []
    for _ in range(2):
        ada, _ = await linked()
        named = (each.name for each in fields(ada.secrets))
        keys += [getattr(ada.secrets, n) for n in named if n.endswith(("out", "_in"))]
        keys += [ada.secrets.short]
    assert len(set(keys)) == len(keys) == 14


async def test_keys_do_not_show_themselves():
    ada, _ = await linked()
    shown = repr(ada.secrets)
    assert "base_out" not in shown and str(ada.secrets.short) not in shown


@pytest.mark.parametrize("number", [1, 2, 3, 4])
async def test_a_flipped_bit_anywhere_ends_the_handshake(number):
    wire = await shake(await end("ada", "bob"), await end("bob", "ada"))
    for at, bit in itertools.product(range(len(wire.log[number - 1])), (1, 0x80)):
        ada, bob = await end("ada", "bob"), await end("bob", "ada")
        await shake(ada, bob, {number: flip(at, bit)})
        assert ada.handshake.secrets is None, at
        if number < 4:
            assert bob.handshake.secrets is None, at


@given(st.binary(max_size=400), st.sampled_from(["ada", "bob"]))
async def test_any_bytes_are_refused_and_make_no_secrets(message, who):
    one = await end(who, "bob" if who == "ada" else "ada")
    if one.state is State.NEW:
        await one.handshake.start()
    with pytest.raises(HandshakeError):
        await one.handshake.receive(message)
    assert one.handshake.secrets is None


@pytest.mark.parametrize(
    ("state", "kind"),
    [each for each in itertools.product(State, Kind) if each not in TRANSITIONS],
)
async def test_a_message_at_another_time_changes_nothing(state, kind):
    one = await end(*(("bob", "ada") if state is State.REPLIED else ("ada", "bob")))
    one.handshake.state = state
    with pytest.raises(HandshakeError) as refused:
        await one.handshake.receive(bytes([kind]) + bytes(200))
    assert refused.value.failure is Failure.UNEXPECTED
    assert (one.state, one.failure) == (state, None)


async def test_messages_that_come_twice_do_no_harm():
    ada, bob = await end("ada", "bob"), await end("bob", "ada")
    hello = await ada.handshake.start()
    reply = await bob.take(hello)
    assert await bob.take(hello) == b""
    reveal = await ada.take(reply)
    assert await ada.take(reply) == b""
    confirm = await bob.take(reveal)
    assert await bob.take(reveal) == b""
    await ada.take(confirm)
    await ada.take(confirm)
    assert ada.secrets.short == bob.secrets.short


@pytest.mark.parametrize(
    ("field", "value", "failure"),
    [
        (0, b"\x02", Failure.VERSION),
        (1, b"\x00\x01\x00\x02\x00\x03", Failure.SUITE),
        (1, b"", Failure.SUITE),
        (2, b"another room", Failure.ROOM),
        (3, b"eve", Failure.PARTICIPANT),
        (4, b"eve", Failure.PARTICIPANT),
        (5, bytes(31), Failure.MALFORMED),
        (6, bytes(31), Failure.MALFORMED),
    ],
)
async def test_a_hello_is_refused_for_its_reason(field, value, failure):
    ada, bob = await end("ada", "bob"), await end("bob", "ada")
    parts = list(unpack((await ada.handshake.start())[1:], 7))
    parts[field] = value
    with pytest.raises(HandshakeError) as refused:
        await bob.handshake.receive(bytes([Kind.HELLO]) + pack(*parts))
    assert refused.value.failure is bob.failure is failure
    assert bob.state is State.FAILED


@pytest.mark.parametrize(
    ("field", "value", "failure"),
    [
        (0, b"\x00\x01", Failure.SUITE),
        (1, b"short", Failure.MALFORMED),
        (2, bytes(32), Failure.EXCHANGE),  # the point at infinity: anybody would know
        (2, b"\x01" + bytes(31), Failure.EXCHANGE),  # of low order
        (2, bytes(33), Failure.MALFORMED),
        (3, b"", Failure.MALFORMED),
    ],
)
async def test_a_reply_is_refused_for_its_reason(field, value, failure):
    ada, bob = await end("ada", "bob"), await end("bob", "ada")
    reply = await bob.handshake.receive(await ada.handshake.start())
    parts = list(unpack(reply[1:], 4))
    parts[field] = value
    with pytest.raises(HandshakeError) as refused:
        await ada.handshake.receive(bytes([Kind.REPLY]) + pack(*parts))
    assert refused.value.failure is ada.failure is failure


async def test_who_has_no_invitation_gets_no_key():
    ada, eve = await end("ada", "eve"), await end("eve", "ada", shared=bytes(32))
    await shake(ada, eve)
    assert (ada.handshake.secrets, eve.handshake.secrets) == (None, None)
    assert eve.failure is Failure.FORGED


async def test_only_the_smaller_name_begins_and_once():
    ada, bob = await end("ada", "bob"), await end("bob", "ada")
    with pytest.raises(HandshakeError):
        await bob.handshake.start()
    await ada.handshake.start()
    with pytest.raises(HandshakeError):
        await ada.handshake.start()


async def test_an_older_suite_is_chosen_only_where_both_say_so():
    """The list of suites is signed: the server can't make them take the weaker."""
    ada, bob = await end("ada", "bob"), await end("bob", "ada")

    def weaker(hello):
        parts = list(unpack(hello[1:], 7))
        parts[1] = b"\x00\x04"
        return hello[:1] + pack(*parts)

    await shake(ada, bob, {1: weaker})
    assert (ada.handshake.secrets, bob.handshake.secrets) == (None, None)


def test_a_link_has_the_same_names_on_both_sides():
    link = Link("room", "ada", "bob", True)
    other = replace(link, me="bob", peer="ada", begins=False)
    assert link.names == other.names


async def test_two_that_both_begin_get_no_keys():
    identities = [await CRYPTO.new_identity() for _ in range(2)]
    pairs = zip((("ada", "bob"), ("bob", "ada")), identities, strict=True)
    ada, bob = (End(Link("room", *names, True), each) for names, each in pairs)
    hellos = [await each.handshake.start() for each in (ada, bob)]
    assert [await bob.take(hellos[0]), await ada.take(hellos[1])] == [b"", b""]
    assert (ada.handshake.secrets, bob.handshake.secrets) == (None, None)


async def test_the_initiator_may_seal_before_it_may_open():
    ada, bob = await end("ada", "bob"), await end("bob", "ada")
    with pytest.raises(HandshakeError):
        _ = ada.handshake.early_channel
    reply = await bob.take(await ada.handshake.start())
    reveal = await ada.take(reply)
    early = ada.handshake.early_channel
    assert ada.handshake.secrets is None
    await ada.take(await bob.take(reveal))
    secrets = ada.secrets
    assert early == (secrets.channel_out, secrets.channel_in)
    assert early == (bob.secrets.channel_in, bob.secrets.channel_out)


async def test_introductions_are_signed_with_the_rest():
    link = Link("room", "ada", "bob", True)
    ada = End(link, await CRYPTO.new_identity())
    ada.handshake = Handshake(CRYPTO, link, ada.identity, SHARED, b"no rollback")
    bob = await end("bob", "ada")
    await shake(ada, bob)
    assert bob.secrets.peer_introduction == b"no rollback"
