"""Who one is in a room from one visit to the next, and whom one verified there."""

from collections.abc import Mapping
from typing import Protocol

from e2ee.backend import CryptoBackend, Identity


class Keeper(Protocol):
    """Keeps identities and verified keys. Rooms know nothing of each other."""

    async def identity(self, room: str) -> Identity:
        """Return who I am in a room: as on the visit before, where that is kept."""

    async def known(self, room: str) -> Mapping[bytes, str]:
        """Return the identity keys that I verified in a room, and their names."""

    def remember(self, room: str, key: bytes, name: str) -> None:
        """Keep that this key is somebody's: both people found that it is."""


class Forgetful:
    """A ``Keeper`` for one process: what it knows ends with it."""

    def __init__(self, crypto: CryptoBackend) -> None:
        self._crypto = crypto
        self._identities: dict[str, Identity] = {}
        self._known: dict[str, dict[bytes, str]] = {}

    async def identity(self, room: str) -> Identity:
        """Return who I am in a room as long as this process lives."""
        if room not in self._identities:
            made = await self._crypto.new_identity()
            self._identities.setdefault(room, made)
        return self._identities[room]

    async def known(self, room: str) -> Mapping[bytes, str]:
        """Return the keys that were verified in this process."""
        return dict(self._known.get(room, {}))

    def remember(self, room: str, key: bytes, name: str) -> None:
        """Keep a key as long as this process lives."""
        self._known.setdefault(room, {})[key] = name
