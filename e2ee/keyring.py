"""The keys of one link: what I send with, and what I can open.

A generation is one base key of one direction; each slot has its own key under it.
The key id says both: ``(generation mod 32) << 3 | slot``.
"""

from collections import Counter

from e2ee.backend import FrameBackend
from e2ee.errors import RotationError
from e2ee.frame import Opener, Refusal, Refused, Sealer, split
from e2ee.slot import Slot
from e2ee.suite import Suite, derive

GENERATIONS = 2**32
KEPT = 2  # generations of the other side's that can be opened at once
LINGER = 3.0  # seconds in which an old one may still come, after the new one did
_CYCLE = 32


def key_id(generation: int, slot: Slot) -> int:
    """Return the key id of a slot under a generation, 0 … 255."""
    return generation % _CYCLE << 3 | slot


class SendingKeys:
    """What protects my frames to one peer."""

    def __init__(self, backend: FrameBackend, suite: Suite) -> None:
        self._backend = backend
        self._suite = suite
        self._sealers: dict[Slot, Sealer] = {}
        self.generation = -1

    def use(self, generation: int, base_key: bytes) -> None:
        """Send under a new generation from the next frame on.

        Raises ``RotationError`` unless it rises: no key ever counts from 0 twice.
        """
        if not self.generation < generation < GENERATIONS:
            raise RotationError("a generation has to rise")
        self.generation = generation
        for slot in Slot:
            kid = key_id(generation, slot)
            key = derive(self._suite, base_key, kid)
            aead = self._backend.aead(self._suite, key)
            self._sealers[slot] = Sealer(kid, slot, aead, key.salt)

    def stop(self) -> None:
        """Forget the keys: nothing leaves until there is a new generation."""
        self._sealers.clear()

    def protect(self, slot: Slot, frame: bytes) -> bytes:
        """Return a frame as it may leave.

        Raises ``Refused`` as ``NO_KEY`` where there is none, and what
        ``Sealer.protect`` raises. The frame is then dropped, never sent.
        """
        if (sealer := self._sealers.get(slot)) is None:
            raise Refused(Refusal.NO_KEY)
        return sealer.protect(frame)


class ReceivingKeys:
    """What opens the frames of one peer; ``counts`` by slot and outcome."""

    def __init__(self, backend: FrameBackend, suite: Suite) -> None:
        self._backend = backend
        self._suite = suite
        self._openers: dict[int, Opener] = {}
        self._generations: list[int] = []
        self._newest_opened: tuple[int, float] | None = None
        self.counts: Counter[tuple[Slot, str]] = Counter()

    @property
    def generations(self) -> tuple[int, ...]:
        """Those that can be opened, oldest first."""
        return tuple(self._generations)

    @property
    def newest_opened(self) -> int:
        """The newest generation of which a frame came, -1 for none."""
        return self._newest_opened[0] if self._newest_opened else -1

    def install(self, generation: int, base_key: bytes, using: int = -1) -> None:
        """Be ready for a new generation, while the other side still uses an old one.

        ``using`` is the one it uses; no other is kept. Raises ``RotationError``
        unless the generation rises.
        """
        newest = self._generations[-1] if self._generations else -1
        if not newest < generation < GENERATIONS:
            raise RotationError("a generation has to rise")
        kept = using if using in self._generations else newest
        for old in [each for each in self._generations if each != kept]:
            self._forget(old)
        if self._generations and kept % _CYCLE == generation % _CYCLE:
            self._forget(kept)  # one key id never means two keys
        self._generations.append(generation)
        for slot in Slot:
            kid = key_id(generation, slot)
            key = derive(self._suite, base_key, kid)
            aead = self._backend.aead(self._suite, key)
            self._openers[kid] = Opener(slot, aead, key.salt)

    def forget_all(self) -> None:
        """Open nothing any more: the other side left."""
        for generation in self.generations:
            self._forget(generation)

    def tick(self, now: float) -> None:
        """Forget what is older than the newest that came, ``LINGER`` seconds after."""
        if self._newest_opened is None or len(self._generations) < KEPT:
            return
        generation, when = self._newest_opened
        if generation == self._generations[-1] and now - when >= LINGER:
            self._forget(self._generations[0])

    def unprotect(self, slot: Slot, frame: bytes, now: float) -> bytes | None:
        """Return a frame as it was; None, and one more in ``counts``, to drop it.

        Costs one look-up where no key is known. Nothing is derived, and no second
        key is tried. ``now`` is in seconds, of a clock that never goes back.
        """
        try:
            clear, header, raw, sealed = split(slot, frame)
            if (opener := self._openers.get(header.kid)) is None:
                raise Refused(Refusal.NO_KEY)
            plain = opener.open(clear, raw, header.ctr, sealed)
        except Refused as refused:
            self.counts[slot, refused.refusal] += 1
            return None
        self.counts[slot, "ok"] += 1
        self._opened(header.kid, now)
        return plain

    def _opened(self, kid: int, now: float) -> None:
        newest = self._generations[-1]
        if kid >> 3 != newest % _CYCLE:
            return
        if self._newest_opened is None or self._newest_opened[0] != newest:
            self._newest_opened = newest, now

    def _forget(self, generation: int) -> None:
        self._generations.remove(generation)
        for slot in Slot:
            del self._openers[key_id(generation, slot)]
