"""One end of a link's seal: the handshake, then every word under its keys.

    HELLO →  ← REPLY   REVEAL, the offer →  ← CONFIRM, the answer

Whoever offers the connection begins. Its offer follows the third message: sealed, so
that nobody reads it without the link's secret. What the other end says is taken only
after it has proved who it is. Each connection has a handshake, and keys, of its own.
"""

import asyncio
import json
import logging
from base64 import b64decode, b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

from client_py.core.body import peer_message
from client_py.core.errors import SealError
from client_py.core.introduction import introduce
from client_py.core.ports import FrameKeys
from client_py.core.terms import SafetyCode, Terms
from e2ee.backend import CryptoBackend, Identity
from e2ee.channel import Channel, Kind, Opened
from e2ee.errors import ChannelError, ChannelRefusal, E2eeError, Failure, HandshakeError
from e2ee.handshake import Handshake, State
from e2ee.rotation import Effect, Key, KeyReceiver, Reason, Rotation, Use
from e2ee.safety import pair_digits, pair_emoji
from e2ee.secrets import Secrets
from e2ee.verification import Verdict, Verification
from protocol.codec import to_plain
from protocol.messages import (
    Candidate,
    Description,
    Feeling,
    Handshaking,
    Pausing,
    PeerMessage,
    Received,
    Renew,
    Sealed,
    Seeing,
    Showing,
    Watching,
    Written,
)

log = logging.getLogger("tertulia.sealing")

#: What may be said before the other end has proved who it is: nobody reads it who
#: hasn't the link's secret.
_EARLY = (Kind.DESCRIPTION, Kind.CANDIDATE)
#: Of nothing that the other end has sealed; what comes twice may be by mistake.
_FORGED = (ChannelRefusal.FORGED, ChannelRefusal.MALFORMED)
_KINDS = {
    Description: Kind.DESCRIPTION,
    Candidate: Kind.CANDIDATE,
    Watching: Kind.MEDIA,
    Pausing: Kind.MEDIA,
    Showing: Kind.MEDIA,
    Written: Kind.CHAT,
    Received: Kind.CHAT,
    Feeling: Kind.CHAT,
    Seeing: Kind.ROSTER,
}


@dataclass(frozen=True, slots=True)
class Sealing:
    """What every link of one person is sealed with."""

    crypto: CryptoBackend
    identity: asyncio.Future[Identity]


@dataclass(slots=True)
class Taken:
    """What a message meant: words of the other end, and what to send it now.

    One that is ``forged`` means nothing: the other end hasn't sealed it.
    """

    words: list[PeerMessage] = field(default_factory=list)
    answers: list[PeerMessage] = field(default_factory=list)
    forged: bool = False


class _Installs:
    """Keeps a key that is to be installed until the platform can be waited for."""

    def __init__(self) -> None:
        self.newest = 0
        self.due: tuple[int, bytes, int] | None = None

    def install(self, generation: int, base_key: bytes, using: int = -1) -> None:
        if generation <= self.newest:
            raise E2eeError("a generation has to rise")
        self.newest = generation
        self.due = generation, base_key, using


