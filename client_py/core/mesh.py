"""Who reaches whom: every pair in the room, by what both of its ends say.

The two ends may differ for a moment. The worse of them is believed: a line that
works for one alone is no line. An end that said nothing yet is taken to be well.
"""

from collections.abc import Collection, Mapping, Sequence
from itertools import combinations

from client_py.core.effect import Effect, Send
from client_py.core.state import Connection, Pair
from protocol.links import Attempt, Reach
from protocol.messages import LinkReport, LinksChanged, ParticipantId, ReportLinks

Reports = tuple[LinkReport, ...]
Links = Mapping[ParticipantId, LinkReport]

_NOTHING: Links = {}

_FROM_BEST = (
    Reach.CONNECTED,
    Reach.CONNECTING,
    Reach.RECONNECTING,
    Reach.UNREACHABLE,
)


class Mesh:
    """What the others told of their links, and what I told of mine."""

    def __init__(self) -> None:
        self._theirs: dict[ParticipantId, Links] = {}
        self._told: Reports | None = None

    def enter(self) -> None:
        """The room is told anew: so is what I reach."""
        self._theirs.clear()
        self._told = None

    def go_on(self) -> None:
        """I am back: what I told may have been lost on the way."""
        self._told = None

    def hear(self, changed: LinksChanged) -> None:
        """Somebody tells of their links."""
        self._theirs[changed.from_] = {link.peer: link for link in changed.links}

    def forget(self, who: ParticipantId) -> None:
        """Somebody is gone."""
        self._theirs.pop(who, None)

    def tell(self, mine: Reports) -> list[Effect]:
        """Tell the others what is new of my links."""
        if mine == self._told or not (mine or self._told):
            return []
        self._told = mine
        return [Send(ReportLinks(mine))]

    def pairs(
        self,
        people: Sequence[ParticipantId],
        mine: Reports,
        away: Collection[ParticipantId],
    ) -> tuple[Pair, ...]:
        """Return every pair of these people, me first, in their order.

        Who is ``away`` reaches nobody, and that is no pair's fault.
        """
        if len(people) < 2:
            return ()
        said = {**self._theirs, people[0]: {link.peer: link for link in mine}}
        return tuple(
            Pair(one, other, Connection.RECONNECTING)
            if one in away or other in away
            else _pair(
                one,
                other,
                said.get(one, _NOTHING).get(other),
                said.get(other, _NOTHING).get(one),
            )
            for one, other in combinations(people, 2)
        )


def _pair(
    one: ParticipantId,
    other: ParticipantId,
    here: LinkReport | None,
    there: LinkReport | None,
) -> Pair:
    ends = [end for end in (here, there) if end is not None]
    if not ends:
        return Pair(one, other)
    worst = max(ends, key=_badness)
    known = next((end for end in ends if end.connection != "unknown"), worst)
    return Pair(
        one,
        other,
        worst.state,
        worst.trying,
        known.connection,
        known.transport,
    )


def _badness(report: LinkReport) -> tuple[bool, int]:
    tried = report.trying is not Attempt.NOTHING
    return tried, _FROM_BEST.index(report.state)
