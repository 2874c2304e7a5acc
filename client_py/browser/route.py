"""The way that a connection's media takes, out of the browser's statistics."""

from dataclasses import dataclass
from typing import Any

from client_py.browser.report import Entry, Report
from protocol.statistics import Connection, Transport

_TRANSPORTS: dict[str, Transport] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}


@dataclass(frozen=True, slots=True)
class Route:
    """Whether there is a relay, how this end goes out, and the candidates' types."""

    connection: Connection = "unknown"
    transport: Transport = "unknown"
    local: str = ""
    remote: str = ""


def route(report: Report) -> Route:
    """Return the way that is in use."""
    pair = selected(report)
    local = report.get(pair["localCandidateId"]) if pair else None
    remote = report.get(pair["remoteCandidateId"]) if pair else None
    if not (local and remote):
        return Route()
    ends = local["candidateType"], remote["candidateType"]
    relayed = ends[0] == "relay"
    word = local.get("relayProtocol" if relayed else "protocol", "")
    transport = _TRANSPORTS.get(word.lower(), "unknown")
    return Route("relay" if "relay" in ends else "direct", transport, *ends)


def relay_transport(candidate: Any) -> Transport:
    """Return how the relay of a local candidate is reached (webrtc-extensions).

    Firefox tells neither this nor the server of a candidate.
    """
    word = str(getattr(candidate, "relayProtocol", ""))
    return _TRANSPORTS.get(word.lower(), "unknown")


def selected(report: Report) -> Entry | None:
    """Return the pair in use, or None.

    Firefox marks it, others name it (webrtc-stats §8.11).
    """
    pairs = []
    for stats in report.values():
        if stats["type"] == "transport":
            chosen = stats.get("selectedCandidatePairId", "")
            if chosen and (pair := report.get(chosen)):
                return pair
        elif stats["type"] == "candidate-pair":
            pairs.append(stats)
    for pair in pairs:
        if pair.get("selected"):
            return pair
    for pair in pairs:
        if pair.get("nominated") and pair["state"] == "succeeded":
            return pair
    return None
