"""Frames of a link: what comes back, what is refused, and at what cost."""

import tracemalloc

import pytest
from hypothesis import given, strategies as st

from client_py.headless.crypto import HeadlessCrypto
from e2ee.errors import ExhaustedError, FrameError, RotationError
from e2ee.frame import LIMIT, Refusal, Refused, Sealer, metadata
from e2ee.keyring import KEPT, LINGER, ReceivingKeys, SendingKeys, key_id
from e2ee.sframe import Header
from e2ee.slot import Slot
from e2ee.suite import ALLOWED, Suite, derive
from e2ee.window import SIZE, Sighting, Window

CRYPTO = HeadlessCrypto()
BASE = bytes(range(32))
SUITES = st.sampled_from(ALLOWED)
SLOTS = st.sampled_from(Slot)
DELTA = b"\x01delta"
KEY = b"\x00" + bytes(range(60))


def pair(suite=Suite.AES_128_GCM_SHA256_128, generation=0, base=BASE):
    sending, receiving = SendingKeys(CRYPTO, suite), ReceivingKeys(CRYPTO, suite)
    sending.use(generation, base)
    receiving.install(generation, base)
    return sending, receiving


def is_frame(slot, frame):
    try:
        slot.clear(frame)
    except FrameError:
        return False
    return True


@given(SUITES, SLOTS, st.integers(0, 100), st.lists(st.binary(min_size=1), max_size=9))
def test_frames_come_back_as_they_were(suite, slot, generation, frames):
    sending, receiving = pair(suite, generation)
    for frame in frames:
        if is_frame(slot, frame):
            protected = sending.protect(slot, frame)
            clear = slot.clear(frame)
            assert protected[:clear] == frame[:clear]
            assert receiving.unprotect(slot, protected, 0.0) == frame


