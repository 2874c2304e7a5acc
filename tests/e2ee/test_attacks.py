"""What whoever runs the server gains by each attack: nothing.

Each test says what the attacker does, what both ends' states say after, and what the
attacker has. T18 is about transforms of browsers; here stands the part of it that is
about keys, and ``test_worker.py`` has the rest that needs no call.
"""

import json
import random

import pytest

from e2ee.channel import Channel, Kind
from e2ee.errors import (
    ChannelError,
    ChannelRefusal,
    ExhaustedError,
    Failure,
    HandshakeError,
    RotationError,
)
from e2ee.frame import LIMIT, Refusal, Refused, Sealer
from e2ee.handshake import Handshake, Kind as Message, Link, State
from e2ee.keyring import ReceivingKeys, SendingKeys, key_id
from e2ee.roster import PATIENCE as ROSTER_PATIENCE, RosterWatch
from e2ee.rotation import GATHER, Reason, Rotation, Use
from e2ee.safety import pair_emoji, room_digits
from e2ee.sframe import Header
from e2ee.slot import Slot
from e2ee.suite import derive
from e2ee.transcript import pack, unpack
from e2ee.verification import Verdict, Verification
from tests.e2ee.hostile import CRYPTO, SHARED, End, end, flip, linked, shake

DELTA = b"\x01delta"
OFFER = b"v=0 a=fingerprint:sha-256 AA:BB"


async def refusal(channel, sealed):
    with pytest.raises(ChannelError) as refused:
        await channel.open(sealed)
    return refused.value.refusal


async def in_between(shared):
    """Put somebody between Ada and Bob, who has a handshake with each of them."""
    ada, bob = await end("ada", "bob"), await end("bob", "ada")
    to_ada = await end("bob", "ada", shared=shared)
    to_bob = await end("ada", "bob", shared=shared)
    await shake(ada, to_ada)
    await shake(to_bob, bob)
    return ada, bob, to_ada, to_bob


async def test_t1_who_swaps_a_fingerprint_is_refused():
    ada, bob = await linked()
    mine, theirs = ada.channel(), bob.channel()
    sealed = await mine.seal(Kind.DESCRIPTION, 1, OFFER)
    assert b"fingerprint" not in sealed
    for at in range(len(sealed)):
        spoilt = flip(at)(sealed)
        assert await refusal(theirs, spoilt) in ChannelRefusal
    forged = Channel(CRYPTO, bytes(32), bytes(32))
    theirs_of_eve = await forged.seal(Kind.DESCRIPTION, 1, OFFER)
    assert await refusal(theirs, theirs_of_eve) is ChannelRefusal.FORGED
    assert (await theirs.open(sealed)).plain == OFFER


async def test_t1_who_stands_in_between_without_the_link_gets_no_keys():
    ada, bob, to_ada, to_bob = await in_between(bytes(32))
    for each in (ada, bob, to_ada, to_bob):
        assert each.handshake.secrets is None
    assert to_ada.failure is bob.failure is Failure.FORGED


async def test_t2_with_the_link_leaked_the_codes_tell():
    ada, bob, to_ada, _ = await in_between(SHARED)
    assert (ada.state, bob.state) == (State.DONE, State.DONE)
    assert pair_emoji(ada.secrets.short) != pair_emoji(bob.secrets.short)
    seen_by_ada = [ada.identity.public, ada.secrets.peer_identity]
    seen_by_bob = [bob.identity.public, bob.secrets.peer_identity]
    assert room_digits("room", seen_by_ada) != room_digits("room", seen_by_bob)
    # Eve can't make Ada's green from what Bob says.
    verification = Verification(ada.secrets, ada.identity.public)
    verification.match()
    verification.hear(Verification(bob.secrets, bob.identity.public).match())
    assert verification.verdict is Verdict.MISMATCH
    # Eve holds these keys; that is what the comparison is for.
    assert to_ada.secrets.short == ada.secrets.short


