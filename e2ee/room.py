"""What the link of a room carries: a secret that the server never sees.

It stands in the URL's fragment. The key that only guests of the link share comes from
it; the room's id is the server's, and a handshake holds the two together.
"""

import binascii
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field

from e2ee.errors import SecretError
from e2ee.suite import expand, extract

SECRET = 32  # bytes
_DIGEST = "sha256"


@dataclass(frozen=True, slots=True)
class Invitation:
    """What follows from the secret of a link."""

    shared_key: bytes = field(repr=False)


def encode_secret(secret: bytes) -> str:
    """Return a secret of 32 random bytes as the link carries it, 43 characters."""
    if len(secret) != SECRET:
        raise SecretError("a secret has 32 bytes")
    return urlsafe_b64encode(secret).rstrip(b"=").decode()


def new_secret(random: Callable[[int], bytes]) -> str:
    """Make a room's secret, as its link carries it; ``random`` gives n bytes."""
    return encode_secret(random(SECRET))


def read_invitation(text: str) -> Invitation:
    """Derive the shared key from what the link carries.

    Raises ``SecretError`` for anything that ``encode_secret`` doesn't return.
    """
    try:
        secret = urlsafe_b64decode(text.encode("ascii") + b"=")
    except (UnicodeEncodeError, binascii.Error):
        raise SecretError("not the secret of a link") from None
    if len(secret) != SECRET or encode_secret(secret) != text:
        raise SecretError("not the secret of a link")
    prk = extract(_DIGEST, b"tertulia link v1", secret)
    return Invitation(expand(_DIGEST, prk, b"shared key", SECRET))
