"""Who may still come back from before the server was started anew.

For one grace after the start nobody can tell who of the process before is gone.
What is said to somebody who isn't here meanwhile waits: they may be next.
"""

from collections import defaultdict
from typing import Final

from protocol.codes import GRACE
from protocol.messages import ParticipantId, RoomId, Signal, Signaled
from server.ticket import Ticket
from server.wire import TO_CLIENT

EACH: Final = 256  # signals for one participant
ALL: Final = 10_000
SIZE: Final = 16 * 1024 * 1024  # characters of all of them


class Awaited:
    """The participants of the process before. Times are of one monotonic clock."""

    def __init__(self, process: str, now: float) -> None:
        self._process = process
        self._until = now + GRACE
        self._signals: dict[tuple[RoomId, ParticipantId], list[Signaled]] = defaultdict(
            list
        )
        self._count = 0
        self._size = 0
        self._over: frozenset[str] = frozenset()

    def admits(self, ticket: Ticket, now: float) -> bool:
        """Whether the ticket's place may be had again."""
        if ticket.participant in self._over or now >= self._until:
            return False
        return ticket.process != self._process

    def bar(self, over: frozenset[str]) -> None:
        """Let none of these go on: they had ended before the server did."""
        self._over = over

    def keep(
        self, room: RoomId, sender: ParticipantId, signal: Signal, n: int, now: float
    ) -> bool:
        """Keep a signal for one who isn't here; False if it can't be."""
        if now >= self._until or signal.to == sender or self._count >= ALL:
            return False
        kept = Signaled(sender, signal.generation, signal.body, n)
        size = len(TO_CLIENT.encode(kept))
        if self._size + size > SIZE:
            return False
        waiting = self._signals[room, signal.to]
        if len(waiting) >= EACH:
            return False
        self._size += size
        waiting.append(kept)
        self._count += 1
        return True

    def collect(self, room: RoomId, who: ParticipantId) -> list[Signaled]:
        """Hand out what waits for one who came back."""
        return self._signals.pop((room, who), [])

    def tick(self, now: float) -> None:
        """Forget it all once nobody may come back any more."""
        if now >= self._until:
            self._signals.clear()
            self._over = frozenset()
