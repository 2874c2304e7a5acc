"""What watches a running server, put together: metrics, readiness, webhooks."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.clock import Clock
from server.journal import Journal
from server.metrics import Metrics, MetricsEndpoint
from server.observer import Observers
from server.readiness import Readiness, ReadinessEndpoint, checks_of
from server.settings import Settings
from server.socket import SocketEndpoint
from server.store import Store
from server.switchboard import Switchboard
from server.webhook import Webhooks

if TYPE_CHECKING:
    from server.cluster.node import Node


class Monitoring:
    """Hands out ``observers``; ``watch`` what can be asked, then serve ``routes``."""

    def __init__(
        self,
        settings: Settings,
        clock: Clock,
        new_id: Callable[[], str],
        store: Store,
        journal: Journal,
    ) -> None:
        self.metrics = Metrics()
        self._settings = settings
        self._clock = clock
        self._new_id = new_id
        self._hooks: Webhooks | None = None
        if settings.webhook_urls:
            self._hooks = self._webhooks()
        observers = [self.metrics, *([self._hooks] if self._hooks else [])]
        self.observers = Observers(observers)
        self._checks = checks_of(store, journal)
        self._ready = ReadinessEndpoint(Readiness(self._checks, clock.monotonic))
        self._scrape = MetricsEndpoint(self.metrics, settings.metrics_token)
        self.metrics.watch(
            "store_queue", "Writes that wait for the store.", lambda: journal.depth
        )

    def watch(self, switchboard: Switchboard, endpoint: SocketEndpoint) -> None:
        """Read these whenever somebody asks."""
        watch, observers, hooks = self.metrics.watch, self.observers, self._hooks
        watch("rooms", "Rooms with somebody in them.", lambda: observers.rooms)
        watch(
            "participants",
            "Participants, the ones cut off included.",
            lambda: switchboard.seats,
        )
        watch("connections", "Open WebSockets.", lambda: endpoint.open)
        watch(
            "outbox_messages",
            "Messages that wait for their readers.",
            lambda: switchboard.waiting,
        )
        watch(
            "webhooks_waiting",
            "Events that wait to be told.",
            lambda: hooks.waiting if hooks else 0,
        )

    def watch_node(self, node: "Node") -> None:
        """Read what this process shares with others, too."""
        self._checks["redis"] = node.answers
        self._ready = ReadinessEndpoint(Readiness(self._checks, self._clock.monotonic))
        self.metrics.watch(
            "redis_lag_seconds",
            "From writing a command to reading it back, of the last one.",
            lambda: node.lag,
        )

    def routes(self) -> list[Route]:
        """Return where the endpoints stand."""

        async def metrics(request: Request) -> Response:
            return await self._scrape(request)

        async def readiness(request: Request) -> Response:
            return await self._ready(request)

        return [
            Route("/metrics", metrics, methods=["GET"]),
            Route("/readyz", readiness, methods=["GET"]),
        ]

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Tell what waits, at the end, before the server is gone."""
        try:
            yield
        finally:
            if self._hooks:
                await self._hooks.close()

    def _webhooks(self) -> Webhooks:
        return Webhooks(
            self._settings.webhook_urls,
            self._settings.webhook_key,
            unix=self._clock.unix,
            new_id=self._new_id,
            counted=self.metrics.hooked,
        )
