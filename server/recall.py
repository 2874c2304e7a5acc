"""The rooms as the process before left them, for one grace after the start.

Pure. Whose stay the stop ended may come back to the room that they knew: the door is
open to them, who was host is host again, and who was taken out stays out.
"""

from collections import defaultdict
from typing import Final

from protocol.messages import ParticipantId, RoomId
from server.store import Aftermath, Participation


class Recall:
    """Whom to expect until a time of the caller's monotonic clock."""

    def __init__(self, aftermath: Aftermath, until: float) -> None:
        self.until = until
        self._stays = {ParticipantId(stay.id): stay for stay in aftermath.stopped}
        self._hosts: dict[RoomId, set[ParticipantId]] = defaultdict(set)
        self._inside = {(stay.room, stay.subject) for stay in aftermath.stopped}
        for who, stay in self._stays.items():
            if stay.host:
                self._hosts[stay.room].add(who)
        rooms = {room for room, _ in self._inside}
        # Removed is for one call: where nobody was in, there is none to go on. Who
        # was in at its end had been let in again.
        self._removed: dict[RoomId, set[str]] = defaultdict(set)
        for room, subject in aftermath.removed - self._inside:
            if room in rooms:
                self._removed[room].add(subject)

    @property
    def missing(self) -> tuple[Participation, ...]:
        """Whose stays don't go on, until now."""
        return tuple(self._stays.values())

    def expects(self, room: RoomId, subject: str) -> bool:
        """Whether somebody was in when the process before ended."""
        return (room, subject) in self._inside

    def removed(self, room: RoomId) -> set[str]:
        """Return who was taken out of the call that goes on."""
        return self._removed.get(room, set())

    def hosts(self, room: RoomId) -> set[ParticipantId]:
        """Return the hosts who may still come back; it is the set that is kept."""
        return self._hosts.get(room, set())

    def back(self, who: ParticipantId) -> bool:
        """Somebody is back; return whether they are host of their room again."""
        stay = self._stays.pop(who, None)
        if stay is None or not stay.host:
            return False
        self._hosts[stay.room].discard(who)
        return True


NOBODY: Final = Recall(Aftermath(), float("inf"))
