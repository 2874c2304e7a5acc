"""The cipher suites of SFrame (RFC 9605 §4.5) and the keys they derive (§4.4.2)."""

import hmac
from dataclasses import dataclass
from enum import IntEnum

NONCE = 12  # bytes, in every suite
AUTH_KEY = 32  # bytes of a CTR suite's key that authenticate


class Suite(IntEnum):
    """A suite by its number in the registry of the RFC."""

    AES_128_CTR_HMAC_SHA256_80 = 1
    AES_128_CTR_HMAC_SHA256_64 = 2
    AES_128_CTR_HMAC_SHA256_32 = 3
    AES_128_GCM_SHA256_128 = 4
    AES_256_GCM_SHA512_128 = 5

    @property
    def digest(self) -> str:
        """The hash of its key derivation."""
        return "sha512" if self is Suite.AES_256_GCM_SHA512_128 else "sha256"

    @property
    def is_gcm(self) -> bool:
        """Whether the cipher is an AEAD by itself."""
        return self >= Suite.AES_128_GCM_SHA256_128

    @property
    def key_length(self) -> int:
        """Bytes of the key; a CTR suite's holds two keys."""
        if not self.is_gcm:
            return 16 + AUTH_KEY
        return 32 if self is Suite.AES_256_GCM_SHA512_128 else 16

    @property
    def tag_length(self) -> int:
        """Bytes of the tag."""
        return {1: 10, 2: 8, 3: 4}.get(self, 16)


#: What a call may use: the short tags of the others are for the vectors alone.
ALLOWED = (Suite.AES_256_GCM_SHA512_128, Suite.AES_128_GCM_SHA256_128)


@dataclass(frozen=True, slots=True)
class FrameKey:
    """The key and salt of one key id. They never appear in a ``repr``."""

    key: bytes
    salt: bytes

    def __repr__(self) -> str:
        return "FrameKey()"


def extract(digest: str, salt: bytes, secret: bytes) -> bytes:
    """Return HKDF-Extract (RFC 5869 §2.2)."""
    return hmac.digest(salt, secret, digest)


def expand(digest: str, prk: bytes, label: bytes, length: int) -> bytes:
    """Return HKDF-Expand (RFC 5869 §2.3)."""
    out = block = b""
    counter = 1
    while len(out) < length:
        block = hmac.digest(prk, block + label + bytes([counter]), digest)
        out += block
        counter += 1
    return out[:length]


def derive(suite: Suite, base_key: bytes, kid: int) -> FrameKey:
    """Derive what protects the frames under a key id (RFC 9605 §4.4.2)."""
    secret = extract(suite.digest, b"", base_key)
    tail = kid.to_bytes(8, "big") + suite.to_bytes(2, "big")
    key = b"SFrame 1.0 Secret key " + tail
    salt = b"SFrame 1.0 Secret salt " + tail
    return FrameKey(
        expand(suite.digest, secret, key, suite.key_length),
        expand(suite.digest, secret, salt, NONCE),
    )
