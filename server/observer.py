"""What happens in the rooms, told to whoever watches: metrics and webhooks.

Observers are told at once and must not wait: they count, or they append.
"""

from collections.abc import Sequence

from protocol.messages import ParticipantId, RoomId
from protocol.statistics import LinkSample


class Observer:
    """Hears what happens; the base hears it and does nothing."""

    def room_started(self, room: RoomId) -> None:
        """Somebody is in a room in which nobody was."""

    def room_ended(self, room: RoomId) -> None:
        """The last one is gone from a room."""

    def joined(self, room: RoomId, participant: ParticipantId) -> None:
        """Somebody came in."""

    def resumed(self, room: RoomId, participant: ParticipantId) -> None:
        """Somebody came back after a cut."""

    def left(self, room: RoomId, participant: ParticipantId, reason: str) -> None:
        """Somebody is gone for good."""

    def measured(self, sample: LinkSample) -> None:
        """Somebody told how a link of theirs was."""

    def refused(self, code: str) -> None:
        """Somebody asked for what they can't have."""


class Observers(Observer):
    """Tells several, and notices when rooms start and end."""

    def __init__(self, observers: Sequence[Observer] = ()) -> None:
        self._observers = tuple(observers)
        self._inside: dict[RoomId, set[ParticipantId]] = {}
        self.muted = False  # another process tells of what is happening now

    @property
    def rooms(self) -> int:
        """How many rooms have somebody in them."""
        return len(self._inside)

    def recall(self, room: RoomId, participant: ParticipantId) -> None:
        """Count somebody of whom the process before has told."""
        self._inside.setdefault(room, set()).add(participant)

    def joined(self, room: RoomId, participant: ParticipantId) -> None:
        """Count who is inside, and tell, unless they were it all the time."""
        first = room not in self._inside
        inside = self._inside.setdefault(room, set())
        if participant in inside:
            return
        inside.add(participant)
        for each in () if self.muted else self._observers:
            if first:
                each.room_started(room)
            each.joined(room, participant)

    def resumed(self, room: RoomId, participant: ParticipantId) -> None:
        """Tell."""
        for each in () if self.muted else self._observers:
            each.resumed(room, participant)

    def left(self, room: RoomId, participant: ParticipantId, reason: str) -> None:
        """Count who is inside, and tell."""
        inside = self._inside.get(room, set())
        inside.discard(participant)
        last = not inside
        if last:
            self._inside.pop(room, None)
        for each in () if self.muted else self._observers:
            each.left(room, participant, reason)
            if last:
                each.room_ended(room)

    def measured(self, sample: LinkSample) -> None:
        """Tell."""
        for each in self._observers:
            each.measured(sample)

    def refused(self, code: str) -> None:
        """Tell."""
        for each in () if self.muted else self._observers:
            each.refused(code)
