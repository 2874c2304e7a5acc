"""What differs between the process that wrote a command and those that only read it."""

from protocol.messages import RoomId
from server.clock import Clock
from server.cluster.streams import time_of
from server.journal import Records
from server.store import Participation, RoomRecord


class EntryClock:
    """Tells the time at which the entry was written that is applied just now.

    So all processes agree on when something was said. Between entries, and for
    deadlines, it is the clock that it was made with.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._at: str | None = None
        self.monotonic = clock.monotonic

    def at(self, id: str | None) -> None:
        """Stand at an entry, by its id."""
        self._at = id

    def unix(self) -> float:
        """Return the seconds since 1970."""
        return self._clock.unix() if self._at is None else time_of(self._at)


class OriginJournal:
    """Keeps a record once, though several processes do what it tells of.

    What is measured is known to one process alone, and always kept.
    """

    def __init__(self, journal: Records) -> None:
        self._journal = journal
        self.open = True
        self.measured = journal.measured
        self.reached = journal.reached

    def came(self, participation: Participation) -> None:
        """Somebody came in."""
        if self.open:
            self._journal.came(participation)

    def returned(self, participation: Participation) -> None:
        """Somebody came back whose stay was taken for ended."""
        if self.open:
            self._journal.returned(participation)

    def went(self, participation: str, at: float, reason: str) -> None:
        """Somebody is gone."""
        if self.open:
            self._journal.went(participation, at, reason)

    def hosted(self, participation: str, host: bool) -> None:
        """Somebody became host, or is host no longer."""
        if self.open:
            self._journal.hosted(participation, host)

    def change(self, room: RoomRecord) -> None:
        """A room is another."""
        if self.open:
            self._journal.change(room)

    def end(self, room: RoomId, at: float, hosts: tuple[str, ...]) -> None:
        """A room ended."""
        if self.open:
            self._journal.end(room, at, hosts)
