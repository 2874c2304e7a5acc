"""Which track a sender may have, before and after it is proved to be encrypted.

A browser may ignore a transform without a word, and send plain frames. So a sender
begins with a canary, a track that shows and tells nothing; it gets the real one once
what encrypts has counted a frame of it, and never where frames passed that by.
"""

from enum import Enum, auto

from client_py.core.ports import Track
from client_py.core.slot import Slot


class Proof(Enum):
    """What is known of a slot's frames."""

    WANTED = auto()
    GIVEN = auto()
    REFUTED = auto()


class Finding(Enum):
    """What was found of a slot's frames."""

    COUNTED = auto()  # one came by to be encrypted
    PASSED_BY = auto()  # some were encoded, and none came by


TRANSITIONS: dict[tuple[Proof, Finding], Proof] = {
    (Proof.WANTED, Finding.COUNTED): Proof.GIVEN,
    (Proof.WANTED, Finding.PASSED_BY): Proof.REFUTED,
    (Proof.GIVEN, Finding.COUNTED): Proof.GIVEN,
    (Proof.GIVEN, Finding.PASSED_BY): Proof.REFUTED,
    (Proof.REFUTED, Finding.COUNTED): Proof.REFUTED,
    (Proof.REFUTED, Finding.PASSED_BY): Proof.REFUTED,
}


class Send(Enum):
    """What a sender has to have."""

    NOTHING = auto()
    CANARY = auto()
    WANTED = auto()


class Probation:
    """The four slots of one connection. Not ``sealed``, it has nothing to prove."""

    def __init__(self, *, sealed: bool) -> None:
        first = Proof.WANTED if sealed else Proof.GIVEN
        self._proofs = dict.fromkeys(Slot, first)
        self._wanted: dict[Slot, Track] = {}

    def want(self, slot: Slot, track: Track | None) -> None:
        """Take what is to be sent in a slot, as soon as it may be."""
        if track is None:
            self._wanted.pop(slot, None)
        else:
            self._wanted[slot] = track

    def wanted(self, slot: Slot) -> Track | None:
        """Return what is to be sent in a slot, whether it may be yet or not."""
        return self._wanted.get(slot)

    def find(self, slot: Slot, finding: Finding) -> None:
        """Take what was found of a slot's frames."""
        self._proofs[slot] = TRANSITIONS[self._proofs[slot], finding]

    def sent(self, slot: Slot) -> Send:
        """Return what the sender of a slot has to have now."""
        if slot not in self._wanted or self._proofs[slot] is Proof.REFUTED:
            return Send.NOTHING
        return Send.WANTED if self._proofs[slot] is Proof.GIVEN else Send.CANARY
