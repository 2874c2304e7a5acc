"""The worker and Python make the same frames, in both browsers."""

import json
import random
from pathlib import Path

import pytest

from client_py.headless.crypto import HeadlessCrypto
from e2ee.frame import LAST_KID, LIMIT, Refusal, Sealer
from e2ee.keyring import ReceivingKeys, SendingKeys, key_id
from e2ee.sframe import Header
from e2ee.slot import Slot
from e2ee.suite import ALLOWED, Suite, derive
from e2ee.window import SIZE
from tests.e2ee.worker_page import worker_page

CRYPTO = HeadlessCrypto()
BASE = bytes(range(32))
SUITE = Suite.AES_128_GCM_SHA256_128
BATCH = 2500
#: 100,000 frames in all, each protected by both and opened by both.
BATCHES = {"chromium": 28, "firefox": 12}
VECTORS = Path(__file__).parents[1] / "unit" / "vectors" / "sframe-header.json"
#: Where counters begin: those of a batch have one, two and three bytes.
STARTS = (0, 2**16 - BATCH // 2, 2**23 - BATCH // 2, LIMIT - BATCH)
DELTA = b"\x01delta"


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def engine(request):
    return request.param


@pytest.fixture(scope="module")
def launched(engine, tertulia_browsers):
    return tertulia_browsers[engine]


@pytest.fixture
def worker(launched, engine):
    with worker_page(launched) as page:
        assert {"chromium": "Chrome/", "firefox": "Firefox/"}[engine] in page.agent
        yield page
        assert not [each for each in page.told() if each["kind"] == "error"]


def python(generation=0, suite=SUITE, base=BASE):
    sending, receiving = SendingKeys(CRYPTO, suite), ReceivingKeys(CRYPTO, suite)
    sending.use(generation, base)
    receiving.install(generation, base)
    return sending, receiving


def random_frame(chance, slot):
    body = chance.randbytes(chance.choice((0, 1, 9, 30, 90, 200)))
    if slot in (Slot.CAMERA, Slot.SCREEN):
        return bytes([chance.randrange(256)]) + chance.randbytes(9) + body
    return body


@pytest.mark.timeout(180)
def test_random_frames_are_the_same_byte_for_byte(worker, engine):
    chance = random.Random(f"frames for {engine}")
    for number in range(BATCHES[engine]):
        slot, suite = chance.choice(list(Slot)), chance.choice(ALLOWED)
        generation, base = chance.randrange(64), chance.randbytes(32)
        link, counter = f"link {number}", STARTS[number % len(STARTS)]
        worker.install("send", link, generation, suite, base, counter=counter)
        worker.install("receive", link, generation, suite, base)
        _, receiving = python(generation, suite, base)
        kid = key_id(generation, slot)
        key = derive(suite, base, kid)
        aead = CRYPTO.aead(suite, key)
        sealer = Sealer(kid, slot, aead, key.salt, counter=counter)
        plain = [random_frame(chance, slot) for _ in range(BATCH)]
        protected = [sealer.protect(frame) for frame in plain]
        assert worker.run("send", link, slot, plain) == protected
        assert worker.run("receive", link, slot, protected) == plain
        assert [receiving.unprotect(slot, each, 0.0) for each in protected] == plain
        assert worker.counts(link, slot, "receive") == {"ok": BATCH}


def test_every_header_of_the_rfc_is_made_or_refused_as_python_does(worker):
    """The vectors of RFC 9605, appendix C.1; ours have a byte of KID, three of CTR."""
    vectors = json.loads(VECTORS.read_text())["header"]
    assert len(vectors) == 289
    ours = 0
    for number, vector in enumerate(vectors):
        header = Header(int(vector["kid"]), int(vector["ctr"]))
        encoded = bytes.fromhex(vector["encoded"])
        slot, link = header.kid & 7, f"vector {number}"
        frame = bytes(10 if slot in (Slot.CAMERA, Slot.SCREEN) else 0)
        good = header.kid <= LAST_KID and header.ctr < LIMIT
        if good:
            ours += 1
            worker.install_one("send", link, SUITE, BASE, header)
            (sent,) = worker.run("send", link, slot, [frame])
            assert sent[len(frame) :].startswith(encoded)
            assert len(sent) == len(frame) + len(encoded) + 16
        assert worker.run("receive", link, slot, [frame + encoded + bytes(16)]) == []
        refusal = "nokey" if good else "plain"
        assert worker.counts(link, slot, "receive") == {refusal: 1}
    assert ours == 21


def test_a_counter_ends_and_never_starts_over(worker):
    worker.install("send", "link", 0, SUITE, BASE, counter=LIMIT - 1)
    assert (
        len(worker.run("send", "link", Slot.SCREEN_AUDIO, [b"last", b"one more"])) == 1
    )
    assert worker.counts("link", Slot.SCREEN_AUDIO, "send") == {"ok": 1, "exhausted": 1}


def test_both_drop_the_same_frames_for_the_same_reasons(worker):
    sending, receiving = python()
    worker.install("receive", "link", 0, SUITE, BASE)
    first, *others = [sending.protect(Slot.CAMERA, DELTA) for _ in range(SIZE + 2)]
    flipped = [
        bytes(byte ^ (1 << bit % 8) * (at == bit // 8) for at, byte in enumerate(first))
        for bit in range(8 * len(first))
    ]
    hostile = [
        *(b"", b"\x01", bytes(9), b"\x01\x80\x01" + bytes(16), DELTA, DELTA[1:]),
        *(b"\x01" + Header(1, 2**24).encode() + bytes(16), b"\x01\x10"),
        *(
            b"\x01" + Header(kid, 0).encode() + bytes(20)
            for kid in (0, 2, 9, 2**64 - 1)
        ),
        b"\x01" + Header(1, 2**64 - 1).encode() + bytes(20),
        b"\x01\x08\x00" + bytes(16),
    ]
    frames = [*hostile, *flipped, others[0], others[0], others[-1], first, others[5]]
    chance = random.Random("hostile frames")
    frames += [chance.randbytes(chance.randrange(60)) for _ in range(500)]
    kept = [receiving.unprotect(Slot.CAMERA, each, 0.0) for each in frames]
    assert worker.run("receive", "link", Slot.CAMERA, frames) == [
        each for each in kept if each is not None
    ]
    expected = {name: count for (_, name), count in receiving.counts.items()}
    assert worker.counts("link", Slot.CAMERA, "receive") == expected
    assert {*expected} == {"ok", *Refusal}


def test_a_sender_without_a_key_sends_nothing(worker):
    assert worker.run("send", "link", Slot.CAMERA, [DELTA]) == []
    worker.install("send", "link", 0, SUITE, BASE)
    assert len(worker.run("send", "link", Slot.CAMERA, [DELTA])) == 1
    worker.say("stop", "link")
    assert worker.run("send", "link", Slot.CAMERA, [DELTA, DELTA]) == []
    counts = worker.counts("link", Slot.CAMERA, "send")
    assert counts == {"nokey": 3, "ok": 1}


def test_a_transform_of_no_known_way_lets_nothing_through(worker):
    worker.install("send", "link", 0, SUITE, BASE)
    assert worker.run("both", "link", Slot.CAMERA, [DELTA]) == []


@pytest.mark.parametrize("ending", ["stop", "leave"])
def test_a_generation_never_counts_from_the_start_again(worker, ending):
    worker.install("send", "link", 3, SUITE, BASE)
    (first,) = worker.run("send", "link", Slot.SCREEN_AUDIO, [b"one"])
    worker.install("send", "link", 3, SUITE, BASE)
    (second,) = worker.run("send", "link", Slot.SCREEN_AUDIO, [b"one"])
    assert second != first
    worker.say(ending, "link")
    worker.install("send", "link", 3, SUITE, BASE)
    worker.install("send", "link", 2, SUITE, BASE)
    assert worker.run("send", "link", Slot.SCREEN_AUDIO, [b"one"]) == []
    worker.install("send", "link", 4, SUITE, BASE)
    assert len(worker.run("send", "link", Slot.SCREEN_AUDIO, [b"one"])) == 1


def test_a_rotation_loses_no_frame(worker):
    sending, _ = python()
    worker.install("receive", "link", 0, SUITE, BASE)
    before = [sending.protect(Slot.SCREEN_AUDIO, b"old") for _ in range(2)]
    sending.use(1, b"another base key")
    after = sending.protect(Slot.SCREEN_AUDIO, b"new")
    assert worker.run("receive", "link", Slot.SCREEN_AUDIO, before[:1]) == [b"old"]
    worker.install("receive", "link", 1, SUITE, b"another base key")
    ran = worker.run("receive", "link", Slot.SCREEN_AUDIO, [after, before[1]])
    assert ran == [b"new", b"old"]
    worker.say("forget", "link", generation=0)
    late = [*before, after]
    assert worker.run("receive", "link", Slot.SCREEN_AUDIO, late) == []
    counts = worker.counts("link", Slot.SCREEN_AUDIO, "receive")
    assert counts == {"ok": 3, "nokey": 2, "dup": 1}
    opened = [each["generation"] for each in worker.told() if each["kind"] == "opened"]
    assert opened == [0, 1]


def test_who_left_is_heard_no_more(worker):
    sending, _ = python()
    worker.install("receive", "link", 0, SUITE, BASE)
    worker.say("leave", "link")
    frames = [sending.protect(Slot.CAMERA, DELTA)]
    assert worker.run("receive", "link", Slot.CAMERA, frames) == []
    worker.install("receive", "link", 0, SUITE, BASE)
    assert worker.run("receive", "link", Slot.CAMERA, frames) == []


def test_a_flood_asks_for_one_key_frame_and_duplicates_for_none(worker):
    sending, _ = python()
    worker.install("receive", "link", 0, SUITE, BASE)
    frames = [sending.protect(Slot.CAMERA, DELTA) for _ in range(3)]
    good = worker.ran("receive", "link", Slot.CAMERA, [frames[0]] * 9)
    assert (len(good["frames"]), good["requests"]) == (1, 0)
    gap = worker.ran("receive", "link", Slot.CAMERA, [frames[2]])
    assert (len(gap["frames"]), gap["requests"]) == (1, 1)
    flood = worker.ran("receive", "link", Slot.CAMERA, [b"\x01\x11" + bytes(20)] * 200)
    assert flood["requests"] <= 1 + flood["microseconds"] * 200 / 300_000


def test_canaries_are_told_of_once_and_go_nowhere_until_one_is_admitted(worker):
    worker.install("send", "link", 0, SUITE, BASE)
    for _ in range(2):
        sent = worker.run("send", "link", Slot.CAMERA, [DELTA, DELTA], canary=True)
        assert sent == []
    told = [{"kind": "passing", "link": "link", "slot": int(Slot.CAMERA)}]
    assert [each for each in worker.told() if each["kind"] == "passing"] == told
    assert worker.counts("link", Slot.CAMERA, "send") == {"canary": 4}


def test_what_is_admitted_leaves_its_slot_alone(worker):
    worker.install("send", "link", 0, SUITE, BASE)
    for slot in (Slot.CAMERA, Slot.SCREEN):
        assert worker.run("send", "link", slot, [DELTA], canary=True) == []
    worker.say("admit", "link", slot=int(Slot.CAMERA))
    # A new transform would have to prove itself; this one goes on.
    assert len(worker.run("send", "link", Slot.CAMERA, [DELTA])) == 1
    assert worker.run("send", "link", Slot.SCREEN, [DELTA]) == []
