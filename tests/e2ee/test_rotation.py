"""Keys are renewed without the loss of a frame."""

import itertools
import os
import random

import pytest

from e2ee.errors import FrameError, RotationError
from e2ee.keyring import ReceivingKeys, SendingKeys
from e2ee.rotation import (
    GATHER,
    LIFETIME,
    RETRY,
    SETTLE,
    TRANSITIONS,
    Key,
    KeyReceiver,
    Phase,
    Reason,
    Rotation,
    Step,
    Use,
)
from e2ee.slot import Slot
from e2ee.suite import Suite
from tests.e2ee.hostile import CRYPTO

SUITE = Suite.AES_128_GCM_SHA256_128


def fresh(length):
    return os.urandom(length)


def offered(reason=Reason.LEFT):
    rotation = Rotation(fresh, 0.0)
    rotation.request(reason, 0.0)
    (key,) = rotation.tick(GATHER)
    return rotation, key


def test_a_new_key_is_used_once_it_is_acknowledged():
    rotation, key = offered()
    assert (key.generation, key.using, rotation.generation) == (1, 0, 0)
    assert rotation.acknowledged(1, 0.2) == [Use(1, key.base_key)]
    assert (rotation.phase, rotation.generation) == (Phase.STEADY, 1)
    assert rotation.acknowledged(1, 0.3) == []


def test_who_comes_and_goes_at_once_costs_one_rotation():
    rotation = Rotation(fresh, 0.0)
    for each in range(50):
        rotation.request(Reason.LEFT, each / 1000)
    assert rotation.tick(GATHER - 0.01) == []
    assert len(rotation.tick(GATHER)) == 1
    assert rotation.due == pytest.approx(GATHER + RETRY)


def test_an_offer_is_repeated_ever_less_often():
    rotation, key = offered()
    times = []
    while len(times) < 4:
        now = rotation.due
        times.append(now - GATHER)
        assert rotation.tick(now) == [key]
    assert times == pytest.approx([RETRY, 3 * RETRY, 7 * RETRY, 15 * RETRY])


@pytest.mark.parametrize("reason", Reason)
def test_the_old_key_serves_for_as_long_as_no_answer_comes(reason):
    """A cut of signaling costs no media, whoever came or went in it."""
    rotation = Rotation(fresh, 0.0)
    rotation.request(reason, 0.0)
    (key,) = rotation.tick(rotation.due)
    now = rotation.due
    while now < 3600.0:
        assert rotation.tick(now) == [key]
        now = rotation.due
    assert rotation.generation == 0
    assert rotation.acknowledged(1, now) == [Use(1, key.base_key)]


def test_an_answer_to_an_earlier_offer_changes_nothing():
    rotation, _ = offered()
    rotation.request(Reason.LEFT, 0.15)
    assert rotation.acknowledged(1, 0.2) == []
    (second,) = rotation.tick(0.3)
    assert (second.generation, second.using) == (2, 0)
    assert rotation.acknowledged(1, 0.3) == []
    assert rotation.acknowledged(2, 0.3) == [Use(2, second.base_key)]


def test_a_key_has_its_time():
    rotation = Rotation(fresh, 0.0)
    assert rotation.tick(LIFETIME - 1) == []
    assert rotation.tick(LIFETIME) == []
    assert rotation.phase is Phase.GATHERING


def test_every_step_is_in_the_table_or_changes_nothing():
    assert {phase for phase, _ in TRANSITIONS} == {*Phase}
    steps = {step for _, step in TRANSITIONS}
    assert steps == {*Step}


def test_a_key_is_read_as_it_was_written_or_not_at_all():
    _, key = offered()
    assert Key.decode(key.encode()) == key
    assert "base_key" not in repr(key)
    for spoilt in (b"", key.encode()[:-1], key.encode() + b"x", bytes(8), bytes(80)):
        with pytest.raises(FrameError):
            Key.decode(spoilt)


def test_a_receiver_answers_again_and_takes_nothing_older():
    keys = ReceivingKeys(CRYPTO, SUITE)
    keys.install(0, bytes(32))
    receiver = KeyReceiver(keys)
    first, second = (Key(n, 0, bytes([n]) * 32) for n in (1, 2))
    assert [receiver.receive(each) for each in (first, first)] == [1, 1]
    with pytest.raises(RotationError):
        receiver.receive(Key(1, 0, b"x" * 32))
    assert receiver.receive(second) == 2
    for old in (first, Key(0, 0, bytes(32))):
        with pytest.raises(RotationError):
            receiver.receive(old)
    assert keys.generations == (0, 2)


@pytest.mark.parametrize("seed", range(5))
def test_a_hundred_rotations_over_a_bad_wire_lose_no_frame(seed):
    """30 % of keys and answers are lost, others come late and twice."""
    chance = random.Random(seed)
    sending, receiving = SendingKeys(CRYPTO, SUITE), ReceivingKeys(CRYPTO, SUITE)
    sending.use(0, bytes(32))
    receiving.install(0, bytes(32))
    rotation, receiver = Rotation(fresh, 0.0), KeyReceiver(receiving)
    wire: list[tuple[float, Key | int]] = []

    def post(what, now):
        wire.extend(
            (now + chance.uniform(0.0, 0.4), what)
            for _ in range(chance.choice((1, 1, 2)))
            if chance.random() > 0.3
        )

    asked = 0
    for tick in itertools.count():
        now = tick / 100
        if rotation.phase is Phase.STEADY:
            if rotation.generation >= 100:
                break
            rotation.request(Reason.LEFT, now)
            asked += 1
        elif rotation.phase is Phase.OFFERED and chance.random() < 0.01:
            rotation.request(Reason.LEFT, now)
        for effect in rotation.tick(now):
            post(effect, now)
        due = [each for each in wire if each[0] <= now]
        wire[:] = [each for each in wire if each[0] > now]
        for _, what in due:
            if isinstance(what, Key):
                try:
                    post(receiver.receive(what), now)
                except RotationError:
                    pass  # an old one that came late
            else:
                for effect in rotation.acknowledged(what, now):
                    sending.use(effect.generation, effect.base_key)
        if chance.random() < 0.3:  # there are pauses: somebody is muted
            frame = sending.protect(Slot.MICROPHONE, b"opus")
            assert receiving.unprotect(Slot.MICROPHONE, frame, now) == b"opus"
        receiving.tick(now)
    assert asked > 50
    assert {what for _, what in receiving.counts} == {"ok"}


def test_who_comes_waits_for_a_quiet_moment_and_who_leaves_does_not():
    rotation = Rotation(fresh, 0.0)
    rotation.request(Reason.JOINED, 0.0)
    rotation.request(Reason.JOINED, 1.0)
    assert rotation.tick(SETTLE - 0.01) == []
    assert len(rotation.tick(SETTLE)) == 1
    other = Rotation(fresh, 0.0)
    other.request(Reason.JOINED, 0.0)
    other.request(Reason.LEFT, 1.0)
    assert other.tick(1.0 + GATHER - 0.01) == []
    assert len(other.tick(1.0 + GATHER)) == 1
