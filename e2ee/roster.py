"""Who is in the room, as each of them sees it: does the server tell all the same?"""

import hashlib
from collections.abc import Iterable

from e2ee.transcript import pack

PATIENCE = 5.0  # seconds in which two views may differ: somebody comes or goes


def roster_hash(identities: Iterable[bytes]) -> bytes:
    """Return one hash of everybody's identity keys, one's own among them."""
    return hashlib.sha256(pack(b"tertulia roster v1", *sorted(identities))).digest()


class RosterWatch:
    """Compares what the others say with what I see. Times are in seconds."""

    def __init__(self) -> None:
        self._mine = b""
        self._theirs: dict[str, bytes] = {}
        self._differs: dict[str, float] = {}

    def see(self, mine: bytes, now: float) -> None:
        """Take note of my own view."""
        self._mine = mine
        for peer in self._theirs:
            self._compare(peer, now)

    def hear(self, peer: str, theirs: bytes, now: float) -> None:
        """Take note of what a peer said over its sealed channel."""
        self._theirs[peer] = theirs
        self._compare(peer, now)

    def forget(self, peer: str) -> None:
        """Somebody left."""
        self._theirs.pop(peer, None)
        self._differs.pop(peer, None)

    def forked(self, now: float) -> frozenset[str]:
        """Return whose room has been another one than mine for too long."""
        return frozenset(
            peer for peer, since in self._differs.items() if now - since >= PATIENCE
        )

    def _compare(self, peer: str, now: float) -> None:
        if self._theirs[peer] == self._mine:
            self._differs.pop(peer, None)
        else:
            self._differs.setdefault(peer, now)
