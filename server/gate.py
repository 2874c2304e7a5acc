"""Who may come in: connections, handshakes and requests, by address and session."""

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

from starlette.types import Scope

from server.address import Addresses, Network, key
from server.clock import Clock
from server.errors import TooMany
from server.limits import Buckets, Counter, Rate


class Door(Enum):
    """What is counted apart, each by the address that asks."""

    SESSION = auto()  # new sessions
    ROOM = auto()  # new rooms
    TRIAL = auto()  # relays, for a test before a call
    LOGIN = auto()  # logins, their ends, and sessions that end
    PASSCODE = auto()  # passcodes of any room, right or wrong
    LOOKUP = auto()  # anything about a room by its id
    SOCKET = auto()  # WebSocket handshakes


RATES: Final = {
    Door.SESSION: Rate(2, 120),
    Door.ROOM: Rate(0.5, 60),
    Door.TRIAL: Rate(0.1, 10),
    Door.LOGIN: Rate(1, 60),
    Door.PASSCODE: Rate(0.5, 60),
    Door.LOOKUP: Rate(10, 300),
    Door.SOCKET: Rate(5, 100),
}
PENDING: Final = 20  # sockets of an address that have said no hello yet
PER_SESSION: Final = 16  # sockets of one session
_SOON: Final = 5.0  # seconds after which it is worth to try again


@dataclass(frozen=True, kw_only=True)
class Capacity:
    """How much the server takes. ``scale`` multiplies what one address may do."""

    connections: int = 10_000
    per_address: int = 256
    scale: float = 1.0
    proxies: tuple[Network, ...] = ()


class Gate:
    """Counts everyone in and out. What it refuses, it refuses by ``TooMany``."""

    def __init__(self, clock: Clock, capacity: Capacity) -> None:
        self.scale = capacity.scale
        self.addresses = Addresses(capacity.proxies)
        self._now = clock.monotonic
        self._buckets: dict[Door, Buckets[str]] = {
            door: Buckets(rate.times(capacity.scale)) for door, rate in RATES.items()
        }
        self._all: Counter[None] = Counter(capacity.connections)
        self._connections: Counter[str] = Counter(capacity.per_address)
        self.sockets: Counter[str] = Counter(capacity.per_address)
        self.pending: Counter[str] = Counter(round(PENDING * capacity.scale))
        self.sessions: Counter[str] = Counter(round(PER_SESSION * capacity.scale))

    @property
    def connections(self) -> int:
        """How many TCP connections stand."""
        return self._all[None]

    def connect(self, peer: str) -> None:
        """Count a TCP connection in. A proxy's stand for those of many people."""
        if not self._all.enter(None):
            raise TooMany(_SOON, 503)
        if self.addresses.trusts(peer) or self._connections.enter(key(peer)):
            return
        self._all.leave(None)
        raise TooMany(_SOON)

    def disconnect(self, peer: str) -> None:
        """Count a TCP connection out."""
        self._all.leave(None)
        if not self.addresses.trusts(peer):
            self._connections.leave(key(peer))

    def ask(self, door: Door, scope: Scope) -> None:
        """Let a request pass, or raise ``TooMany``."""
        self._take(door, self.addresses.of(scope))

    def knock(self, scope: Scope) -> "Visit":
        """Let a handshake pass, or raise ``TooMany``."""
        address = self.addresses.of(scope)
        self._take(Door.SOCKET, address)
        if not self.pending.enter(address):
            raise TooMany(_SOON)
        if not self.sockets.enter(address):
            self.pending.leave(address)
            raise TooMany(_SOON)
        return Visit(self, address)

    def _take(self, door: Door, address: str) -> None:
        if wait := self._buckets[door].take(address, self._now()):
            raise TooMany(wait)


class Visit:
    """One socket, from its handshake to its end: ``over`` has to be said."""

    def __init__(self, gate: Gate, address: str) -> None:
        self._gate = gate
        self._address = address
        self._pending = True
        self._session: str | None = None

    def welcome(self, session: str) -> None:
        """A valid token came; raise ``TooMany`` if it has come too often."""
        if not self._gate.sessions.enter(session):
            raise TooMany(_SOON)
        self._session = session
        self._arrive()

    def over(self) -> None:
        """The socket is gone."""
        self._arrive()
        self._gate.sockets.leave(self._address)
        if self._session is not None:
            self._gate.sessions.leave(self._session)

    def _arrive(self) -> None:
        if self._pending:
            self._pending = False
            self._gate.pending.leave(self._address)
