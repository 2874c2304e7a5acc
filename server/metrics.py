"""What there is to count, in Prometheus' words.

Labels have few values, all known beforehand: never a room's id or a person's.
What happens for every relayed message is a plain addition here, and becomes a
metric when somebody asks.
"""

import hmac
import ipaddress
import platform
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from typing import Final

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector
from starlette.requests import Request
from starlette.responses import Response

from protocol.codes import ErrorCode, LeaveReason
from protocol.messages import ParticipantId, RoomId
from protocol.statistics import LinkSample
from server.errors import Refused
from server.observer import Observer

#: One of so many relayed messages has its way through the server timed.
SAMPLE: Final = 64

_OTHER: Final = "other"
_RELAY: Final = (*(n * 1e-5 for n in (2, 5, 10, 20, 50, 100, 200, 500)), 0.01, 0.1, 1.0)
_BITRATE: Final = tuple(n * 1e3 for n in (30, 60, 120, 250, 500, 1000, 2000, 4000))
_LOSS: Final = (0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5)
_TRIP: Final = (0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6)
# What a proxy in front of us adds: behind one, everybody seems to be near.
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


class Traffic(Collector):
    """What is relayed: two sums that cost an addition each."""

    def __init__(self) -> None:
        self.messages = 0
        self.bytes = 0

    def relayed(self, size: int) -> bool:
        """Count a message; return whether this one is to be timed."""
        self.messages += 1
        self.bytes += size
        return self.messages % SAMPLE == 0

    def collect(self) -> Iterator[Metric]:
        """Return the sums as metrics."""
        yield CounterMetricFamily(
            "tertulia_relayed_messages", "Signals relayed.", value=self.messages
        )
        yield CounterMetricFamily(
            "tertulia_relayed_bytes", "Characters of signals relayed.", value=self.bytes
        )


class Metrics(Observer):
    """The metrics of one server, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.traffic = Traffic()
        self.registry.register(self.traffic)
        ProcessCollector(registry=self.registry)
        self._joins = self._counter("joins", "Participants who came in.")
        self._resumes = self._counter("resumes", "Participants who came back.")
        self._leaves = self._counter("leaves", "Participants gone for good.", "reason")
        self._refusals = self._counter("refusals", "Requests refused.", "code")
        self._hooks = self._counter("webhooks", "Events told, or given up.", "outcome")
        self._relay = self._histogram(
            "relay_seconds", "From received to written, of one in 64.", _RELAY
        )
        self._bitrate = self._histogram(
            "link_bitrate_bits_per_second", "As clients report it.", _BITRATE, "way"
        )
        self._loss = self._histogram("link_loss_ratio", "As clients report it.", _LOSS)
        self._trip = self._histogram(
            "link_round_trip_seconds", "As clients report it.", _TRIP
        )
        build = self._gauge("build_info", "What runs.", "version", "python")
        build.labels(_version(), platform.python_version()).set(1)
        # The first of its kind is no less news than the second: start from 0.
        for reason in LeaveReason:
            self._leaves.labels(reason.value)
        for code in ErrorCode:
            self._refusals.labels(code.value)
        for outcome in ("sent", "given_up", "dropped"):
            self._hooks.labels(outcome)
        for way in ("up", "down"):
            self._bitrate.labels(way)

    def watch(self, name: str, help_: str, read: Callable[[], float]) -> None:
        """Have a gauge read whenever somebody asks. Needs no Prometheus elsewhere.

        A gauge that nobody watches isn't there: ``redis_lag_seconds`` without Redis.
        """
        self._gauge(name, help_).set_function(read)

    # -- what happens

    def joined(self, room: RoomId, participant: ParticipantId) -> None:
        """Count a newcomer."""
        self._joins.inc()

    def resumed(self, room: RoomId, participant: ParticipantId) -> None:
        """Count one who came back."""
        self._resumes.inc()

    def left(self, room: RoomId, participant: ParticipantId, reason: str) -> None:
        """Count one who is gone."""
        known = reason in set(LeaveReason)
        self._leaves.labels(reason if known else _OTHER).inc()

    def refused(self, code: str) -> None:
        """Count a refusal."""
        self._refusals.labels(code if code in set(ErrorCode) else _OTHER).inc()

    def written(self, seconds: float) -> None:
        """A relayed message that was to be timed went to the socket."""
        self._relay.observe(seconds)

    def hooked(self, outcome: str) -> None:
        """A webhook's event was ``sent``, ``given_up`` or ``dropped``."""
        self._hooks.labels(outcome).inc()

    def measured(self, sample: LinkSample) -> None:
        """Count how a link was."""
        self._bitrate.labels("up").observe(sample.up)
        self._bitrate.labels("down").observe(sample.down)
        self._loss.observe(sample.loss)
        self._trip.observe(sample.rtt)

    # -- making them

    def _gauge(self, name: str, help_: str, *labels: str) -> Gauge:
        return Gauge(f"tertulia_{name}", help_, labels, registry=self.registry)

    def _counter(self, name: str, help_: str, *labels: str) -> Counter:
        return Counter(f"tertulia_{name}", help_, labels, registry=self.registry)

    def _histogram(
        self, name: str, help_: str, buckets: tuple[float, ...], *labels: str
    ) -> Histogram:
        return Histogram(
            f"tertulia_{name}", help_, labels, registry=self.registry, buckets=buckets
        )


class MetricsEndpoint:
    """``/metrics``, for whoever may see it.

    With a token, its bearer; without one, this machine itself. Who may not is
    told nothing of why.
    """

    def __init__(self, metrics: Metrics, token: str) -> None:
        self._registry = metrics.registry
        self._token = token.encode()

    async def __call__(self, request: Request) -> Response:
        """Return the metrics in Prometheus' text format."""
        if not (self._bears(request) if self._token else _near(request)):
            raise Refused(ErrorCode.FORBIDDEN)
        headers = {"Cache-Control": "no-store", "Content-Type": CONTENT_TYPE_LATEST}
        return Response(generate_latest(self._registry), headers=headers)

    def _bears(self, request: Request) -> bool:
        scheme, _, given = request.headers.get("authorization", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode(), self._token)
        return right and scheme.lower() == "bearer"


def _near(request: Request) -> bool:
    """Whether the request comes from this machine, and through no proxy."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False


def _version() -> str:
    try:
        return version("tertulia")
    except PackageNotFoundError:  # run from a checkout
        return "unknown"