async def test_t3_who_grinds_keys_after_the_commitment_fails_at_once():
    """Eve sees Bob's key first and would choose hers until the codes are alike."""
    bob, eve = await end("bob", "ada"), await end("ada", "bob")
    reply = await bob.take(await eve.handshake.start())
    await eve.take(reply)
    for ground in range(3):
        parts = [bytes([ground]) * 32, bytes(32), bytes(80)]
        await bob.take(bytes([Message.REVEAL]) + pack(*parts))
        assert (bob.state, bob.failure) == (State.FAILED, Failure.COMMITMENT)
    assert bob.handshake.secrets is None


async def test_t3_a_commitment_says_nothing_of_the_key_and_binds_to_it():
    """Two HELLOs of the same key differ, and no other key fits either."""
    ada, bob = await end("ada", "bob"), await end("bob", "ada")
    wire = await shake(ada, bob)
    hello, reveal = unpack(wire.log[0][1:], 7), unpack(wire.log[2][1:], 3)
    for message in wire.log[:2]:
        assert reveal[0] not in message and reveal[1] not in message
    for key, nonce in ((reveal[0], bytes(32)), (bytes(range(32)), reveal[1])):
        victim = End(Link("room", "bob", "ada", False), bob.identity)
        await victim.take(wire.log[0])
        await victim.take(bytes([Message.REVEAL]) + pack(key, nonce, reveal[2]))
        assert victim.failure is Failure.COMMITMENT
    assert len(hello[6]) == 32


async def test_t4_a_recorded_handshake_is_worth_nothing_later():
    ada, bob = await end("ada", "bob"), await end("bob", "ada")
    wire = await shake(ada, bob)
    again = End(Link("room", "bob", "ada", False), bob.identity)
    for message in wire.log:
        await again.take(message)
    assert again.handshake.secrets is None
    assert again.failure in (Failure.COMMITMENT, Failure.FORGED)
    initiator = End(Link("room", "ada", "bob", True), ada.identity)
    await initiator.handshake.start()
    for message in wire.log:
        await initiator.take(message)
    assert (initiator.state, initiator.failure) == (State.FAILED, Failure.FORGED)


async def test_t4_words_of_an_earlier_epoch_are_refused():
    ada, bob = await linked()
    old = [await ada.channel().seal(kind, 1, OFFER) for kind in Kind]
    again = End(Link("room", "ada", "bob", True), ada.identity)
    other = await end("bob", "ada")
    await shake(again, other)
    theirs = other.channel()
    for sealed in old:
        assert await refusal(theirs, sealed) is ChannelRefusal.FORGED


async def test_t4_words_of_this_epoch_are_taken_once():
    ada, bob = await linked()
    mine, theirs = ada.channel(), bob.channel()
    for kind in Kind:
        sealed = await mine.seal(kind, 1, OFFER)
        await theirs.open(sealed)
        assert await refusal(theirs, sealed) is ChannelRefusal.REPLAYED


async def test_t5_frames_and_words_thrown_back_are_refused():
    ada, _ = await linked()
    sending, receiving = ada.keys()
    frame = sending.protect(Slot.CAMERA, DELTA)
    assert receiving.unprotect(Slot.CAMERA, frame, 0.0) is None
    assert receiving.counts == {(Slot.CAMERA, Refusal.FORGED): 1}
    channel = ada.channel()
    sealed = await channel.seal(Kind.CHAT, 0, b"hello")
    assert await refusal(channel, sealed) is ChannelRefusal.FORGED


async def test_t5_a_handshake_thrown_back_is_refused():
    ada = await end("ada", "bob")
    hello = await ada.handshake.start()
    assert await ada.take(hello) == b""  # it waits for a reply, and goes on
    assert ada.state is State.COMMITTED
    parts = unpack(hello[1:], 7)
    mirrored = pack(b"\x00\x05", parts[5], bytes(range(32)), bytes(32))
    await ada.take(bytes([Message.REPLY]) + mirrored)
    assert (ada.state, ada.failure) == (State.FAILED, Failure.REFLECTED)


