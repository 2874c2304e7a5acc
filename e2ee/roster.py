"""Who is in the room, as each of them sees it: does the server tell all the same?

What somebody said last may be old: they may not have heard yet who came or went, nor
been heard since. So it counts only when they said it in answer to what I see; or when
they say nothing else for longer than a cut can go unnoticed.
"""

from collections.abc import Mapping, Set
from dataclasses import dataclass

PATIENCE = 3.0  # seconds in which two views may differ: somebody comes or goes
UNHEARD = 40.0  # seconds: of a page that died a server finds out after 30

#: Everybody's identity key, one's own among them; ``b""`` where it isn't proved yet.
View = Mapping[str, bytes]


@dataclass(slots=True)
class _Difference:
    since: float
    answered: bool = False  # they know what I see, and see something else


class RosterWatch:
    """Compares what the others say with what I see. Times are in seconds."""

    def __init__(self) -> None:
        self._mine: View = {}
        self._unsure: Set[str] = frozenset()
        self._theirs: dict[str, View] = {}
        self._differs: dict[str, _Difference] = {}

    @property
    def differing(self) -> Set[str]:
        """Who sees others than I do just now: they have to hear that I heard it."""
        return self._differs.keys()

    def see(self, mine: View, now: float, unsure: Set[str] = frozenset()) -> None:
        """Take note of my own view; who is ``unsure`` may be there or not."""
        if mine != self._mine:
            for found in self._differs.values():
                found.answered = False
        self._mine, self._unsure = mine, unsure
        for peer in self._theirs:
            self._compare(peer, now)

    def hear(self, peer: str, theirs: View, now: float, *, answers: bool) -> None:
        """Take note of what a peer said over its sealed channel.

        It ``answers`` when they knew my view of now.
        """
        self._theirs[peer] = theirs
        self._compare(peer, now)
        if answers and peer in self._differs:
            self._differs[peer].answered = True

    def forget(self, peer: str) -> None:
        """Somebody left."""
        self._theirs.pop(peer, None)
        self._differs.pop(peer, None)

    def rest(self) -> None:
        """What I see may be old: whatever differs has its time anew."""
        self._differs.clear()

    def forked(self, now: float) -> frozenset[str]:
        """Return whose room has been another one than mine for too long."""
        return frozenset(
            peer
            for peer, found in self._differs.items()
            if now - found.since >= (PATIENCE if found.answered else UNHEARD)
        )

    def _compare(self, peer: str, now: float) -> None:
        if self._agrees(self._theirs[peer]):
            self._differs.pop(peer, None)
        else:
            self._differs.setdefault(peer, _Difference(now))

    def _agrees(self, theirs: View) -> bool:
        """Whether the same people are there, under the same keys where both know them.

        A key that one doesn't know says nothing: somebody may prove theirs to one of
        us a while before the other, or never, as it is with who fell off the net.
        """
        everybody = (self._mine.keys() | theirs.keys()) - self._unsure
        if not everybody <= self._mine.keys() & theirs.keys():
            return False
        pairs = ((self._mine[who], theirs[who]) for who in everybody)
        return all(mine == other for mine, other in pairs if mine and other)