class Seal:
    """My end of one link's seal. ``now`` gives seconds of a steady clock.

    ``generation`` is that of the connection whose words and frames it protects.
    """

    def __init__(
        self,
        crypto: CryptoBackend,
        identity: asyncio.Future[Identity],
        terms: Terms,
        generation: int,
        frames: FrameKeys,
        now: Callable[[], float],
    ) -> None:
        self.secrets: Secrets | None = None
        self.mine = b""
        self.code: SafetyCode | None = None
        self._crypto = crypto
        self._identity = identity
        self._terms = terms
        self._generation = generation
        self._frames = frames
        self._now = now
        self._handshake: Handshake | None = None
        self._channel: Channel | None = None
        self._held: list[PeerMessage] = []
        self._installs = _Installs()
        self._receiver = KeyReceiver(self._installs)
        self._rotation: Rotation | None = None
        self._verification: Verification | None = None

    async def begin(self) -> list[PeerMessage]:
        """Get ready; return the first message where this end begins."""
        identity = await asyncio.shield(self._identity)  # it is every link's
        self.mine = identity.public
        terms = self._terms
        self._handshake = Handshake(
            self._crypto,
            terms.link,
            identity,
            terms.shared_key,
            introduce(terms.name),
        )
        if not terms.link.begins:
            return []
        return [_handshaking(await self._handshake.start())]

    async def say(self, word: PeerMessage) -> list[PeerMessage]:
        """Return a word as it may be sent: sealed, or nothing before that can be."""
        if isinstance(word, Renew):
            return [word]  # it says nothing, and only asks for another handshake
        kind = _KINDS[type(word)]
        late = kind not in _EARLY and self.secrets is None
        if self._channel is None or late:
            self._held.append(word)
            return []
        plain = json.dumps(to_plain(word), separators=(",", ":")).encode()
        return [await self._seal(kind, plain)]

    async def hear(self, message: PeerMessage) -> Taken:
        """Take what the other end says. What isn't sealed says nothing.

        Raises ``SealError`` when it isn't who it should be.
        """
        match message:
            case Handshaking(data):
                return Taken(answers=await self._shake(_bytes(data)))
            case Sealed(data) if self.secrets is not None:
                return await self._open(_bytes(data))
        log.warning("< something that is not sealed is dropped")
        return Taken(forged=not isinstance(message, Sealed))

    @property
    def due(self) -> float | None:
        """When ``tick`` has something to do, None for never."""
        if self._rotation is None or self._rotation.due == float("inf"):
            return None
        return self._rotation.due

    async def tick(self) -> list[PeerMessage]:
        """Renew the keys where it is time. Raises ``SealError`` when none follow."""
        if self._rotation is None:
            return []
        return await self._perform(self._rotation.tick(self._now()))

    def stop_sending(self) -> None:
        """Let no frame leave any more."""
        self._frames.stop_sending()

    def close(self) -> None:
        """Keep no key: the link is over."""
        if self._channel is not None:
            self._channel.close()

    def renew(self, reason: Reason) -> None:
        """Send under another key soon."""
        if self._rotation is not None:
            self._rotation.request(reason, self._now())

    @property
    def verdict(self) -> Verdict:
        """How far the comparison of the codes is."""
        held = self._verification
        return held.verdict if held else Verdict.UNVERIFIED

    async def compare(self, match: bool, code: SafetyCode | None) -> list[PeerMessage]:
        """Say that the codes match, or that they don't: that ends the link.

        A match counts for the ``code`` that was looked at, and for no later one.
        """
        if self._verification is None or (match and code != self.code):
            return []
        if match:
            return [await self._seal(Kind.VERIFICATION, self._verification.match())]
        self._verification.differ()
        return [await self._seal(Kind.VERIFICATION, b"")]

    # -- the handshake

    async def _shake(self, message: bytes) -> list[PeerMessage]:
        shake = self._handshake
        if shake is None:
            return []
        try:
            answer = await shake.receive(message)
        except HandshakeError as error:
            if error.failure is Failure.UNEXPECTED:
                return []  # late, early or twice: nothing has changed
            raise SealError(error.failure) from None
        answers: list[PeerMessage] = [_handshaking(answer)] if answer else []
        if shake.state is State.REVEALED:
            self._channel = Channel(self._crypto, *shake.early_channel)
            answers += await self._said_meanwhile()
        elif shake.secrets is not None and self.secrets is None:
            await self._finish(shake.secrets)
            answers += await self._said_meanwhile()
        return answers

    async def _finish(self, secrets: Secrets) -> None:
        if self._channel is None:
            keys = secrets.channel_out, secrets.channel_in
            self._channel = Channel(self._crypto, *keys)
        await asyncio.gather(
            self._frames.receive_under(0, secrets.suite, secrets.base_in),
            self._frames.send_under(0, secrets.suite, secrets.base_out),
        )
        self._rotation = Rotation(self._crypto.random, self._now())
        self._verification = Verification(secrets, self.mine)
        short = secrets.short
        self.code = SafetyCode(pair_emoji(short), pair_digits(short))
        self.secrets = secrets

    async def _said_meanwhile(self) -> list[PeerMessage]:
        held, self._held = self._held, []
        return [each for word in held for each in await self.say(word)]

    # -- words

    async def _seal(self, kind: Kind, plain: bytes) -> Sealed:
        assert self._channel is not None
        sealed = await self._channel.seal(kind, self._generation, plain)
        return Sealed(b64encode(sealed).decode())

    async def _open(self, sealed: bytes) -> Taken:
        assert self._channel is not None
        try:
            opened = await self._channel.open(sealed)
        except ChannelError as error:
            log.warning("< a sealed message is dropped: %s", error.refusal)
            return Taken(forged=error.refusal in _FORGED)
        if opened.generation != self._generation:
            return Taken()  # of another connection
        try:
            return await self._mean(opened)
        except (E2eeError, ValueError, RecursionError) as error:
            log.warning("< a sealed message says nothing: %s", error)
            return Taken()

    async def _mean(self, opened: Opened) -> Taken:
        plain = opened.plain
        match opened.kind:
            case (
                Kind.DESCRIPTION | Kind.CANDIDATE | Kind.MEDIA | Kind.CHAT | Kind.ROSTER
            ):
                body = json.loads(plain)
                word = peer_message(body) if isinstance(body, dict) else None
                known = word is not None and _KINDS.get(type(word)) is opened.kind
                return Taken([word] if word is not None and known else [])
            case Kind.KEY:
                return Taken(answers=await self._install(Key.decode(plain)))
            case Kind.ACKNOWLEDGEMENT if self._rotation is not None:
                generation = int.from_bytes(plain, "big")
                now = self._now()
                effects = self._rotation.acknowledged(generation, now)
                return Taken(answers=await self._perform(effects))
            case Kind.VERIFICATION if self._verification is not None:
                self._verification.hear(plain)
        return Taken()

    # -- keys

    async def _install(self, key: Key) -> list[PeerMessage]:
        assert self.secrets is not None
        generation = self._receiver.receive(key)
        due, self._installs.due = self._installs.due, None
        if due is not None:
            number, base_key, using = due
            suite = self.secrets.suite
            await self._frames.receive_under(number, suite, base_key, using)
        number_of = generation.to_bytes(4, "big")
        return [await self._seal(Kind.ACKNOWLEDGEMENT, number_of)]

    async def _perform(self, effects: list[Effect]) -> list[PeerMessage]:
        assert self.secrets is not None
        said: list[PeerMessage] = []
        for effect in effects:
            match effect:
                case Key():
                    said.append(await self._seal(Kind.KEY, effect.encode()))
                case Use(generation, base_key):
                    suite = self.secrets.suite
                    await self._frames.send_under(generation, suite, base_key)
        return said


def _handshaking(message: bytes) -> Handshaking:
    return Handshaking(b64encode(message).decode())


def _bytes(text: str) -> bytes:
    try:
        return b64decode(text, validate=True)
    except ValueError:
        return b""
