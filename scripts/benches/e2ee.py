"""What the encryption costs: time per frame, bytes per frame, time per handshake.

Frames have 1,200 bytes. The peer is AES-GCM alone, so what is above it is ours. The
worker's frames go through a transform in Chromium, one after the other, and count
what they wait for too.
"""

import asyncio
import os
import time
from collections.abc import Callable

import _rig  # puts our packages before this folder, where e2ee is this file
from _report import Row, progress, report, row
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from client_py.headless.crypto import HeadlessCrypto
from e2ee.frame import LIMIT, Sealer
from e2ee.handshake import Handshake, Link
from e2ee.keyring import ReceivingKeys, SendingKeys, key_id
from e2ee.slot import Slot
from e2ee.suite import Suite, derive
from tests.e2ee.worker_page import worker_page

RUNS = 7
FRAMES = 2000
SUITE = Suite.AES_128_GCM_SHA256_128
FRAME = b"\x01" + os.urandom(1199)
BASE = bytes(32)
CRYPTO = HeadlessCrypto()


def each(step: Callable[[], object]) -> float:
    """Return the microseconds of one of many, of this thread's own time."""
    start = time.thread_time()
    for _ in range(FRAMES):
        step()
    return 1e6 * (time.thread_time() - start) / FRAMES


def python_frames() -> tuple[float, float, float, float]:
    """Return protect, AES alone, unprotect, AES alone, in µs."""
    sending, receiving = SendingKeys(CRYPTO, SUITE), ReceivingKeys(CRYPTO, SUITE)
    sending.use(0, BASE)
    receiving.install(0, BASE)
    aes, nonce, aad = AESGCM(bytes(16)), bytes(12), bytes(8)
    frames: list[bytes] = []
    protect = each(lambda: frames.append(sending.protect(Slot.CAMERA, FRAME)))
    encrypt = each(lambda: aes.encrypt(nonce, FRAME, aad))
    coming = iter(frames)
    unprotect = each(lambda: receiving.unprotect(Slot.CAMERA, next(coming), 0.0))
    assert receiving.counts[Slot.CAMERA, "ok"] == FRAMES
    sealed = aes.encrypt(nonce, FRAME, aad)
    decrypt = each(lambda: aes.decrypt(nonce, sealed, aad))
    return protect, encrypt, unprotect, decrypt


def overhead() -> list[float]:
    """Return by how many bytes frames grow, over all counters and generations."""
    grown: list[float] = []
    for generation in (0, 1, 31):
        for counter in (0, 8, 256, 65536, LIMIT - 1):
            kid = key_id(generation, Slot.CAMERA)
            key = derive(SUITE, BASE, kid)
            aead = CRYPTO.aead(SUITE, key)
            sealer = Sealer(kid, Slot.CAMERA, aead, key.salt, counter=counter)
            grown.append(len(sealer.protect(FRAME)) - len(FRAME))
    return grown


async def handshake() -> float:
    """Return the milliseconds of both ends of a handshake."""
    ends = [
        Handshake(
            CRYPTO, Link("room", me, peer, me < peer), await CRYPTO.new_identity(), BASE
        )
        for me, peer in (("ada", "bob"), ("bob", "ada"))
    ]
    start = time.perf_counter()
    message = await ends[0].start()
    for receiver in (1, 0, 1, 0):
        message = await ends[receiver].receive(message)
    assert ends[0].secrets and ends[1].secrets
    return 1e3 * (time.perf_counter() - start)


def worker_frames() -> tuple[list[float], list[float]]:
    """Return the microseconds per frame of the worker, protecting and opening."""
    protect: list[float] = []
    unprotect: list[float] = []
    with _rig.chromium() as browser, worker_page(browser) as worker:
        for run in range(RUNS):
            link = f"link {run}"
            sending = SendingKeys(CRYPTO, SUITE)
            sending.use(0, BASE)
            coming = [sending.protect(Slot.CAMERA, FRAME) for _ in range(FRAMES)]
            for way in ("send", "receive"):
                worker.install(way, link, 0, SUITE, BASE)
            ran = worker.ran("send", link, Slot.CAMERA, [FRAME] * FRAMES)
            protect.append(ran["microseconds"])
            ran = worker.ran("receive", link, Slot.CAMERA, coming)
            unprotect.append(ran["microseconds"])
            assert len(ran["frames"]) == FRAMES
            progress(f"e2ee worker {run + 1}/{RUNS}: {protect[-1]:.1f} µs")
    return protect, unprotect


def main() -> None:
    """Alternate ours and AES alone, and print the medians."""
    python = list(zip(*(python_frames() for _ in range(RUNS)), strict=True))
    handshakes = [asyncio.run(handshake()) for _ in range(RUNS * 10)]
    grown = overhead()
    protect, unprotect = worker_frames()
    rows: list[Row] = [
        row("protect, CPython", "µs", python[0], python[1], "AES-GCM alone"),
        row("unprotect, CPython", "µs", python[2], python[3], "AES-GCM alone"),
        row("protect, worker in Chromium", "µs", protect),
        row("unprotect, worker in Chromium", "µs", unprotect),
        row("a frame grows by, at most", "bytes", [max(grown)]),
        row("a frame grows by, at least", "bytes", [min(grown)]),
        row("handshake, both ends, CPython", "ms", handshakes),
    ]
    report("e2ee", rows)


if __name__ == "__main__":
    main()
