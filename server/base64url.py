"""Base64 in the alphabet of URLs, without padding (RFC 7515 §2)."""

import binascii
from typing import Final


def encode(data: bytes) -> bytes:
    """Return bytes as ASCII."""
    text = binascii.b2a_base64(data, newline=False)
    return text.translate(_URL_SAFE).rstrip(b"=")


def decode(text: str) -> bytes:
    """Return what was encoded; raises ``ValueError`` where nothing can have been."""
    padded = text.encode().translate(_PLAIN) + b"=" * (-len(text) % 4)
    return binascii.a2b_base64(padded, strict_mode=True)


_URL_SAFE: Final = bytes.maketrans(b"+/", b"-_")
_PLAIN: Final = bytes.maketrans(b"-_", b"+/")
