"""Whether this process can do its work, and which part of it can't.

For load balancers: they ask often, so an answer is good for a second, and all who
ask meanwhile share one look.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from protocol.messages import RoomId
from server.journal import Journal
from server.store import Store

log = logging.getLogger("tertulia.readiness")

LIMIT: Final = 1.0  # seconds that a part has to answer in
FRESH: Final = 1.0  # seconds that an answer is good for

Check = Callable[[], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Report:
    """Each part's state: ``ok``, or ``down``."""

    checks: Mapping[str, str]

    @property
    def ready(self) -> bool:
        """Whether every part does its work."""
        return all(state == "ok" for state in self.checks.values())


class Readiness:
    """Asks the parts, within limits. ``now`` is a monotonic clock."""

    def __init__(
        self,
        checks: Mapping[str, Check],
        now: Callable[[], float],
        limit: float = LIMIT,
    ) -> None:
        self._checks = dict(checks)
        self._now = now
        self._limit = limit
        self._looking: asyncio.Task[Report] | None = None
        self._seen_at = float("-inf")

    async def report(self) -> Report:
        """Return how the parts are, as of at most a second ago."""
        stale = self._now() - self._seen_at >= FRESH
        if self._looking is None or (self._looking.done() and stale):
            self._looking = asyncio.create_task(self._look())
            self._seen_at = self._now()
        # Who hangs up must not end the look of all others.
        return await asyncio.shield(self._looking)

    async def _look(self) -> Report:
        states = await asyncio.gather(*(self._ask(each) for each in self._checks))
        return Report(dict(zip(self._checks, states, strict=True)))

    async def _ask(self, name: str) -> str:
        try:
            async with asyncio.timeout(self._limit):
                good = await self._checks[name]()
        except Exception as error:
            log.warning("= %s is down: %s", name, type(error).__name__)
            return "down"
        return "ok" if good else "down"


class ReadinessEndpoint:
    """``/readyz``: 200, or 503 with what is down."""

    def __init__(self, readiness: Readiness) -> None:
        self._readiness = readiness

    async def __call__(self, request: Request) -> Response:
        """Return each part's state. Draining is looked at every time."""
        report = await self._readiness.report()
        draining = bool(getattr(request.app.state, "draining", False))
        ready = report.ready and not draining
        answer = {"ready": ready, "draining": draining, "checks": report.checks}
        return Response(
            msgspec.json.encode(answer),
            200 if ready else 503,
            {"Cache-Control": "no-store"},
            "application/json",
        )


def checks_of(store: Store, journal: Journal) -> dict[str, Check]:
    """Return the checks of what every server has."""

    async def store_answers() -> bool:
        await store.room(RoomId("readyz"))  # no room has such a name
        return True

    async def journal_writes() -> bool:
        return journal.healthy

    return {"store": store_answers, "journal": journal_writes}
