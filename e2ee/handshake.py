"""Two participants agree on keys over a server that neither trusts.

SIGMA-I with a commitment: the initiator binds itself to its key before it sees the
other's, so nobody in between can try keys until two safety codes look alike.

    initiator                                  responder
    HELLO   version, suites, room, names, identity, commitment →
    ← REPLY   suite, identity, ephemeral key, nonce
    REVEAL  ephemeral key, nonce, sealed(signature, introduction) →
    ← CONFIRM sealed(signature, introduction)

A handshake that fails is over: who was wrong once gets no second guess.
"""

import hashlib
import hmac
from dataclasses import dataclass
from enum import Enum, IntEnum

from e2ee.backend import CryptoBackend, Exchange, Identity
from e2ee.errors import Failure, ForgedError, FrameError, HandshakeError
from e2ee.secrets import SHORT, Schedule, Secrets
from e2ee.suite import ALLOWED, NONCE, Suite
from e2ee.transcript import pack, unpack

VERSION = b"\x01"
_POINT = 32  # bytes of a public key
_SIGNATURE = 64
_RANDOM = 32


class Kind(IntEnum):
    """A message, by its first byte."""

    HELLO = 1
    REPLY = 2
    REVEAL = 3
    CONFIRM = 4


class State(Enum):
    """Where a handshake is."""

    NEW = "new"
    COMMITTED = "committed"  # initiator: waits for REPLY
    REVEALED = "revealed"  # initiator: waits for CONFIRM
    LISTENING = "listening"  # responder: waits for HELLO
    REPLIED = "replied"  # responder: waits for REVEAL
    DONE = "done"
    FAILED = "failed"


#: Every message that is taken; none other is, and none twice.
TRANSITIONS = {
    (State.COMMITTED, Kind.REPLY): State.REVEALED,
    (State.REVEALED, Kind.CONFIRM): State.DONE,
    (State.LISTENING, Kind.HELLO): State.REPLIED,
    (State.REPLIED, Kind.REVEAL): State.DONE,
}
FIELDS = {Kind.HELLO: 7, Kind.REPLY: 4, Kind.REVEAL: 3, Kind.CONFIRM: 1}


@dataclass(frozen=True, slots=True)
class Link:
    """Whose link this is, as the server names them, and what they were invited to.

    One of both ``begins``: whoever offers the connection, so that the offer can
    follow the third message at once. Two that both begin, or neither, get no keys.
    """

    room_id: str
    me: str
    peer: str
    begins: bool

    @property
    def names(self) -> bytes:
        """Both names, initiator first."""
        names = (self.me, self.peer) if self.begins else (self.peer, self.me)
        return pack(*(each.encode() for each in names))


