"""Whose device is whose: the identity keys of one room's links, and what they prove."""

from collections.abc import Mapping
from functools import lru_cache

from client_py.core.event import PeerSecured
from client_py.core.link import Link
from client_py.core.state import Encryption
from e2ee.roster import roster_hash
from e2ee.safety import room_digits
from protocol.messages import ParticipantId

_PROVED = (Encryption.ON, Encryption.VERIFIED)


class Trust:
    """Over the ``links`` of a roster, which come and go."""

    def __init__(self, room: str, links: Mapping[ParticipantId, Link]) -> None:
        self.room = room
        self._links = links
        self._mine = b""
        self._known: Mapping[bytes, str] = {}

    @property
    def room_code(self) -> str:
        """What all read out who see the same people, ``""`` while one is missing."""
        return _room_code(self.room, self._identities) if self._identities else ""

    @property
    def seen(self) -> bytes:
        """A hash of all whom I see, ``b""`` while somebody's key isn't known."""
        return roster_hash(self._identities) if self._identities else b""

    @property
    def proved(self) -> tuple[ParticipantId, ...]:
        """Who hears what is said under seal."""
        return tuple(who for who, link in self._links.items() if link.e2ee in _PROVED)

    def recall(self, known: Mapping[bytes, str]) -> None:
        """These keys were verified on earlier visits, as these people's."""
        self._known = known
        for link in self._links.values():
            if link.identity in known:
                link.recognize()

    def secure(self, link: Link, event: PeerSecured) -> None:
        """A link is encrypted, or isn't any more."""
        self._mine = event.mine
        link.secure(event)
        if event.theirs in self._known:
            link.recognize()

    def is_other(self, who: ParticipantId) -> bool:
        """Whether somebody of this name was verified with another key.

        Not where they are here with that key: then two people have one name.
        """
        link = self._links[who]
        if link.e2ee is not Encryption.ON or link.identity in self._known:
            return False
        here = {each.identity for each in self._links.values()}
        theirs = {key for key, name in self._known.items() if name == link.info.name}
        return bool(theirs) and theirs.isdisjoint(here)

    @property
    def _identities(self) -> tuple[bytes, ...]:
        theirs = tuple(link.identity for link in self._links.values())
        known = theirs and self._mine and all(theirs)
        return (self._mine, *theirs) if known else ()


@lru_cache(maxsize=16)
def _room_code(room: str, identities: tuple[bytes, ...]) -> str:
    # Every snapshot has it, many a second; the people change seldom.
    return room_digits(room, identities)
