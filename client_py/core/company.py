"""Everyone in the room as the tiles show them, and who of them speaks."""

from collections.abc import Mapping
from dataclasses import replace

from client_py.core.gallery import Gallery
from client_py.core.roster import Roster
from client_py.core.slot import Slot
from client_py.core.source import Sources
from client_py.core.speaker import SpeakerTracker
from client_py.core.state import (
    Cause,
    Connection,
    Encryption,
    Participant,
    SourceState,
)
from protocol.codes import Role
from protocol.messages import MediaState, ParticipantId, ParticipantInfo


class Company:
    """Me and the others, in one stay in one room."""

    def __init__(self, roster: Roster, sources: Sources, gallery: Gallery) -> None:
        self._roster = roster
        self._gallery = gallery
        self._sources = sources
        self._speakers = SpeakerTracker()
        self.me: ParticipantId | None = None

    @property
    def active_speaker(self) -> ParticipantId | None:
        """Who has the floor, if they are still here."""
        who = self._speakers.active
        return who if who is not None and self._media_of(who) else None

    def measure(self, levels: Mapping[ParticipantId, float], now: float) -> bool:
        """Take levels 0..1, measured at ``now`` seconds; tell if others speak now."""
        before = self._speakers.speaking, self._speakers.active
        # A muted microphone still has a level: the last of it, or its own.
        audible = {
            who: level if media.microphone else 0.0
            for who, level in levels.items()
            if (media := self._media_of(who))
        }
        self._speakers.update(audible, now)
        return (self._speakers.speaking, self._speakers.active) != before

    def participants(
        self, name: str, *, hand: bool, connection: Connection, role: Role
    ) -> tuple[Participant, ...]:
        """Return everyone, me first; nobody as long as I am not in."""
        if self.me is None:
            return ()
        speaking = self._speakers.speaking
        media = self._sources.announced
        me = Participant(
            id=self.me,
            name=name,
            media=media,
            hand=hand,
            me=True,
            connection=connection,
            speaking=self.me in speaking and media.microphone,
            role=role,
            silent=self._sources[Slot.MICROPHONE].state is SourceState.SILENT,
            e2ee=Encryption.ON if self._roster.sealed else Encryption.OFF,
        )
        others = self._roster.participants(speaking)
        if connection is not Connection.CONNECTED:
            others = tuple(map(_offline, others))
        return tuple(map(self._gallery.mark, (me, *others)))

    def _media_of(self, who: ParticipantId) -> MediaState | None:
        if who == self.me:
            return self._sources.announced
        info: ParticipantInfo | None = self._roster.info(who)
        return info.media if info else None


def _offline(person: Participant) -> Participant:
    """The server doesn't hear me either: what I don't reach is no fault of theirs."""
    if person.connection is Connection.CONNECTED:
        return person
    return replace(person, cause=Cause.OFFLINE)
