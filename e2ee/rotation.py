"""When a link gets a new key, and when it is used: after the other side has it.

    KEY{generation, using, base key} → ACK{generation} → next frame

Nothing is lost on the way: the old key serves until the new one is acknowledged,
however long that takes. Keys travel by signaling, which may be cut, and nobody but the
two ends of a link ever had a key of it: media needn't wait, also after somebody left.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

from e2ee.errors import FrameError, RotationError
from e2ee.transcript import pack, unpack

GATHER = 0.1  # seconds: who leaves at once costs one rotation
#: Seconds after somebody came. A newcomer never had another link's keys, so nothing
#: is in danger; and while a link is made its people's time is wanted elsewhere.
SETTLE = 3.0
RETRY = 0.25  # seconds, twice as long each time
LIFETIME = 600.0  # seconds under one key
BASE_KEY = 32  # bytes


class Phase(Enum):
    """Where the sending side of a link is."""

    STEADY = "steady"
    GATHERING = "gathering"
    OFFERED = "offered"


class Step(Enum):
    """What may happen to it."""

    REQUESTED = "requested"
    DUE = "due"
    ACKNOWLEDGED = "acknowledged"


#: A pair that isn't here changes nothing.
TRANSITIONS = {
    (Phase.STEADY, Step.REQUESTED): Phase.GATHERING,
    (Phase.GATHERING, Step.DUE): Phase.OFFERED,
    (Phase.OFFERED, Step.REQUESTED): Phase.GATHERING,
    (Phase.OFFERED, Step.ACKNOWLEDGED): Phase.STEADY,
}


class Reason(Enum):
    """Why a key is renewed."""

    JOINED = "joined"
    LEFT = "left"
    AGE = "age"


@dataclass(frozen=True, slots=True)
class Key:
    """A new base key, and the generation that is in use until it is acknowledged."""

    generation: int
    using: int
    base_key: bytes = field(repr=False)

    def encode(self) -> bytes:
        """Return it as it is sealed."""
        return pack(
            self.generation.to_bytes(4, "big"),
            self.using.to_bytes(4, "big"),
            self.base_key,
        )

    @classmethod
    def decode(cls, plain: bytes) -> "Key":
        """Undo ``encode``. Raises ``FrameError``."""
        generation, using, base_key = unpack(plain, 3)
        lengths = len(generation), len(using), len(base_key)
        if lengths != (4, 4, BASE_KEY):
            raise FrameError("no key")
        numbers = int.from_bytes(generation, "big"), int.from_bytes(using, "big")
        return cls(*numbers, base_key)


@dataclass(frozen=True, slots=True)
class Use:
    """Send under this key from now on."""

    generation: int
    base_key: bytes = field(repr=False)


Effect = Key | Use


class Rotation:
    """The sending side of one link. Times are in seconds, of one clock."""

    def __init__(
        self, random: Callable[[int], bytes], now: float, *, generation: int = 0
    ) -> None:
        self.phase = Phase.STEADY
        self.generation = generation  # in use
        self._random = random
        self._newest = generation
        self._offer: Key | None = None
        self._due = now + LIFETIME
        self._wait = RETRY

    def request(self, reason: Reason, now: float) -> None:
        """Renew the key soon."""
        due = now + (SETTLE if reason is Reason.JOINED else GATHER)
        if self._step(Step.REQUESTED):
            self._due = due
            self._offer = None  # its acknowledgement comes too late
        elif self.phase is Phase.GATHERING:
            self._due = min(self._due, due)

    def tick(self, now: float) -> list[Effect]:
        """Do what is due. Call it at ``due``, or whenever."""
        if now < self._due:
            return []
        if self.phase is Phase.STEADY:
            self.request(Reason.AGE, now)
            return []
        if self._step(Step.DUE):
            self._newest += 1
            fresh = self._random(BASE_KEY)
            self._offer = Key(self._newest, self.generation, fresh)
            self._wait = RETRY
        if self._offer is None:
            return []
        self._due = now + self._wait
        self._wait *= 2
        return [self._offer]

    def acknowledged(self, generation: int, now: float) -> list[Effect]:
        """The other side has a key. What is none of the last offer changes nothing."""
        offer = self._offer
        if offer is None or generation != offer.generation:
            return []
        if not self._step(Step.ACKNOWLEDGED):
            return []
        self.generation = generation
        self._offer = None
        self._due = now + LIFETIME
        return [Use(generation, offer.base_key)]

    @property
    def due(self) -> float:
        """When ``tick`` has something to do at the latest."""
        return self._due

    def _step(self, step: Step) -> bool:
        after = TRANSITIONS.get((self.phase, step))
        if after is None:
            return False
        self.phase = after
        return True


class Installer(Protocol):
    """What can be made ready for a key: ``ReceivingKeys``, or who tells a worker."""

    def install(self, generation: int, base_key: bytes, using: int = -1) -> None:
        """Be ready for a generation. Raises ``RotationError`` unless it rises."""


class KeyReceiver:
    """The receiving side: installs what comes, each generation once."""

    def __init__(self, keys: Installer) -> None:
        self._keys = keys
        self._newest: Key | None = None

    def receive(self, key: Key) -> int:
        """Install a key; return the generation to acknowledge.

        The last one is acknowledged again when it comes again: the answer may have
        been lost. Raises ``RotationError`` for any other that doesn't rise.
        """
        if self._newest and key.generation == self._newest.generation:
            if key.base_key != self._newest.base_key:
                raise RotationError("one generation, two keys")
            return key.generation
        self._keys.install(key.generation, key.base_key, key.using)
        self._newest = key
        return key.generation
