"""New keys: how soon every link has them, and what is lost when they get lost."""

import asyncio
import os
import random
from collections.abc import Callable
from contextlib import AsyncExitStack

from client_py.core import event as e
from client_py.core.state import Encryption, Snapshot
from client_py.headless.crypto import HeadlessCrypto
from client_py.headless.frames import FrameLink
from client_py.headless.main import Person, participant
from client_py.headless.rtc import Connections
from e2ee.keyring import ReceivingKeys, SendingKeys
from e2ee.rotation import Key, KeyReceiver, Phase, Reason, Rotation, Use
from e2ee.slot import Slot
from e2ee.suite import Suite

STAYING = 4  # people, each with a link to each
FRAME = 0.02  # seconds between two frames, as of sound
TRIP = 0.05  # seconds that a key or its answer takes
SUITE = Suite.AES_128_GCM_SHA256_128


class TimedFrames(FrameLink):
    """One end of a link; tells when it was given another key to send under."""

    def __init__(self, renewed: asyncio.Condition) -> None:
        super().__init__()
        self.since = 0.0
        self._renewed = renewed

    async def send_under(self, generation: int, suite: Suite, base_key: bytes) -> None:
        await super().send_under(generation, suite, base_key)
        async with self._renewed:
            self.since = asyncio.get_running_loop().time()
            self._renewed.notify_all()


def _all_sealed(people: int) -> Callable[[Snapshot], bool]:
    def sealed(now: Snapshot) -> bool:
        others = now.participants[1:]
        known = [each for each in others if each.e2ee is Encryption.ON]
        return len(known) == len(others) == people - 1

    return sealed


async def leaving(link: str, rounds: int) -> list[float]:
    """Have somebody come and leave; return the ms until all links had other keys."""
    renewed = asyncio.Condition()
    links: list[TimedFrames] = []
    taken: list[float] = []

    def frames() -> TimedFrames:
        links.append(TimedFrames(renewed))
        return links[-1]

    async with AsyncExitStack() as stack:
        staying: list[Person] = []
        for number in range(STAYING):
            person = participant(
                link,
                f"person {number}",
                microphone=False,
                camera=False,
                connections=Connections(frames),
            )
            staying.append(await stack.enter_async_context(person))
        for person in staying:
            await person.until(_all_sealed(STAYING))
        lasting = list(links)
        for _ in range(rounds):
            async with participant(
                link, "guest", microphone=False, camera=False
            ) as guest:
                for person in (*staying, guest):
                    await person.until(_all_sealed(STAYING + 1))
                left = asyncio.get_running_loop().time()
                guest.post(e.Leave())
                async with renewed:
                    await renewed.wait_for(
                        lambda at=left: all(each.since > at for each in lasting)
                    )
                last = max(each.since for each in lasting)
                taken.append(1e3 * (last - left))
    return taken


def losing(rotations: int, lost: float) -> tuple[int, int]:
    """Renew keys that often over a way that loses keys and answers, in made-up time.

    Returns how many frames were sent meanwhile, and how many couldn't be opened.
    """
    chance, crypto = random.Random("keys that are lost"), HeadlessCrypto()
    sending, receiving = SendingKeys(crypto, SUITE), ReceivingKeys(crypto, SUITE)
    base = os.urandom(32)
    sending.use(0, base)
    receiving.install(0, base)
    rotation, receiver = Rotation(os.urandom, 0.0), KeyReceiver(receiving)
    on_the_way: list[tuple[float, Key | int]] = []
    sent, now = 0, 0.0
    while rotation.generation < rotations:
        if rotation.phase is Phase.STEADY:
            rotation.request(Reason.ASKED, now)
        effects = rotation.tick(now)
        for arrives, what in [each for each in on_the_way if each[0] <= now]:
            on_the_way.remove((arrives, what))
            if isinstance(what, int):
                effects += rotation.acknowledged(what, now)
            elif chance.random() >= lost:
                on_the_way.append((now + TRIP, receiver.receive(what)))
        for effect in effects:
            if isinstance(effect, Use):
                sending.use(effect.generation, effect.base_key)
            elif isinstance(effect, Key) and chance.random() >= lost:
                on_the_way.append((now + TRIP, effect))
        frame = sending.protect(Slot.MICROPHONE, b"a frame of sound")
        receiving.tick(now)
        receiving.unprotect(Slot.MICROPHONE, frame, now)
        sent, now = sent + 1, now + FRAME
    return sent, sent - receiving.counts[Slot.MICROPHONE, "ok"]
