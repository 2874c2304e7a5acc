"""Looks at every link, once a second: how well it is received, and if at all.

Browsers miss a link only after five seconds or more without an answer to their
checks. Something always comes through a link that stands, if only those answers;
how many looks found nothing is counted here, and judged by the roster.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Final

from client_py.core.doubt import Doubt
from client_py.core.errors import NegotiationError
from client_py.core.history import History
from client_py.core.look import Look
from client_py.core.ports import LinkStats
from client_py.core.quality import QualityMeter
from client_py.core.report import Reporter
from protocol.messages import ParticipantId, ReportStats

log = logging.getLogger("tertulia.monitor")

LOOKS: Final = 1.0  # seconds between two looks


class Pulse:
    """Counts the looks since anything came through a link."""

    def __init__(self) -> None:
        self._heard = 0
        self._missed = 0

    def take(self, heard: int | None) -> int | None:
        """Take the total as it is now; None where nothing can be said of it."""
        if not heard:
            return None
        before, self._heard = self._heard, heard
        # Less than before: ways that were given up are counted no more.
        self._missed = 0 if heard > before else self._missed + 1
        return self._missed


@dataclass(slots=True)
class _Watched:
    get_stats: Callable[[], Awaitable[LinkStats]]
    meter: QualityMeter = field(default_factory=QualityMeter)
    pulse: Pulse = field(default_factory=Pulse)
    doubt: Doubt = field(default_factory=Doubt)


class Monitor:
    """The links that there are, and what each was like for the last two minutes.

    A link's history outlives its connections: ``watch`` again goes on with it.
    """

    def __init__(self) -> None:
        self._watched: dict[ParticipantId, _Watched] = {}
        self._histories: dict[ParticipantId, History] = {}
        self._totals: dict[ParticipantId, LinkStats] = {}
        self._reporter = Reporter()

    def watch(
        self, who: ParticipantId, get_stats: Callable[[], Awaitable[LinkStats]]
    ) -> None:
        """Look at a link from now on."""
        self._watched[who] = _Watched(get_stats)
        self._histories.setdefault(who, History())

    def leave(self, who: ParticipantId) -> None:
        """Look at a link no longer, unless it is watched again before the next look."""
        self._watched.pop(who, None)

    def history(self, who: ParticipantId) -> History | None:
        """Return what a link was like."""
        return self._histories.get(who)

    async def look(self) -> dict[ParticipantId, Look]:
        """Return what there is to see of every link now."""
        self._histories = {who: self._histories[who] for who in self._watched}
        looks: dict[ParticipantId, Look] = {}
        self._totals = {}
        # All at once: they share what they ask of the platform.
        links = dict(self._watched)
        told = await asyncio.gather(*map(_stats, links.values()))
        for (who, watched), stats in zip(links.items(), told, strict=True):
            if stats is None or self._watched.get(who) is not watched:
                continue  # closed or replaced meanwhile
            self._totals[who] = stats
            self._histories[who].add(stats)
            looks[who] = Look(
                watched.meter.score(stats),
                watched.pulse.take(stats.heard),
                stats.connection,
                stats.transport,
                stats.outgoing,
                watched.doubt.look(stats.came),
            )
        self._reporter.look(self._totals)
        return looks

    def report(self) -> ReportStats | None:
        """Return how the links were since the report before, for the server."""
        return self._reporter.report(self._totals)


async def _stats(watched: _Watched) -> LinkStats | None:
    try:
        return await watched.get_stats()
    except NegotiationError:
        return None
    except Exception:
        log.exception("= a link can't be measured")
        return None
