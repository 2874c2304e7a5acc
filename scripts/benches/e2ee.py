"""What the encryption costs: time per frame, bytes per frame, time per handshake.

Frames have 1,200 bytes. The peer is AES-GCM alone, so what is above it is ours. The
worker's frames go through a transform in Chromium, one after the other, and count
what they wait for too.

Then in calls: a page with itself, through our worker, through LiveKit's, through one
that passes frames on, and through none; and people in rooms of both kinds.
"""

import asyncio
import os
import time
from collections.abc import Callable
from statistics import quantiles

import _rig  # puts our packages before this folder, where e2ee is this file
from _report import Row, progress, report, row
from _rotation import leaving, losing
from _sealed import Shape, install_peer, latencies, one_way, site, worker_share
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from join import ours_two
from mesh import frames_per_second, ours
from playwright.sync_api import Browser

from client_py.headless.crypto import HeadlessCrypto
from e2ee.frame import LIMIT, Sealer
from e2ee.handshake import Handshake, Link
from e2ee.keyring import ReceivingKeys, SendingKeys, key_id
from e2ee.slot import Slot
from e2ee.suite import Suite, derive
from tests.e2ee.worker_page import worker_page

RUNS = 7
JOINS = 5
ROOMS = 2  # runs of calls of four
LEAVES = 20
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


def sealed_calls() -> list[Row]:
    """Return what our worker costs in calls of a page with itself, beside others."""
    rows: list[Row] = []
    with site() as address, _rig.browsers() as browsers:
        for engine in ("chromium", "firefox"):
            rows += latencies(browsers[engine], address, engine)
        rows += one_way(browsers["chromium"], address)
        rows += worker_share(browsers["chromium"], address, Shape(links=7))
    return rows


def of_four(browser: Browser, address: str, sealed: bool) -> float:
    """Return the pictures per second and link in a room of four."""
    with browser.new_context() as context:
        context.add_init_script(_rig.KEEP_CONNECTIONS)
        return frames_per_second(ours(context, address, 4, "low", e2ee=sealed), 3)


def rooms() -> list[Row]:
    """Return what it costs people: until the first picture, and all the time."""
    kinds = {True: "sealed", False: "plain"}
    first: dict[bool, list[float]] = {sealed: [] for sealed in kinds}
    rate: dict[bool, list[float]] = {sealed: [] for sealed in kinds}
    with _rig.our_server() as address:
        with _rig.chromium() as browser:
            ours_two(browser, address)  # the page's cache is warm
            for run in range(JOINS):
                for sealed in sorted(kinds, reverse=bool(run % 2)):
                    first[sealed].append(ours_two(browser, address, e2ee=sealed))
                    progress(f"e2ee join, {kinds[sealed]}: {first[sealed][-1]:.0f} ms")
            for run in range(ROOMS):
                for sealed in sorted(kinds, reverse=bool(run % 2)):
                    rate[sealed].append(of_four(browser, address, sealed))
                    progress(f"e2ee mesh, {kinds[sealed]}: {rate[sealed][-1]:.1f} fps")
        left = asyncio.run(leaving(_rig.new_room(address), LEAVES))
    sent, lost = losing(100, 0.3)
    progress(f"e2ee rotations: {lost} of {sent} frames")
    return [
        row("first picture after joining", "ms", first[True], first[False], "plain"),
        row("pictures, 4 people", "fps", rate[True], rate[False], "plain"),
        row("all links on new keys, median", "ms", left),
        row("all links on new keys, p95", "ms", [quantiles(left, n=20)[-1]]),
        row("lost in 100 rotations, 30 % loss", "frames", [lost]),
    ]


def main() -> None:
    """Alternate ours with its peers, and print the medians."""
    install_peer()
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
    rows += sealed_calls()
    rows += rooms()
    report("e2ee", rows)


if __name__ == "__main__":
    main()