async def test_t6_replayed_frames_only_count():
    ada, bob = await linked()
    sending, _ = ada.keys()
    _, receiving = bob.keys()
    frames = [sending.protect(Slot.CAMERA, DELTA) for _ in range(1100)]
    for frame in frames:
        assert receiving.unprotect(Slot.CAMERA, frame, 0.0) == DELTA
    for frame in (frames[-1], frames[0]):
        assert receiving.unprotect(Slot.CAMERA, frame, 0.0) is None
    assert receiving.counts == {
        (Slot.CAMERA, "ok"): 1100,
        (Slot.CAMERA, Refusal.DUPLICATE): 1,
        (Slot.CAMERA, Refusal.OLD): 1,
    }


async def test_t7_frames_in_another_slot_or_of_another_sender_are_refused():
    ada, bob = await linked()
    sending, _ = ada.keys()
    _, receiving = bob.keys()
    for slot in Slot:
        for other in {*Slot} - {slot}:
            frame = sending.protect(slot, DELTA)
            assert receiving.unprotect(other, frame, 0.0) is None
    cat, bob_again = await end("bob", "cat"), await end("cat", "bob")
    await shake(cat, bob_again)
    of_cat, _ = cat.keys()
    frame = of_cat.protect(Slot.CAMERA, DELTA)
    assert receiving.unprotect(Slot.CAMERA, frame, 0.0) is None
    assert not [slot for slot, what in receiving.counts if what == "ok"]


