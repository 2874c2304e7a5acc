"""Two honest ends, and whoever runs the server between them.

What an end says lies on the ``wire`` until the attacker lets it through, as it was,
altered, twice, or never. ``Wire.log`` keeps everything that was ever said.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from client_py.headless.crypto import HeadlessCrypto
from e2ee.backend import Identity
from e2ee.channel import Channel
from e2ee.errors import Failure, HandshakeError
from e2ee.handshake import Handshake, Link, State
from e2ee.keyring import ReceivingKeys, SendingKeys
from e2ee.secrets import Secrets

CRYPTO = HeadlessCrypto()
ROOM = "room"
SHARED = b"the secret of the link".ljust(32)

Tamper = Callable[[bytes], bytes | None]


class End:
    """One honest participant's side of one link."""

    def __init__(self, link: Link, identity: Identity, shared: bytes = SHARED) -> None:
        self.identity = identity
        self.handshake = Handshake(CRYPTO, link, identity, shared, b"capable")

    @property
    def state(self) -> State:
        return self.handshake.state

    @property
    def failure(self) -> Failure | None:
        return self.handshake.failure

    @property
    def secrets(self) -> Secrets:
        assert self.handshake.secrets is not None
        return self.handshake.secrets

    async def take(self, message: bytes) -> bytes:
        """Take a message as the program would: refused is dropped."""
        try:
            return await self.handshake.receive(message)
        except HandshakeError:
            return b""

    def channel(self) -> Channel:
        return Channel(CRYPTO, self.secrets.channel_out, self.secrets.channel_in)

    def keys(self) -> tuple[SendingKeys, ReceivingKeys]:
        sending = SendingKeys(CRYPTO, self.secrets.suite)
        sending.use(0, self.secrets.base_out)
        receiving = ReceivingKeys(CRYPTO, self.secrets.suite)
        receiving.install(0, self.secrets.base_in)
        return sending, receiving


@dataclass
class Wire:
    """What the attacker heard."""

    log: list[bytes] = field(default_factory=list)

    def carry(self, message: bytes, tamper: Tamper | None) -> bytes:
        """Take what was said; return what arrives, empty for nothing."""
        if message:
            self.log.append(message)
        if not message or tamper is None:
            return message
        return tamper(message) or b""


async def end(me: str, peer: str, *, shared: bytes = SHARED, room: str = ROOM) -> End:
    """Make a participant who has just joined."""
    identity = await CRYPTO.new_identity()
    return End(Link(room, me, peer, me < peer), identity, shared)


async def shake(
    initiator: End, responder: End, tamper: dict[int, Tamper] | None = None
) -> Wire:
    """Run a handshake; ``tamper`` by the message's number, 1 … 4."""
    wire, how = Wire(), tamper or {}
    message = await initiator.handshake.start()
    for number, receiver in enumerate((responder, initiator) * 2, 1):
        message = wire.carry(message, how.get(number))
        message = await receiver.take(message) if message else b""
    return wire


async def linked() -> tuple[End, End]:
    """Return two ends that went through an honest handshake."""
    ada, bob = await end("ada", "bob"), await end("bob", "ada")
    await shake(ada, bob)
    return ada, bob


def flip(at: int, mask: int = 1) -> Tamper:
    """Return who flips bits of one byte."""

    def tamper(message: bytes) -> bytes:
        spoilt = bytearray(message)
        spoilt[at % len(spoilt)] ^= mask
        return bytes(spoilt)

    return tamper
