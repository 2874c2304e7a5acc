"""From which address a request comes, also behind proxies that are trusted."""

from collections.abc import Sequence
from functools import lru_cache
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from socket import AF_INET, inet_ntop, inet_pton

from starlette.types import Scope

Network = IPv4Network | IPv6Network

_OWN_PREFIX = 64  # bits of an IPv6 address that one customer has all of (RFC 6177)
_KNOWN = 4096  # addresses that need not be parsed again
_HOPS = 32  # entries of X-Forwarded-For that are read


class Addresses:
    """Finds out who asks; believes ``X-Forwarded-For`` of ``proxies`` alone."""

    def __init__(self, proxies: Sequence[Network] = ()) -> None:
        self._proxies = tuple(proxies)

    def of(self, scope: Scope) -> str:
        """Return the key by which the client of a request is counted.

        Each proxy appends whom it heard, so the list is read from its end, for
        as long as who wrote an entry is trusted.
        """
        client = scope.get("client")
        address = client[0] if client else ""
        if not self.trusts(address):
            return key(address)
        hops = ",".join(
            value.decode("latin-1")
            for name, value in scope["headers"]
            if name == b"x-forwarded-for"
        ).rsplit(",", _HOPS)[-_HOPS:]
        for hop in reversed(hops):
            if _parse(hop) is None:
                break
            address = hop.strip()
            if not self.trusts(address):
                break
        return key(address)

    def trusts(self, address: str) -> bool:
        """Whether this is the address of a proxy of ours."""
        if not self._proxies:
            return False
        parsed = _parse(address)
        return parsed is not None and any(
            parsed in network
            for network in self._proxies
            if network.version == parsed.version
        )


@lru_cache(_KNOWN)
def key(address: str) -> str:
    """Return what stands for an address; of IPv6 it is the customer's network."""
    if _is_plain(address):
        return address
    parsed = _parse(address)
    if isinstance(parsed, IPv6Address):
        return str(ip_network((parsed, _OWN_PREFIX), strict=False))
    return str(parsed) if parsed else address[:64]


def _is_plain(address: str) -> bool:
    """Whether this is an IPv4 address in the one way in which it is written."""
    try:
        return inet_ntop(AF_INET, inet_pton(AF_INET, address)) == address
    except (OSError, ValueError):
        return False


def _parse(address: str) -> IPv4Address | IPv6Address | None:
    try:
        parsed = ip_address(address.strip())
    except ValueError:
        return None
    if isinstance(parsed, IPv6Address) and parsed.ipv4_mapped:
        return parsed.ipv4_mapped
    return parsed


def host(client: tuple[str, int] | None) -> str:
    """Return the address of a connection's other end, empty if it has none."""
    return client[0] if client else ""
