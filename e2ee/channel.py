"""The words of a link, sealed: descriptions, candidates, chat, media state, keys.

    version 1 | kind 1 | generation 4 | sequence 8 | ciphertext | tag 16

The first 14 bytes are authenticated with the rest. The server relays them unread: it
can't swap a fingerprint, nor bring back a description of an earlier connection.
"""

from dataclasses import dataclass
from enum import IntEnum

from e2ee.backend import CryptoBackend
from e2ee.errors import ChannelError, ChannelRefusal, ForgedError
from e2ee.suite import NONCE
from e2ee.window import Sighting, Window

LONGEST = 48 * 1024  # bytes of plain text: sealed and in base64 it fits a message
OVERHEAD = 30  # bytes
_VERSION = 1
_HEAD = 14
_TAG = 16


class Kind(IntEnum):
    """What a sealed message holds."""

    DESCRIPTION = 1
    CANDIDATE = 2
    CHAT = 3
    MEDIA = 4
    KEY = 5
    ACKNOWLEDGEMENT = 6
    ROSTER = 7
    VERIFICATION = 8


#: What speaks of one peer connection, and is nothing for the next.
_OF_A_CONNECTION = (Kind.DESCRIPTION, Kind.CANDIDATE)


@dataclass(frozen=True, slots=True)
class Opened:
    """A message as it was before it was sealed."""

    kind: Kind
    generation: int
    plain: bytes


class Channel:
    """One end. Messages may come late or never; none is taken twice."""

    def __init__(self, backend: CryptoBackend, key_out: bytes, key_in: bytes) -> None:
        self._backend = backend
        self._key_out = key_out
        self._key_in = key_in
        self._sequence = 0
        self._window = Window()
        self._generation = 0

    async def seal(self, kind: Kind, generation: int, plain: bytes) -> bytes:
        """Seal a message; ``generation`` is that of the peer connection.

        Raises ``ChannelError`` as ``TOO_LARGE``.
        """
        if len(plain) > LONGEST:
            raise ChannelError(ChannelRefusal.TOO_LARGE)
        sequence = self._sequence
        self._sequence += 1  # before anything is waited for
        head = bytes([_VERSION, kind]) + generation.to_bytes(4, "big")
        head += sequence.to_bytes(8, "big")
        return head + await self._backend.seal(
            self._key_out, _nonce(sequence), plain, head
        )

    async def open(self, sealed: bytes) -> Opened:
        """Open a message of the other end's.

        Raises ``ChannelError``; the channel is then as it was before.
        """
        if len(sealed) > LONGEST + OVERHEAD:
            raise ChannelError(ChannelRefusal.TOO_LARGE)
        head = sealed[:_HEAD]
        known = len(sealed) >= _HEAD + _TAG and head[0] == _VERSION
        if not known or head[1] not in set(Kind):
            raise ChannelError(ChannelRefusal.MALFORMED)
        kind, generation = Kind(head[1]), int.from_bytes(head[2:6], "big")
        sequence = int.from_bytes(head[6:], "big")
        self._look(sequence)
        try:
            plain = await self._backend.open(
                self._key_in, _nonce(sequence), sealed[_HEAD:], head
            )
        except ForgedError:
            raise ChannelError(ChannelRefusal.FORGED) from None
        self._look(sequence)  # the same one may have been opened meanwhile
        self._window.take(sequence)
        if kind in _OF_A_CONNECTION:
            if generation < self._generation:
                raise ChannelError(ChannelRefusal.STALE)
            self._generation = generation
        return Opened(kind, generation, plain)

    def close(self) -> None:
        """Have nothing kept of its keys: the link is over."""
        self._backend.forget(self._key_out)
        self._backend.forget(self._key_in)

    def _look(self, sequence: int) -> None:
        if self._window.look(sequence) is not Sighting.NEW:
            raise ChannelError(ChannelRefusal.REPLAYED)


def _nonce(sequence: int) -> bytes:
    return sequence.to_bytes(NONCE, "big")
