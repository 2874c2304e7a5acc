"""Why a link has no way, as far as my end can tell.

Pure: what there was to gather from, what was gathered and what was refused go in.
"""

from dataclasses import dataclass, replace

from client_py.core.state import Cause
from protocol.messages import IceServer
from protocol.statistics import Transport

#: STUN's own error codes end below (RFC 8489 §14.8); browsers say 701 where no answer
#: came at all (W3C WebRTC §5.7.2).
NO_ANSWER = 700


@dataclass(frozen=True, slots=True)
class Gathered:
    """What one connection found of ways out, so far."""

    relays: frozenset[Transport] = frozenset()  # how a relay was reached
    refused: frozenset[int] = frozenset()  # the codes of relays that didn't let me
    finished: bool = False

    def with_relay(self, transport: Transport) -> "Gathered":
        """Return it with a relay that was reached so."""
        return replace(self, relays=self.relays | {transport})

    def with_refusal(self, url: str, code: int) -> "Gathered":
        """Return it with a server's error; only relays matter."""
        if not is_relay(url) or code >= NO_ANSWER:
            return self
        return replace(self, refused=self.refused | {code})


def has_relay(servers: tuple[IceServer, ...]) -> bool:
    """Whether there is a relay to go over."""
    return any(is_relay(url) for server in servers for url in server.urls)


def cause(servers: tuple[IceServer, ...], gathered: Gathered) -> Cause:
    """Return what most likely keeps a link from being made."""
    if not has_relay(servers):
        return Cause.NO_RELAY
    if gathered.relays:
        reached = "udp" in gathered.relays or "unknown" in gathered.relays
        return Cause.NONE if reached else Cause.UDP_BLOCKED
    if gathered.refused:
        return Cause.RELAY_REFUSED
    return Cause.RELAY_AWAY if gathered.finished else Cause.NONE


def is_relay(url: str) -> bool:
    """Whether a URL is a relay's (RFC 7065)."""
    return url.startswith(("turn:", "turns:"))
