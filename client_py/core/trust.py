"""Whose device is whose: the identity keys of one room's links, and what they prove."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from client_py.core.event import PeerSecured
from client_py.core.link import Link
from client_py.core.state import Alarm, Encryption, NoticeKind
from client_py.core.terms import SafetyCode
from e2ee.safety import room_digits
from protocol.messages import ParticipantId

LEFT_OUT: Final = 5  # looks: a handshake takes a part of one
_PROVED = (Encryption.ON, Encryption.VERIFIED)


class Trust:
    """Over the ``links`` of a roster, which come and go; what was found stays."""

    def __init__(self, room: str, links: Mapping[ParticipantId, Link]) -> None:
        self.room = room
        self._links = links
        self.me = ParticipantId("")
        self._mine = b""
        self._known: Mapping[bytes, str] = {}
        self._refuted: set[str] = set()  # names under which codes differed

    @property
    def room_code(self) -> str:
        """What all read out who see the same people, ``""`` while one is missing."""
        return _room_code(self.room, self._identities) if self._identities else ""

    @property
    def seen(self) -> dict[str, bytes]:
        """Everybody's key, mine among them; ``b""`` where it isn't proved yet."""
        seen: dict[str, bytes] = {self.me: self._mine}
        for who, link in self._links.items():
            if not link.absent:
                seen[who] = link.identity
        return seen

    @property
    def absent(self) -> frozenset[ParticipantId]:
        """Who may come back to a server that was started anew, or may be gone."""
        return frozenset(who for who, link in self._links.items() if link.absent)

    @property
    def proved(self) -> tuple[ParticipantId, ...]:
        """Who hears what is said under seal."""
        return tuple(
            who for who, link in self._links.items() if link.encryption in _PROVED
        )

    @property
    def alarms(self) -> dict[ParticipantId, Alarm]:
        """Who may be somebody else, and why."""
        return {who: link.alarm for who, link in self._links.items() if link.alarm}

    def look(self) -> None:
        """A second is over: who doesn't prove a key in time is nobody in the room."""
        for link in self._links.values():
            link.unproved = 0 if link.identity else link.unproved + 1

    def recall(self, known: Mapping[bytes, str]) -> None:
        """These keys were verified on earlier visits, as these people's."""
        self._known = {**self._known, **known}
        for link in self._links.values():
            if link.identity:
                self._judge(link, link.identity)

    def secure(self, link: Link, event: PeerSecured) -> None:
        """A link is encrypted, or isn't any more."""
        self._mine, before = event.mine, link.identity
        link.secure(event)
        if event.ended is NoticeKind.MISMATCH:
            self._refuted.add(link.info.name)
        if event.encryption is Encryption.VERIFIED:
            self._known = {**self._known, link.identity: link.info.name}
            self._refuted.discard(link.info.name)
            link.alarm, link.alias = Alarm.NONE, ""
        elif event.theirs:
            self._judge(link, before)

    def accept(self, who: ParticipantId, code: SafetyCode | None) -> None:
        """The person takes whoever has this code for the right one, alarm or not."""
        link = self._links[who]
        if link.code == code:
            link.alarm, link.accepted = Alarm.NONE, link.identity

    def _judge(self, link: Link, before: bytes) -> None:
        """Compare who is on a link with whom I know; ``before`` is its last key."""
        if link.e2ee not in _PROVED:
            return
        known = self._known.get(link.identity)
        if known == link.info.name:
            link.recognize()
            return
        if known is not None:
            link.mistrust(known)
        if link.identity == link.accepted or link.alarm:
            return
        if known is not None:
            link.alarm = Alarm.OTHER_NAME
        elif link.info.name in self._refuted:
            link.alarm = Alarm.DIFFERED
        elif self._is_other(link):
            link.alarm = Alarm.OTHER_DEVICE
        elif before and before != link.identity:
            link.alarm = Alarm.OTHER_KEY

    def _is_other(self, link: Link) -> bool:
        """Whether somebody of this name was verified with another key.

        Not where they are here with that key: then two people have one name.
        """
        if link.e2ee is not Encryption.ON:
            return False
        here = {each.identity for each in self._links.values()}
        theirs = {key for key, name in self._known.items() if name == link.info.name}
        return bool(theirs) and theirs.isdisjoint(here)

    @property
    def _identities(self) -> tuple[bytes, ...]:
        # One ghost without a key would have nobody compare anything any more.
        theirs = tuple(
            link.identity
            for link in self._links.values()
            if link.identity or link.unproved < LEFT_OUT
        )
        known = theirs and self._mine and all(theirs)
        return (self._mine, *theirs) if known else ()


@lru_cache(maxsize=16)
def _room_code(room: str, identities: tuple[bytes, ...]) -> str:
    # Every snapshot has it, many a second; the people change seldom.
    return room_digits(room, identities)
