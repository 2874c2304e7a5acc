"""Random names that nobody can guess, written in the alphabet of URLs."""

import os

from server.base64url import encode


def identifier(size: int) -> str:
    """Return so many random bytes, as text."""
    return encode(os.urandom(size)).decode()
