"""What a process keeps of a room that others serve, too, beside the room itself."""

from bisect import bisect_left
from collections import deque
from dataclasses import dataclass, field
from itertools import islice
from typing import Final

from protocol.codes import CloseCode
from protocol.messages import ParticipantId, Signaled
from server.cluster.command import Relay
from server.cluster.streams import FIRST, time_of

RECENT: Final = 512  # signals of a room that are kept for those who come back
MISSED: Final = 20.0  # seconds for which somebody may not notice that a process died
UNREAD: Final = 0.5  # seconds by which one process may be behind another
RECENT_SIZE: Final = 1024 * 1024  # bytes of those signals
AT_MOST: Final = 200  # signals for one of them; an outbox holds some more
IDLE: Final = 20.0  # seconds; longer than a grace, and than an empty room lasts


@dataclass(slots=True)
class Hold:
    """Who has a seat's line: a process, by a connection; no key while it is cut."""

    node: str
    key: str
    since: str = ""  # the entry that cut it
    taken: int = 0  # at its own process: the last number that was passed on
    expiring: float = float("-inf")  # when its end was last asked for, monotonic


@dataclass(slots=True)
class Replica:
    """How far a process has come in a room's stream."""

    last: str = FIRST
    count: int = 0
    serials: dict[str, int] = field(default_factory=dict)  # the last one, by process
    recent: deque[tuple[str, Relay]] = field(  # with their entries' ids
        default_factory=lambda: deque(maxlen=RECENT)
    )
    size: int = 0  # bytes in ``recent``
    newest: str = ""  # of those, when it was looked at last
    newest_at: float = 0.0  # when it was first seen, monotonic
    unsaved: int = 0  # bytes that this process wrote since its last snapshot
    wanted_at: float = 0.0  # monotonic

    def remember(self, id: str, said: Relay) -> None:
        """Keep a signal, and let go of the oldest where they are too much."""
        if len(self.recent) == RECENT:
            self._forget()
        self.recent.append((id, said))
        self.size += len(said.body)
        while self.size > RECENT_SIZE:
            self._forget()

    def forget_old(self, now: float) -> None:
        """Let go of the signals that everybody heard who ever will.

        By the clock of Redis, which dates them, as far as it is known to go.
        """
        if not self.recent:
            return
        newest, _ = self.recent[-1]
        if newest != self.newest:
            self.newest, self.newest_at = newest, now
        since = time_of(newest) + now - self.newest_at - MISSED
        while self.recent and time_of(self.recent[0][0]) < since:
            self._forget()

    def _forget(self) -> None:
        _, said = self.recent.popleft()
        self.size -= len(said.body)

    def latest(self) -> list[tuple[str, Relay]]:
        """Return the signals that were lost with Redis if it died after the last.

        One process may have read them, and another one not.
        """
        if not self.recent:
            return []
        since = time_of(self.recent[-1][0]) - UNREAD
        first = bisect_left(self.recent, since, key=lambda each: time_of(each[0]))
        return list(islice(self.recent, first, None))

    def missed(self, who: ParticipantId, now: float) -> list[Signaled]:
        """Return what somebody may have missed whose process is gone.

        It may come again: who receives knows signals by their numbers.
        """
        signals = [
            said.signaled()
            for id, said in self.recent
            if said.to == who and time_of(id) >= now - MISSED
        ]
        return signals[-AT_MOST:]

    def is_new(self, node: str, serial: int) -> bool:
        """Take note of an entry; say whether it was not applied before."""
        if serial <= self.serials.get(node, 0):
            return False
        self.serials[node] = serial
        self.count += 1
        return True


class Elsewhere:
    """The line of a participant whose socket another process has."""

    heard_at = float("inf")

    def ring(self) -> None:
        """Another process writes."""

    def close(self, code: CloseCode) -> None:
        """Another process closes."""


ELSEWHERE: Final = Elsewhere()
