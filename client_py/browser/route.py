"""The way that a connection's media takes, out of the browser's statistics."""

from typing import Any

from protocol.statistics import Connection, Transport

_TRANSPORTS: dict[str, Transport] = {"udp": "udp", "tcp": "tcp", "tls": "tls"}


def route(report: Any) -> tuple[Connection, Transport]:
    """Return whether there is a relay, and how this end goes out."""
    pair = _selected(report)
    local = report.get(pair.localCandidateId) if pair else None
    remote = report.get(pair.remoteCandidateId) if pair else None
    if not (local and remote):
        return "unknown", "unknown"
    relayed = str(local.candidateType) == "relay"
    word = getattr(local, "relayProtocol" if relayed else "protocol", "")
    transport = _TRANSPORTS.get(str(word).lower(), "unknown")
    if relayed or str(remote.candidateType) == "relay":
        return "relay", transport
    return "direct", transport


def _selected(report: Any) -> Any:
    """Return the pair in use; Firefox marks it, others name it (webrtc-stats §8.11)."""
    pairs = []
    for stats in report.values():
        if stats.type == "transport":
            chosen = getattr(stats, "selectedCandidatePairId", "")
            if chosen and (pair := report.get(chosen)):
                return pair
        elif stats.type == "candidate-pair":
            pairs.append(stats)
    for pair in pairs:
        if getattr(pair, "selected", False):
            return pair
    for pair in pairs:
        if getattr(pair, "nominated", False) and pair.state == "succeeded":
            return pair
    return None
