"""Session tokens and room tokens: signed, short-lived, checked as RFC 8725 says.

A *session token* says who somebody is; a *room token* opens one room in one role
and lives for minutes. Pure: the time is passed in, in Unix seconds.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from joserfc import jwt
from joserfc.errors import ExpiredTokenError, JoseError
from joserfc.jwk import OctKey

from protocol.codes import MAX_TOKEN, ErrorCode
from protocol.messages import RoomId
from server.errors import TokenError

SESSION_LIFE: Final = 24 * 3600  # seconds
ROOM_LIFE: Final = 300
LEEWAY: Final = 30

_ISSUER = "tertulia"
_ALGORITHM = "HS256"  # RFC 8725 §3.1: fixed here, never taken from the header


class Role(StrEnum):
    """What a room token lets its bearer do."""

    HOST = "host"
    MEMBER = "member"


class _Kind(StrEnum):
    """What a token is for: its ``typ`` header (RFC 8725 §3.11) and audience."""

    SESSION = "session+jwt"
    ROOM = "room+jwt"


@dataclass(frozen=True, slots=True)
class Pass:
    """What a valid room token says."""

    subject: str
    room: RoomId
    role: Role


class Tokens:
    """Mints and verifies tokens under one secret. ``new_id`` names each one."""

    def __init__(self, secret: str, new_id: Callable[[], str]) -> None:
        self._key = OctKey.import_key(secret)
        self._new_id = new_id

    def session(self, now: float) -> str:
        """Return a token for a new guest."""
        return self._mint(_Kind.SESSION, self._new_id(), now, SESSION_LIFE)

    def room(self, subject: str, room: RoomId, role: Role, now: float) -> str:
        """Return a token that lets ``subject`` into ``room``."""
        return self._mint(
            _Kind.ROOM, subject, now, ROOM_LIFE, room=room, role=role.value
        )

    def verify_session(self, token: str, now: float) -> str:
        """Return the subject of a session token, or raise ``TokenError``."""
        subject: str = self._verify(_Kind.SESSION, token, now)["sub"]
        return subject

    def verify_room(self, token: str, now: float) -> Pass:
        """Return what a room token says, or raise ``TokenError``."""
        claims = self._verify(_Kind.ROOM, token, now)
        room, role = claims.get("room"), claims.get("role")
        if not isinstance(room, str) or role not in list(Role):
            raise TokenError(ErrorCode.BAD_TOKEN)
        return Pass(claims["sub"], RoomId(room), Role(role))

    def _mint(
        self, kind: _Kind, subject: str, now: float, life: int, **more: str
    ) -> str:
        claims = {
            "iss": _ISSUER,
            "aud": kind.value,
            "sub": subject,
            "jti": self._new_id(),
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + life,
            **more,
        }
        header = {"alg": _ALGORITHM, "typ": kind.value}
        return jwt.encode(header, claims, self._key, [_ALGORITHM])

    def _verify(self, kind: _Kind, token: str, now: float) -> dict[str, Any]:
        if len(token) > MAX_TOKEN:
            raise TokenError(ErrorCode.BAD_TOKEN)
        try:
            decoded = jwt.decode(token, self._key, [_ALGORITHM])
            if decoded.header.get("typ") != kind.value:
                raise TokenError(ErrorCode.BAD_TOKEN)
            _rules(kind, int(now)).validate(decoded.claims)
        except ExpiredTokenError:
            raise TokenError(ErrorCode.TOKEN_EXPIRED) from None
        except (JoseError, ValueError, RecursionError):
            raise TokenError(ErrorCode.BAD_TOKEN) from None
        return decoded.claims


def _rules(kind: _Kind, now: int) -> jwt.JWTClaimsRegistry:
    return jwt.JWTClaimsRegistry(
        now=now,
        leeway=LEEWAY,
        iss={"essential": True, "value": _ISSUER},
        aud={"essential": True, "value": kind.value},
        sub={"essential": True},
        jti={"essential": True},
        iat={"essential": True},
        nbf={"essential": True},
        exp={"essential": True},
    )
