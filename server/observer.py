"""What happens in the rooms, told to whoever watches: metrics and webhooks.

Observers are told at once and must not wait: they count, or they append.
"""

from collections import Counter
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
        self._inside: Counter[RoomId] = Counter()
        self.muted = False  # another process tells of what is happening now

    @property
    def rooms(self) -> int:
        """How many rooms have somebody in them."""
        return len(self._inside)

    def joined(self, room: RoomId, participant: ParticipantId) -> None:
        """Count who is inside, and tell."""
        first = room not in self._inside
        self._inside[room] += 1
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
        self._inside[room] -= 1
        last = self._inside[room] <= 0
        if last:
            del self._inside[room]
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
