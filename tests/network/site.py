"""Places that people call from: a host, the router before it, the public segment.

::

    host ── inside ┤router├ outside ── segment (public): server, relay, STUN

Addresses are of the ranges for documentation (RFC 5737). Those of hosts could be
routed, so that a site without NAT differs from the others in its router alone.
"""

from dataclasses import dataclass
from enum import Enum

from tests.network.delay import DEVICE, Delay
from tests.network.namespace import Namespace, link

SERVER = "203.0.113.1"
RELAY = "203.0.113.2"
SECOND = "203.0.113.3"  # the relay's other address: NAT kinds show only with two
PLAIN_SERVER = "203.0.113.4"  # tells nobody of the relay
BRIEF_SERVER = "203.0.113.5"  # its credentials end soon
VOID = "void"
_BRIDGE = "02:00:00:00:00:01"  # locally administered


class Nat(Enum):
    """What a router does to addresses (RFC 4787 §4.1, §5)."""

    NONE = ""
    #: The same port to everybody; answers only from where something was sent to.
    PRESERVING = "masquerade"
    #: Another port for every destination ("symmetric").
    SYMMETRIC = "masquerade fully-random"


class Wall(Enum):
    """What a router lets out."""

    OPEN = "accept"
    NO_UDP = "meta l4proto udp drop; accept"
    ONLY_443 = "tcp dport 443 accept; drop"


@dataclass(frozen=True, slots=True)
class Line:
    """What is wrong with the line of a site."""

    loss: float = 0.0  # share of UDP datagrams, 0..1, in each direction
    rate: int = 0  # kbit/s in each direction, 0 for all there is
    delay: float = 0.0  # seconds, of what the host sends
    jitter: float = 0.0  # seconds that are added at random; datagrams overtake


class Public:
    """The segment where everything has a public address."""

    def __init__(self) -> None:
        self.namespace = Namespace("public")
        # A bridge without an address of its own takes a port's, and another one when
        # that port goes: whoever knew it would send into the void.
        self.namespace.ip(f"link add segment address {_BRIDGE} type bridge")
        self.namespace.ip("link set segment up")
        # Where nobody lives packets get lost, and their sender isn't told: a blackhole
        # would refuse them, and coturn ends a session for which it can't send.
        self.namespace.ip(f"tuntap add dev {VOID} mode tun")
        self.namespace.ip(f"link set {VOID} up")
        for address in (SERVER, RELAY, SECOND, PLAIN_SERVER, BRIEF_SERVER):
            self.namespace.ip(f"address add {address}/24 dev segment")

    def remove(self) -> None:
        """Take it away. Idempotent."""
        self.namespace.remove()


class Site:
    """A host behind a router that is changed between calls."""

    def __init__(self, public: Public, number: int) -> None:
        self.public = public
        self.network = f"198.51.100.{16 * number}/28"
        self._number = number
        self.address = self._inside(2)
        self.outside = f"203.0.113.{10 + number}"
        self.host = Namespace(f"host{number}")
        self.router = Namespace(f"router{number}")
        self._delay: Delay | None = None
        self._connect()
        self.become(Nat.PRESERVING)

    def become(
        self, nat: Nat, wall: Wall = Wall.OPEN, line: Line | None = None
    ) -> None:
        """Be a site of another kind; what was connected before is forgotten."""
        line = line or Line()
        self.router.nft("flush ruleset\n")
        self.router.nft(_rules(nat, wall, line))
        self._shape(line.rate, line.rate)
        self._slow(line.delay, line.jitter)
        # Whoever is on the segment knows the way to a host that is not hidden.
        way = f"via {self.outside}" if nat is Nat.NONE else f"dev {VOID}"
        self.public.namespace.ip(f"route replace {self.network} {way}")

    def dropped(self) -> int:
        """How many datagrams the line has lost since ``become``."""
        words = self.router.command("nft", "list", "counter", "ip", "rig", "lost")
        return int(words.split("packets ")[1].split()[0])

    def remove(self) -> None:
        """Take it away. Idempotent."""
        self._slow(0.0, 0.0)
        self.host.remove()
        self.router.remove()

    def narrow(self, *, up: int = 0, down: int = 0) -> None:
        """Let so many kbit/s through from now on, 0 for all; nothing is forgotten."""
        self._shape(up, down)

    def move(self) -> None:
        """Give the host another interface with another address, as a new network."""
        self.host.ip("link delete eth0")
        place = int(self.address.rpartition(".")[2]) - 16 * self._number
        self.address = self._inside(3 if place == 2 else 2)
        self._plug_in()

    def _plug_in(self) -> None:
        gateway = self._inside(1)
        link(self.host, "eth0", self.router, "inside")
        self.host.ip(f"address add {self.address}/28 dev eth0")
        self.router.ip(f"address add {gateway}/28 dev inside")
        self.host.ip(f"route add default via {gateway}")

    def _inside(self, place: int) -> str:
        return f"198.51.100.{16 * self._number + place}"

    def _connect(self) -> None:
        self._plug_in()
        link(self.router, "outside", self.public.namespace, f"site{self._number}")
        self.public.namespace.ip(f"link set site{self._number} master segment")
        self.router.ip(f"address add {self.outside}/24 dev outside")
        self.router.ip(f"route add default via {SERVER}")
        self.router.set("net.ipv4.ip_forward", "1")
        self.public.namespace.set("net.ipv4.ip_forward", "1")
        # What a line delays comes back on an interface that it didn't leave by.
        self.router.set("net.ipv4.conf.all.rp_filter", "0")
        self.router.set("net.ipv4.conf.default.rp_filter", "0")

    def _slow(self, delay: float, jitter: float) -> None:
        if self._delay is not None:
            self._delay.close()
            self._delay = None
        if delay or jitter:
            self._delay = Delay(self.router, "inside", delay, jitter)

    def _shape(self, up: int, down: int) -> None:
        for device, rate in (("outside", up), ("inside", down)):
            self.router.command("tc", "qdisc", "replace", "dev", device, *_queue(rate))


def _queue(rate: int) -> list[str]:
    if not rate:
        return ["root", "pfifo", "limit", "1000"]
    return f"root tbf rate {rate}kbit burst 8k latency 200ms".split()


def _rules(nat: Nat, wall: Wall, line: Line) -> str:
    lossy = f"meta l4proto udp numgen random mod 1000 < {round(1000 * line.loss)}"
    hidden = nat is not Nat.NONE
    slow = bool(line.delay or line.jitter)
    return "\n".join(
        [
            "table ip rig {",
            "counter lost { }",
            # A packet that is tracked before it is refused would take the port that
            # the host's own mapping is about to ask for.
            "chain arrive { type filter hook input priority 0; policy drop;",
            'iifname { "lo", "inside" } accept; ct state established,related accept; }',
            "chain pass { type filter hook forward priority 0; policy drop;",
            f'oifname "{DEVICE}" accept;',
            f"{lossy} counter name lost drop;" if line.loss else "",
            "ct state established,related accept;",
            "" if hidden else 'iifname "outside" accept;',
            f'iifname {{ "inside", "{DEVICE}" }} jump out; }}',
            f"chain out {{ {wall.value}; }}",
            # On its way to the delay a packet must not be tracked: what was tracked
            # without a translation gets none when it comes back.
            "chain first { type filter hook prerouting priority -300;",
            'iifname "inside" notrack;' if slow else "",
            "}",
            "chain leave { type nat hook postrouting priority 100;",
            f'oifname "outside" {nat.value};' if hidden else "",
            "}",
            "}",
            "",
        ]
    )
