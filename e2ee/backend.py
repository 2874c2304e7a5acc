"""What the encryption asks of a platform: randomness, two curves and a cipher.

The handshake and the sealed channel wait for it, since WebCrypto only promises.
Frames don't: in the page the worker protects them, elsewhere a ``FrameBackend``.
"""

from typing import Protocol

from e2ee.suite import FrameKey, Suite


class Exchange(Protocol):
    """One X25519 key pair (RFC 7748), to be used once."""

    @property
    def public(self) -> bytes:
        """The 32 bytes for the other side."""

    async def agree(self, public: bytes) -> bytes:
        """Return the 32 bytes that both sides know.

        Raises ``ForgedError`` for a point of low order, where anybody would know.
        """


class Identity(Protocol):
    """One Ed25519 key pair (RFC 8032): who somebody is in this session."""

    @property
    def public(self) -> bytes:
        """The 32 bytes that the others know somebody by."""

    async def sign(self, message: bytes) -> bytes:
        """Return a signature of 64 bytes."""


class CryptoBackend(Protocol):
    """What handshake and channel need."""

    def prepare(self) -> None:
        """Make ahead what takes its time: soon there will be handshakes."""

    def random(self, length: int) -> bytes:
        """Return bytes that nobody can guess."""

    async def new_exchange(self) -> Exchange:
        """Make a key pair for one handshake."""

    async def new_identity(self) -> Identity:
        """Make a key pair to sign with."""

    async def verify(self, public: bytes, signature: bytes, message: bytes) -> None:
        """Raise ``ForgedError`` where the signature isn't by this key."""

    async def seal(self, key: bytes, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        """Encrypt with AES-GCM; the tag of 16 bytes comes last."""

    async def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """Undo ``seal``. Raises ``ForgedError``."""

    def forget(self, key: bytes) -> None:
        """Keep nothing of a key any more."""


class Aead(Protocol):
    """One key of a suite, at work."""

    def seal(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        """Encrypt; the tag comes last."""

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        """Undo ``seal``. Raises ``ForgedError``."""


class FrameBackend(Protocol):
    """What frames need outside of the page: it never waits."""

    def aead(self, suite: Suite, key: FrameKey) -> Aead:
        """Set up a suite's cipher with a key."""
