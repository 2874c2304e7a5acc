"""A room token that is right in everything, for tests to spoil."""

from typing import Any

from guest import SECRET
from joserfc import jwt
from joserfc.jwk import OctKey

from protocol.messages import RoomId

NOW = 1_800_000_000
ROOM = RoomId("the-room")
CLAIMS: dict[str, Any] = {
    "iss": "tertulia",
    "aud": "room+jwt",
    "sub": "ana",
    "jti": "1",
    "iat": NOW,
    "nbf": NOW,
    "exp": NOW + 60,
    "room": ROOM,
    "role": "member",
}


def signed(header: dict[str, Any], claims: dict[str, Any], secret: str = SECRET) -> str:
    """Return a token; ``header`` changes the one of a room token."""
    header = {"alg": "HS256", "typ": "room+jwt", **header}
    return jwt.encode(header, claims, OctKey.import_key(secret), [header["alg"]])