async def test_t8_and_t9_nothing_that_is_altered_or_plain_passes():
    ada, bob = await linked()
    sending, _ = ada.keys()
    _, receiving = bob.keys()
    chance = random.Random(8)
    for slot in Slot:
        frame = sending.protect(slot, b"\x00" + chance.randbytes(40))
        for bit in range(8 * len(frame)):
            spoilt = flip(bit // 8, 1 << bit % 8)(frame)
            assert receiving.unprotect(slot, spoilt, 0.0) is None
        for end_ in range(len(frame)):
            assert receiving.unprotect(slot, frame[:end_], 0.0) is None
        plain = (b"", b"\x00", b"\x01", b"\xf8\xff\xfe", DELTA, b"\x01\x80\x01" * 9)
        for each in plain:
            assert receiving.unprotect(slot, each, 0.0) is None
    assert not [slot for slot, what in receiving.counts if what == "ok"]


async def test_t10_who_left_opens_nothing_more():
    """Cat keeps every key she had, and hears everything; nobody sends to her."""
    ada, cat = await end("ada", "cat"), await end("cat", "ada")
    await shake(ada, cat)
    to_cat, _ = ada.keys()
    _, of_cat = cat.keys()
    to_cat.stop()
    with pytest.raises(Refused):
        to_cat.protect(Slot.CAMERA, DELTA)
    ada2, bob = await linked()
    to_bob, _ = ada2.keys()
    rotation = Rotation(CRYPTO.random, 0.0)
    rotation.request(Reason.LEFT, 0.0)
    (key,) = rotation.tick(GATHER)
    (use,) = rotation.acknowledged(key.generation, 0.2)
    assert isinstance(use, Use)
    to_bob.use(use.generation, use.base_key)
    captured = [to_bob.protect(slot, DELTA) for slot in Slot for _ in range(20)]
    for frame in captured:
        assert all(of_cat.unprotect(slot, frame, 0.0) is None for slot in Slot)
    assert not [slot for slot, what in of_cat.counts if what == "ok"]


async def test_t11_who_comes_later_opens_nothing_of_before():
    ada, bob = await linked()
    sending, _ = ada.keys()
    old = [sending.protect(slot, DELTA) for slot in Slot for _ in range(20)]
    again, cat = await end("ada", "cat"), await end("cat", "ada")
    await shake(again, cat)
    _, receiving = cat.keys()
    for frame in old:
        assert all(receiving.unprotect(slot, frame, 0.0) is None for slot in Slot)


async def test_t12_a_flood_costs_one_look_up_each():
    ada, _ = await linked()
    asked = []

    class Counting:
        """Counts what a flood makes the cryptography do."""

        def aead(self, suite, key):
            asked.append(key)
            return CRYPTO.aead(suite, key)

    receiving = ReceivingKeys(Counting(), ada.secrets.suite)
    receiving.install(0, ada.secrets.base_in)
    before = len(asked)
    chance = random.Random(12)
    for _ in range(10_000):
        kid, ctr = chance.randrange(8, 256, 8), chance.randrange(2**24)
        frame = Header(kid, ctr).encode() + chance.randbytes(40)
        assert receiving.unprotect(Slot.MICROPHONE, frame, 0.0) is None
    assert len(asked) == before
    assert receiving.counts == {(Slot.MICROPHONE, Refusal.NO_KEY): 10_000}


async def test_t13_no_counter_is_used_twice_under_one_key():
    ada, _ = await linked()
    sending, _ = ada.keys()
    with pytest.raises(RotationError):  # as a worker that starts anew would
        sending.use(0, ada.secrets.base_out)
    sending.stop()
    with pytest.raises(RotationError):
        sending.use(0, ada.secrets.base_out)
    key = derive(ada.secrets.suite, bytes(32), key_id(0, Slot.CAMERA))
    aead = CRYPTO.aead(ada.secrets.suite, key)
    last = Sealer(1, Slot.CAMERA, aead, key.salt, counter=LIMIT)
    with pytest.raises(ExhaustedError):
        last.protect(DELTA)


def view(people):
    return {who: bytes.fromhex(key) for who, key in people.items()}


async def test_t14_who_tells_each_another_room_is_found_out():
    ada, bob = await linked()
    mine, theirs = ada.channel(), bob.channel()
    people = {"ada": ada.identity.public.hex(), "bob": bob.identity.public.hex()}
    ghost = (await end("eve", "x")).identity.public.hex()
    watch = RosterWatch()
    watch.see(view(people), 0.0)
    word = json.dumps({**people, "eve": ghost}).encode()
    said = await theirs.seal(Kind.ROSTER, 0, word)
    heard = json.loads((await mine.open(said)).plain)
    watch.hear("bob", view(heard), 0.0, answers=True)
    assert watch.forked(ROSTER_PATIENCE) == {"bob"}


async def test_t15_a_ghost_gets_no_key_or_is_seen():
    ada, ghost = await end("ada", "ghost"), await end("ghost", "ada", shared=b"?" * 32)
    await shake(ada, ghost)
    assert (ada.handshake.secrets, ghost.handshake.secrets) == (None, None)
    ada, ghost = await end("ada", "ghost"), await end("ghost", "ada")
    await shake(ada, ghost)
    assert ada.secrets.peer_identity == ghost.identity.public  # in every code
    verification = Verification(ada.secrets, ada.identity.public)
    verification.hear(Verification(ghost.secrets, ghost.identity.public).match())
    assert verification.verdict is Verdict.THEIRS  # green takes Ada's own word


async def test_t16_keys_that_come_late_twice_or_never_lose_no_frame():
    """The long run over a bad wire is in ``test_rotation.py``."""
    ada, bob = await linked()
    sending, _ = ada.keys()
    _, receiving = bob.keys()
    receiving.install(1, b"1" * 32, using=0)
    receiving.install(2, b"2" * 32, using=0)  # 1 was never used
    for generation in (0, 2):
        if generation:
            sending.use(generation, b"2" * 32)
        frame = sending.protect(Slot.SCREEN_AUDIO, b"x")
        assert receiving.unprotect(Slot.SCREEN_AUDIO, frame, 0.0) == b"x"
    assert {what for _, what in receiving.counts} == {"ok"}


@pytest.mark.parametrize("role", ["initiator", "responder"])
async def test_t17_who_borrows_an_identity_cannot_sign_for_it(role):
    victim = await CRYPTO.new_identity()
    own = await CRYPTO.new_identity()

    class Borrowed:
        """Claims one key and signs with another."""

        public = victim.public

        async def sign(self, message):
            return await own.sign(message)

    me, peer = ("ada", "bob") if role == "initiator" else ("bob", "ada")
    eve = End(Link("room", me, peer, me < peer), Borrowed())
    honest = await end(peer, me)
    await shake(*((eve, honest) if role == "initiator" else (honest, eve)))
    assert (honest.state, honest.failure) == (State.FAILED, Failure.FORGED)
    assert honest.handshake.secrets is None


async def test_t17_a_signature_made_for_one_link_is_worth_nothing_on_another():
    """Eve is a guest: what Ada signs for her she shows to Bob as her own."""
    ada_identity, shown = await CRYPTO.new_identity(), []

    class Ada:
        """Signs, and Eve, who can open it, sees what."""

        public = ada_identity.public

        async def sign(self, message):
            shown.append(await ada_identity.sign(message))
            return shown[-1]

    class Eve:
        """Shows what she has seen."""

        public = ada_identity.public

        async def sign(self, message):
            return shown[-1]

    ada = End(Link("room", "ada", "eve", True), Ada())
    await shake(ada, await end("eve", "ada"))
    assert ada.state is State.DONE
    eve, bob = End(Link("room", "ada", "bob", True), Eve()), await end("bob", "ada")
    await shake(eve, bob)
    assert (bob.state, bob.failure) == (State.FAILED, Failure.FORGED)


async def test_t17_who_uses_the_same_identity_as_oneself_is_refused():
    identity = await CRYPTO.new_identity()
    ada, eve = (
        End(Link("room", *who), identity)
        for who in (("a", "b", True), ("b", "a", False))
    )
    await shake(ada, eve)
    assert eve.failure is Failure.REFLECTED
    assert ada.handshake.secrets is None


async def test_t18_a_sender_that_starts_anew_is_silent_until_it_has_a_new_key():
    ada, bob = await linked()
    anew = SendingKeys(CRYPTO, ada.secrets.suite)
    for slot in Slot:
        with pytest.raises(Refused):
            anew.protect(slot, DELTA)
    _, receiving = bob.keys()
    anew.use(1, b"1" * 32)
    receiving.install(1, b"1" * 32, using=0)
    frame = anew.protect(Slot.CAMERA, DELTA)
    assert receiving.unprotect(Slot.CAMERA, frame, 0.0) == DELTA


async def test_an_attacker_who_does_anything_ends_with_no_handshake_half_done():
    """Random interference: both done with the same secrets, or nobody is fooled."""
    chance = random.Random("interference")
    outcomes = set()
    for _ in range(300):
        ada, bob = await end("ada", "bob"), await end("bob", "ada")
        earlier = await shake(await end("ada", "bob"), await end("bob", "ada"))
        number = chance.randrange(1, 5)
        what = chance.choice(("drop", "flip", "replace", "cut", "nothing"))
        tamper = {
            "drop": lambda message: None,
            "flip": flip(chance.randrange(500), 1 << chance.randrange(8)),
            "replace": lambda message, old=earlier.log[number - 1]: old,
            "cut": lambda message: message[: chance.randrange(len(message))],
            "nothing": lambda message: message,
        }[what]
        await shake(ada, bob, {number: tamper})
        done = [each for each in (ada, bob) if each.state is State.DONE]
        if len(done) == 2:
            assert ada.secrets.short == bob.secrets.short
        elif done:  # only the last message may be missing, and then it is Bob
            assert (done, number) == ([bob], 4)
        outcomes.add((what, len(done)))
    assert ("nothing", 2) in outcomes
    assert {count for what, count in outcomes if what != "nothing"} <= {0, 1}


async def test_no_error_holds_what_was_received():
    bob = Handshake(
        CRYPTO, Link("room", "bob", "ada", False), await CRYPTO.new_identity(), SHARED
    )
    with pytest.raises(HandshakeError) as refused:
        await bob.receive(bytes([Message.HELLO]) + b"somebody's words")
    assert "words" not in str(refused.value)
