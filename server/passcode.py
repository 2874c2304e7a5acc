"""Passcodes of rooms: kept as salted scrypt hashes (RFC 7914), compared in
constant time. Both functions take some 50 ms and 16 MiB: call them in a thread.
"""

import base64
import hashlib
import hmac
import secrets
import unicodedata
from typing import Final

_COST: Final = 2**14
_BLOCK: Final = 8
_LANES: Final = 1
_SALT: Final = 16  # bytes
_LENGTH: Final = 32
_NAME: Final = "scrypt"


def hashed(passcode: str) -> str:
    """Return what is kept of a passcode: ``scrypt$N$r$p$salt$hash``."""
    salt = secrets.token_bytes(_SALT)
    numbers = (str(each) for each in (_COST, _BLOCK, _LANES))
    return "$".join(
        (_NAME, *numbers, _text(salt), _text(_derive(passcode, salt, _COST)))
    )


def matches(passcode: str, kept: str) -> bool:
    """Whether this is the passcode. Without a kept one the same work is done."""
    if not kept:
        _derive(passcode, bytes(_SALT), _COST)
        return False
    _, cost, _, _, salt, expected = kept.split("$")
    found = _derive(passcode, _bytes(salt), int(cost))
    return hmac.compare_digest(found, _bytes(expected))


def _derive(passcode: str, salt: bytes, cost: int) -> bytes:
    # Written on another keyboard, é may be two characters.
    words = unicodedata.normalize("NFC", passcode).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(words, salt=salt, n=cost, r=_BLOCK, p=_LANES, dklen=_LENGTH)


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
