"""A relay: coturn, so that it is no way into anybody's network.

``docs/TURN.md`` tells administrators the same settings; a test compares them.
"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.services.service import Service, free_port

#: Whom the relay sends nothing: its own machine, private and link-local networks,
#: those of documentation and measurement, multicast (IANA's registries of
#: special-purpose addresses, IPv4 and IPv6), and IPv4 in IPv6's clothes. Not ``::``:
#: coturn takes that alone for every address there is.
DENIED = (
    "0.0.0.0-0.255.255.255",
    "10.0.0.0-10.255.255.255",
    "100.64.0.0-100.127.255.255",
    "127.0.0.0-127.255.255.255",
    "169.254.0.0-169.254.255.255",
    "172.16.0.0-172.31.255.255",
    "192.0.0.0-192.0.0.255",
    "192.0.2.0-192.0.2.255",
    "192.88.99.0-192.88.99.255",
    "192.168.0.0-192.168.255.255",
    "198.18.0.0-198.19.255.255",
    "198.51.100.0-198.51.100.255",
    "203.0.113.0-203.0.113.255",
    "224.0.0.0-255.255.255.255",
    "::1",
    "::ffff:0:0-::ffff:ffff:ffff",
    "64:ff9b::-64:ff9b::ffff:ffff",
    "64:ff9b:1::-64:ff9b:1:ffff:ffff:ffff:ffff:ffff",
    "100::-100::ffff:ffff:ffff:ffff",
    "2001::-2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff",
    "2001:db8::-2001:db8:ffff:ffff:ffff:ffff:ffff:ffff",
    "2002::-2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fc00::-fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "fe80::-febf:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
    "ff00::-ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff",
)
#: What is so wherever it runs.
SAFE = (
    "fingerprint",
    "use-auth-secret",
    "stale-nonce=600",
    "user-quota=32",
    "total-quota=1200",
    "no-multicast-peers",
    "no-tcp-relay",
    "no-cli",
    "no-tlsv1",
    "no-tlsv1_1",
    "no-dtls",
)
_LOOPBACK = "127.0.0.1"


@dataclass(frozen=True, slots=True)
class Relay:
    """A relay that runs: what a server of ours is told of it."""

    port: int
    secret: str = field(repr=False)

    @property
    def urls(self) -> tuple[str, ...]:
        """The ways to it, the best first."""
        at = f"{_LOOPBACK}:{self.port}"
        ways = (f"turn:{at}?transport={way}" for way in ("udp", "tcp"))
        return (f"stun:{at}", *ways)


@contextmanager
def relay(directory: Path, *, to_this_machine: bool = False) -> Iterator[Relay]:
    """Run coturn on a free port of 127.0.0.1.

    ``to_this_machine`` lets it send to 127.0.0.1, for calls of tabs on this very
    machine: with that it is a way into every service here that trusts it.
    Raises ``ServiceError``.
    """
    made = Relay(free_port(), secrets.token_urlsafe(32))
    file = directory / "turnserver.conf"
    file.touch(0o600)  # it holds the secret
    lines = configuration(made, directory, to_this_machine=to_this_machine)
    file.write_text("\n".join([*lines, ""]))
    with Service("coturn", ["turnserver", "-c", str(file)], directory, made.port):
        yield made


def configuration(
    of: Relay, directory: Path, *, to_this_machine: bool = False
) -> list[str]:
    """Return the lines of ``turnserver.conf``."""
    lines = [
        f"listening-ip={_LOOPBACK}",
        f"relay-ip={_LOOPBACK}",
        f"listening-port={of.port}",
        "no-tls",
        "realm=tertulia.localhost",
        f"static-auth-secret={of.secret}",
        *SAFE,
        *(f"denied-peer-ip={each}" for each in DENIED),
        f"userdb={directory / 'turn.sqlite'}",
        f"pidfile={directory / 'turn.pid'}",
        "log-file=stdout",
        "simple-log",
    ]
    if to_this_machine:
        lines += ["allow-loopback-peers", f"allowed-peer-ip={_LOOPBACK}"]
    return lines
