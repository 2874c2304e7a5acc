"""The cryptography of the encryption from end to end, over ``cryptography``."""

import os

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.asymmetric.x25519 import (
    X25519PrivateKey,
    X25519PublicKey,
)
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.constant_time import bytes_eq
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from e2ee.backend import Aead
from e2ee.errors import ForgedError
from e2ee.suite import AUTH_KEY, FrameKey, Suite


class HeadlessExchange:
    """One X25519 key pair."""

    def __init__(self) -> None:
        self._private = X25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes_raw()

    async def agree(self, public: bytes) -> bytes:
        try:
            return self._private.exchange(X25519PublicKey.from_public_bytes(public))
        except ValueError:
            raise ForgedError from None


class HeadlessIdentity:
    """One Ed25519 key pair."""

    def __init__(self) -> None:
        self._private = Ed25519PrivateKey.generate()
        self.public = self._private.public_key().public_bytes_raw()

    async def sign(self, message: bytes) -> bytes:
        return self._private.sign(message)


class HeadlessCrypto:
    """A ``CryptoBackend`` and a ``FrameBackend``."""

    def random(self, length: int) -> bytes:
        return os.urandom(length)

    def prepare(self) -> None:
        """Do nothing: a key pair is made in less than a tenth of a millisecond."""

    async def new_exchange(self) -> HeadlessExchange:
        return HeadlessExchange()

    async def new_identity(self) -> HeadlessIdentity:
        return HeadlessIdentity()

    async def verify(self, public: bytes, signature: bytes, message: bytes) -> None:
        try:
            Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
        except (InvalidSignature, ValueError):
            raise ForgedError from None

    async def seal(self, key: bytes, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        return AESGCM(key).encrypt(nonce, plain, aad)

    def forget(self, key: bytes) -> None:
        """Nothing is kept."""

    async def open(self, key: bytes, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        return Gcm(key).open(nonce, sealed, aad)

    def aead(self, suite: Suite, key: FrameKey) -> Aead:
        if suite.is_gcm:
            return Gcm(key.key)
        return CtrHmac(key.key, suite.tag_length)


class Gcm:
    """AES-GCM with a tag of 16 bytes."""

    def __init__(self, key: bytes) -> None:
        self._gcm = AESGCM(key)
        self.seal = self._gcm.encrypt

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        try:
            return self._gcm.decrypt(nonce, sealed, aad)
        except (InvalidTag, ValueError):  # ValueError: shorter than a tag
            raise ForgedError from None


class CtrHmac:
    """AES-CTR with a tag cut from HMAC-SHA256 (RFC 9605 §4.5.1)."""

    def __init__(self, key: bytes, tag_length: int) -> None:
        self._key = AES(key[:-AUTH_KEY])
        self._auth_key = key[-AUTH_KEY:]
        self._tag_length = tag_length

    def seal(self, nonce: bytes, plain: bytes, aad: bytes) -> bytes:
        sealed = self._stream(nonce, plain)
        return sealed + self._tag(nonce, sealed, aad)

    def open(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        end = len(sealed) - self._tag_length
        if end < 0:
            raise ForgedError
        if not bytes_eq(sealed[end:], self._tag(nonce, sealed[:end], aad)):
            raise ForgedError
        return self._stream(nonce, sealed[:end])

    def _stream(self, nonce: bytes, text: bytes) -> bytes:
        stream = Cipher(self._key, CTR(nonce + bytes(4))).encryptor()
        return stream.update(text) + stream.finalize()

    def _tag(self, nonce: bytes, sealed: bytes, aad: bytes) -> bytes:
        lengths = (len(aad), len(sealed), self._tag_length)
        tag = HMAC(self._auth_key, SHA256())
        tag.update(b"".join(each.to_bytes(8, "big") for each in lengths))
        tag.update(nonce + aad + sealed)
        return tag.finalize()[: self._tag_length]