class Handshake:
    """One try. Keys of its own; whatever it ends in, the next one is a new object."""

    def __init__(
        self,
        backend: CryptoBackend,
        link: Link,
        identity: Identity,
        shared_key: bytes,
        introduction: bytes = b"",
    ) -> None:
        self.state = State.NEW if link.begins else State.LISTENING
        self.failure: Failure | None = None
        self.secrets: Secrets | None = None
        self._backend = backend
        self._link = link
        self._identity = identity
        self._shared_key = shared_key
        self._introduction = introduction
        self._nonce = backend.random(_RANDOM)
        self._said: list[bytes] = []  # the transcript so far
        self._commitment = b""
        self._suite = ALLOWED[0]
        self._peer_identity = b""
        self._transcript = b""
        self._exchange: Exchange
        self._schedule: Schedule

    async def start(self) -> bytes:
        """Return the HELLO. Only the initiator starts, and once.

        Raises ``HandshakeError`` otherwise.
        """
        if self.state is not State.NEW:
            raise HandshakeError(Failure.UNEXPECTED)
        self.state = State.COMMITTED
        self._exchange = await self._backend.new_exchange()
        hello = bytes([Kind.HELLO]) + pack(
            VERSION,
            b"".join(each.to_bytes(2, "big") for each in ALLOWED),
            self._link.room_id.encode(),
            self._link.me.encode(),
            self._link.peer.encode(),
            self._identity.public,
            _commit(self._exchange.public, self._nonce),
        )
        self._said.append(hello)
        return hello

    async def receive(self, message: bytes) -> bytes:
        """Take a message; return the answer, empty where there is none.

        Raises ``HandshakeError``. With ``UNEXPECTED`` nothing has changed: it came
        too early, too late or twice. With any other the state is ``FAILED``.
        """
        kind = _kind(message)
        after = TRANSITIONS.get((self.state, kind)) if kind else None
        if kind is None or after is None:
            raise HandshakeError(Failure.UNEXPECTED)
        # Until this message is done with no other one is taken, nor if it fails.
        self.state = State.FAILED
        try:
            fields = unpack(message[1:], FIELDS[kind])
            match kind:
                case Kind.HELLO:
                    answer = await self._got_hello(message, *fields)
                case Kind.REPLY:
                    answer = await self._got_reply(message, *fields)
                case Kind.REVEAL:
                    answer = await self._got_reveal(*fields)
                case Kind.CONFIRM:
                    answer = await self._got_confirm(*fields)
        except HandshakeError as error:
            self.failure = error.failure
            raise
        except FrameError:
            self.failure = Failure.MALFORMED
            raise HandshakeError(Failure.MALFORMED) from None
        except ForgedError:
            self.failure = Failure.FORGED
            raise HandshakeError(Failure.FORGED) from None
        self.state = after
        return answer

    @property
    def early_channel(self) -> tuple[bytes, bytes]:
        """The channel's keys, out and in, once the initiator has revealed itself.

        What is sealed with the first can be read by nobody who doesn't know the
        link's secret. Nothing may be opened with the second before it is ``DONE``.
        """
        if self.state not in (State.REVEALED, State.DONE):
            raise HandshakeError(Failure.UNEXPECTED)
        return self._channel()

    async def _got_hello(
        self,
        message: bytes,
        version: bytes,
        suites: bytes,
        room: bytes,
        name: bytes,
        me: bytes,
        identity: bytes,
        commitment: bytes,
    ) -> bytes:
        _require(version == VERSION, Failure.VERSION)
        _require(room == self._link.room_id.encode(), Failure.ROOM)
        names = (self._link.peer.encode(), self._link.me.encode())
        _require((name, me) == names, Failure.PARTICIPANT)
        _require(len(commitment) == hashlib.sha256().digest_size, Failure.MALFORMED)
        self._meet(identity)
        offered = {suites[at : at + 2] for at in range(0, len(suites), 2)}
        common = [each for each in ALLOWED if each.to_bytes(2, "big") in offered]
        _require(bool(common), Failure.SUITE)
        self._suite, self._commitment = common[0], commitment
        self._exchange = await self._backend.new_exchange()
        reply = bytes([Kind.REPLY]) + pack(
            self._suite.to_bytes(2, "big"),
            self._identity.public,
            self._exchange.public,
            self._nonce,
        )
        self._said += [message, reply]
        return reply

    async def _got_reply(
        self, message: bytes, suite: bytes, identity: bytes, public: bytes, nonce: bytes
    ) -> bytes:
        allowed = {each.to_bytes(2, "big"): each for each in ALLOWED}
        _require(suite in allowed, Failure.SUITE)
        _require(len(nonce) == _RANDOM, Failure.MALFORMED)
        self._suite = allowed[suite]
        self._meet(identity)
        self._said.append(message)
        await self._agree(public, self._exchange.public, self._nonce)
        return bytes([Kind.REVEAL]) + pack(
            self._exchange.public, self._nonce, await self._prove(b"initiator")
        )

    async def _got_reveal(self, public: bytes, nonce: bytes, proof: bytes) -> bytes:
        committed = hmac.compare_digest(_commit(public, nonce), self._commitment)
        _require(committed, Failure.COMMITMENT)
        await self._agree(public, public, nonce)
        theirs = await self._check(b"initiator", proof)
        confirm = bytes([Kind.CONFIRM]) + pack(await self._prove(b"responder"))
        self._finish(theirs)
        return confirm

    async def _got_confirm(self, proof: bytes) -> bytes:
        self._finish(await self._check(b"responder", proof))
        return b""

    def _meet(self, identity: bytes) -> None:
        _require(len(identity) == _POINT, Failure.MALFORMED)
        _require(identity != self._identity.public, Failure.REFLECTED)
        self._peer_identity = identity

    async def _agree(self, public: bytes, revealed: bytes, nonce: bytes) -> None:
        _require(len(public) == _POINT, Failure.MALFORMED)
        _require(public != self._exchange.public, Failure.REFLECTED)
        said = pack(b"tertulia handshake v1", *self._said, revealed, nonce)
        self._transcript = hashlib.sha256(said).digest()
        try:
            agreed = await self._exchange.agree(public)
        except ForgedError:
            raise HandshakeError(Failure.EXCHANGE) from None
        self._schedule = Schedule(
            self._transcript, agreed, self._shared_key, self._link.names
        )

    async def _prove(self, role: bytes) -> bytes:
        signature = await self._identity.sign(self._claim(role, self._introduction))
        return await self._backend.seal(
            self._schedule.key(b"handshake " + role),
            bytes(NONCE),  # the key seals this one message
            signature + self._introduction,
            self._transcript,
        )

    async def _check(self, role: bytes, proof: bytes) -> bytes:
        key = self._schedule.key(b"handshake " + role)
        plain = await self._backend.open(key, bytes(NONCE), proof, self._transcript)
        signature, introduction = plain[:_SIGNATURE], plain[_SIGNATURE:]
        claim = self._claim(role, introduction)
        await self._backend.verify(self._peer_identity, signature, claim)
        return introduction

    def _claim(self, role: bytes, introduction: bytes) -> bytes:
        return pack(b"tertulia proof v1", role, self._transcript, introduction)

    def _roles(self) -> tuple[bytes, bytes]:
        mine, theirs = b"initiator", b"responder"
        return (mine, theirs) if self._link.begins else (theirs, mine)

    def _channel(self) -> tuple[bytes, bytes]:
        mine, theirs = self._roles()
        key = self._schedule.key
        return key(b"channel " + mine), key(b"channel " + theirs)

    def _finish(self, introduction: bytes) -> None:
        mine, theirs = self._roles()
        key = self._schedule.key
        channel_out, channel_in = self._channel()
        self.secrets = Secrets(
            suite=Suite(self._suite),
            peer_identity=self._peer_identity,
            peer_introduction=introduction,
            channel_out=channel_out,
            channel_in=channel_in,
            base_out=key(b"frames " + mine),
            base_in=key(b"frames " + theirs),
            verify_out=key(b"verify " + mine),
            verify_in=key(b"verify " + theirs),
            short=key(b"safety code", SHORT),
        )


def _kind(message: bytes) -> Kind | None:
    return Kind(message[0]) if message and message[0] in FIELDS else None


def _commit(public: bytes, nonce: bytes) -> bytes:
    return hashlib.sha256(pack(b"tertulia commitment v1", public, nonce)).digest()


def _require(holds: bool, otherwise: Failure) -> None:
    if not holds:
        raise HandshakeError(otherwise)