@pytest.mark.parametrize("slot", Slot)
@pytest.mark.parametrize("frame", [DELTA, KEY], ids=["delta", "key"])
def test_every_flipped_bit_is_refused(slot, frame):
    sending, receiving = pair()
    protected = sending.protect(slot, frame)
    for bit in range(8 * len(protected)):
        spoilt = bytearray(protected)
        spoilt[bit // 8] ^= 1 << bit % 8
        assert receiving.unprotect(slot, bytes(spoilt), 0.0) is None, bit
    assert (slot, "ok") not in receiving.counts
    assert receiving.unprotect(slot, protected, 0.0) == frame


@given(SLOTS, st.binary(max_size=80))
def test_any_bytes_are_dropped_and_counted(slot, frame):
    _, receiving = pair()
    assert receiving.unprotect(slot, frame, 0.0) is None
    assert receiving.counts.total() == 1


@pytest.mark.parametrize(
    ("frame", "refusal"),
    [
        (b"", Refusal.PLAIN),
        (b"\x01", Refusal.PLAIN),
        (b"\x00" * 9, Refusal.PLAIN),  # a key frame that is cut short
        (b"\x01\x80\x01" + bytes(16), Refusal.PLAIN),  # a header too long
        (b"\x01" + Header(1, LIMIT).encode() + bytes(16), Refusal.PLAIN),
        (b"\x01" + Header(9, 0).encode() + bytes(16), Refusal.NO_KEY),
        (b"\x01" + Header(1, 0).encode(), Refusal.FORGED),  # no tag at all
        (b"\x01" + Header(1, 0).encode() + bytes(16), Refusal.FORGED),
    ],
)
def test_a_frame_is_dropped_for_its_reason(frame, refusal):
    _, receiving = pair()
    assert receiving.unprotect(Slot.CAMERA, frame, 0.0) is None
    assert receiving.counts == {(Slot.CAMERA, refusal): 1}


def test_a_frame_that_comes_twice_is_a_duplicate_and_no_attack():
    sending, receiving = pair()
    protected = sending.protect(Slot.CAMERA, DELTA)
    assert receiving.unprotect(Slot.CAMERA, protected, 0.0) == DELTA
    assert receiving.unprotect(Slot.CAMERA, protected, 0.0) is None
    assert receiving.counts[Slot.CAMERA, Refusal.DUPLICATE] == 1


def test_a_frame_behind_the_window_is_old():
    sending, receiving = pair()
    frames = [sending.protect(Slot.MICROPHONE, b"opus") for _ in range(SIZE + 1)]
    assert receiving.unprotect(Slot.MICROPHONE, frames[-1], 0.0) == b"opus"
    assert receiving.unprotect(Slot.MICROPHONE, frames[1], 0.0) == b"opus"
    assert receiving.unprotect(Slot.MICROPHONE, frames[0], 0.0) is None
    assert receiving.counts[Slot.MICROPHONE, Refusal.OLD] == 1


def test_a_forged_counter_does_not_move_the_window():
    sending, receiving = pair()
    first = sending.protect(Slot.MICROPHONE, b"opus")
    forged = Header(0, LIMIT - 1).encode() + bytes(20)
    assert receiving.unprotect(Slot.MICROPHONE, forged, 0.0) is None
    assert receiving.unprotect(Slot.MICROPHONE, first, 0.0) == b"opus"


@given(st.lists(st.integers(0, 5 * SIZE), max_size=200))
def test_a_window_takes_a_counter_once_and_forgets_none_within_its_size(counters):
    window, seen = Window(), set()
    for counter in counters:
        look = window.look(counter)
        if counter <= max(seen, default=-1) - SIZE:
            assert look is Sighting.OLD
        else:
            assert look is (Sighting.SEEN if counter in seen else Sighting.NEW)
            seen.add(counter)
        window.take(counter)
    assert window.highest == max(seen, default=-1)


def sealer(kid, slot, counter):
    key = derive(Suite.AES_128_GCM_SHA256_128, BASE, kid)
    aead = CRYPTO.aead(Suite.AES_128_GCM_SHA256_128, key)
    return Sealer(kid, slot, aead, key.salt, counter=counter)


def test_a_key_stops_at_its_limit_and_never_counts_again():
    last = sealer(0, Slot.MICROPHONE, LIMIT - 1)
    _, receiving = pair()
    frame = last.protect(b"last")
    assert receiving.unprotect(Slot.MICROPHONE, frame, 0.0) == b"last"
    for _ in range(2):
        with pytest.raises(ExhaustedError):
            last.protect(b"one too many")


@pytest.mark.parametrize("generation", [-1, 3, 4, 2**32])
def test_a_generation_that_does_not_rise_is_refused(generation):
    sending, receiving = pair(generation=4)
    with pytest.raises(RotationError):
        sending.use(generation, BASE)
    with pytest.raises(RotationError):
        receiving.install(generation, BASE)
    frame = sending.protect(Slot.SCREEN_AUDIO, b"still")
    assert receiving.unprotect(Slot.SCREEN_AUDIO, frame, 0.0) == b"still"


def test_without_a_key_nothing_leaves():
    sending = SendingKeys(CRYPTO, Suite.AES_128_GCM_SHA256_128)
    with pytest.raises(Refused) as refused:
        sending.protect(Slot.CAMERA, DELTA)
    assert refused.value.refusal is Refusal.NO_KEY
    sending.use(0, BASE)
    sending.stop()
    with pytest.raises(Refused):
        sending.protect(Slot.CAMERA, DELTA)


@pytest.mark.parametrize("counter", [0, 7, 8, 255, 256, 65535, 65536, LIMIT - 1])
def test_a_frame_grows_by_21_bytes_at_most(counter):
    for slot in Slot:
        for generation in (0, 31):
            last = sealer(key_id(generation, slot), slot, counter)
            grown = len(last.protect(KEY)) - len(KEY)
            assert 17 <= grown <= 21


def test_an_old_generation_goes_a_while_after_the_new_one_came():
    sending, receiving = pair()
    late = sending.protect(Slot.SCREEN_AUDIO, b"late")
    later = sending.protect(Slot.SCREEN_AUDIO, b"later")
    receiving.install(1, b"new")
    sending.use(1, b"new")
    receiving.tick(100.0)  # nothing of the new one came yet
    assert receiving.generations == (0, 1)
    receiving.unprotect(
        Slot.SCREEN_AUDIO, sending.protect(Slot.SCREEN_AUDIO, b"new"), 100.0
    )
    receiving.tick(100.0 + LINGER - 0.01)
    assert receiving.unprotect(Slot.SCREEN_AUDIO, late, 102.0) == b"late"
    receiving.tick(100.0 + LINGER)
    assert receiving.generations == (1,)
    assert receiving.unprotect(Slot.SCREEN_AUDIO, later, 104.0) is None
    assert receiving.counts[Slot.SCREEN_AUDIO, Refusal.NO_KEY] == 1


def test_what_the_other_side_uses_is_kept_however_often_it_offers():
    sending, receiving = pair()
    for generation in range(1, 80):
        receiving.install(generation, bytes([generation]), using=0)
        if generation % 32:  # else the id would mean two keys
            frame = sending.protect(Slot.SCREEN_AUDIO, b"x")
            assert receiving.unprotect(Slot.SCREEN_AUDIO, frame, 0.0) == b"x"
        else:
            break
        assert len(receiving.generations) == KEPT


def test_a_key_id_tells_slots_and_neighbours_apart():
    ids = {key_id(generation, slot) for generation in range(32) for slot in Slot}
    assert len(ids) == 32 * len(Slot)
    assert max(ids) < 256


def test_a_flood_takes_no_memory():
    _, receiving = pair()
    frames = [
        Header(kid, ctr).encode() + bytes(30) for kid in range(999) for ctr in (0, 9)
    ]
    for frame in frames[:50]:
        receiving.unprotect(Slot.MICROPHONE, frame, 0.0)
    tracemalloc.start()
    for frame in frames:
        assert receiving.unprotect(Slot.MICROPHONE, frame, 0.0) is None
    grown, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert grown < 20_000
    assert len(receiving.counts) <= len(Refusal)


def test_the_slot_and_the_clear_bytes_are_authenticated_by_themselves():
    """Besides the key id: it is what another implementation has to do too."""
    assert metadata(Slot.SCREEN, b"\x01") == b"mf1\x02\x01"
