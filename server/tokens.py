"""Session tokens and room tokens: signed, short-lived, checked as RFC 8725 says.

A *session token* says who somebody is; a *room token* opens one room in one role
and lives for minutes; a *login token* is what a browser keeps while its person is
at the provider's. Pure: the time is passed in, in Unix seconds.
"""

import hmac
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import msgspec
from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import GuestProtocol, OctKey

from protocol.codes import MAX_LABEL, MAX_NAME, MAX_TOKEN, ErrorCode
from protocol.messages import RoomId
from server.base64url import decode, encode
from server.errors import TokenError
from server.secret import key_id

SESSION_LIFE: Final = 24 * 3600  # seconds
VISIT_LIFE: Final = 12 * 3600  # seconds of a session that is for one room alone
ROOM_LIFE: Final = 300
LOGIN_LIFE: Final = 600
LEEWAY: Final = 30
MAX_SUBJECT: Final = 2 * MAX_LABEL  # characters

_ISSUER = "tertulia"
_ALGORITHM = "HS256"  # RFC 8725 §3.1: fixed here, never taken from the header

# crit, jku, x5u, jwk and whatever else could tell how to check a token (RFC 8725
# §3.10): no header but these has a meaning here, so no other may be there.
_HEADERS = frozenset({"alg", "typ", "kid"})


class Role(StrEnum):
    """What a room token lets its bearer do."""

    HOST = "host"
    MEMBER = "member"


class _Kind(StrEnum):
    """What a token is for: its ``typ`` header (RFC 8725 §3.11) and audience."""

    SESSION = "session+jwt"
    ROOM = "room+jwt"
    LOGIN = "login+jwt"


@dataclass(frozen=True, slots=True)
class Pass:
    """What a valid room token says.

    ``name`` is empty unless somebody vouches for it. Who is ``invited`` has the
    token from a backend and may trade it for a session. Two passes that let the same
    one in are equal: until when (``expires``, Unix seconds) and under which
    ``id`` (its ``jti``) makes no difference.
    """

    subject: str
    room: RoomId
    role: Role
    name: str = ""
    invited: bool = False
    expires: int = field(default=0, compare=False)
    id: str = field(default="", compare=False)


@dataclass(frozen=True, slots=True)
class Session:
    """What a valid session token says; ``expires`` is in Unix seconds.

    A session with a ``visit`` is good for that one room alone, in that role.
    """

    subject: str
    name: str = ""
    visit: tuple[RoomId, Role] | None = None
    expires: int = 0
    id: str = ""


_Label = Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_LABEL)]


class _Claims(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    iss: Literal["tertulia"]
    sub: Annotated[str, msgspec.Meta(min_length=1, max_length=MAX_SUBJECT)]
    jti: _Label
    iat: int
    nbf: int
    exp: int
    name: Annotated[str, msgspec.Meta(max_length=MAX_NAME)] = ""


class _SessionClaims(_Claims, kw_only=True):
    aud: Literal["session+jwt"]
    room: _Label | None = None
    role: Role | None = None


class _RoomClaims(_Claims, kw_only=True):
    aud: Literal["room+jwt"]
    room: _Label
    role: Role
    invited: bool = False


class _LoginClaims(_Claims, kw_only=True):
    aud: Literal["login+jwt"]
    kept: dict[str, Any]


_CLAIMS: Final[dict[type[Any], msgspec.json.Decoder[Any]]] = {
    shape: msgspec.json.Decoder(shape)
    for shape in (_SessionClaims, _RoomClaims, _LoginClaims)
}


class Tokens:
    """Mints and verifies tokens. ``new_id`` names each one.

    ``secret`` signs. What one of the ``retired`` signed is still good, so that
    a secret can be changed without sending anybody away.
    """

    def __init__(
        self, secret: str, new_id: Callable[[], str], retired: Sequence[str] = ()
    ) -> None:
        self._id = key_id(secret)
        self._keys = {key_id(each): OctKey.import_key(each) for each in retired}
        self._keys[self._id] = OctKey.import_key(secret)
        self._secrets = {
            (kind, self._head(kind, key_id(each))): each.encode()
            for each in (secret, *retired)
            for kind in _Kind
        }
        self._new_id = new_id

    def session(self, now: float, subject: str = "", name: str = "") -> str:
        """Return a token for ``subject``, or for a new guest."""
        subject = subject or self._new_id()
        return self._mint(_Kind.SESSION, subject, now, SESSION_LIFE, name=name)

    def visit(self, granted: Pass, now: float) -> str:
        """Return a session for who has a pass: for its room alone, in its role."""
        return self._mint(
            _Kind.SESSION,
            granted.subject,
            now,
            VISIT_LIFE,
            name=granted.name,
            room=granted.room,
            role=granted.role.value,
        )

    def room(
        self,
        subject: str,
        room: RoomId,
        role: Role,
        now: float,
        name: str = "",
        *,
        invited: bool = False,
    ) -> str:
        """Return a token that lets ``subject`` into ``room``."""
        return self._mint(
            _Kind.ROOM,
            subject,
            now,
            ROOM_LIFE,
            room=room,
            role=role.value,
            name=name,
            invited=invited,
        )

    def login(self, kept: dict[str, Any], now: float) -> str:
        """Return a token that keeps what a login under way has to remember."""
        return self._mint(_Kind.LOGIN, "login", now, LOGIN_LIFE, kept=kept)

    def verify_login(self, token: str, now: float) -> dict[str, Any]:
        """Return what a login token keeps, or raise ``TokenError``."""
        claims: _LoginClaims = self._verify(_Kind.LOGIN, token, _LoginClaims)
        _check_times(claims, LOGIN_LIFE, int(now))
        return claims.kept

    def verify_session(self, token: str, now: float) -> Session:
        """Return what a session token says, or raise ``TokenError``."""
        claims = self._verify(_Kind.SESSION, token, _SessionClaims)
        visit = None
        if claims.room is not None or claims.role is not None:
            if claims.room is None or claims.role is None:
                raise TokenError(ErrorCode.BAD_TOKEN)
            visit = (RoomId(claims.room), claims.role)
        _check_times(claims, VISIT_LIFE if visit else SESSION_LIFE, int(now))
        return Session(claims.sub, claims.name, visit, claims.exp, claims.jti)

    def verify_room(self, token: str, now: float) -> Pass:
        """Return what a room token says, or raise ``TokenError``."""
        claims = self._verify(_Kind.ROOM, token, _RoomClaims)
        _check_times(claims, ROOM_LIFE, int(now))
        room = RoomId(claims.room)
        return Pass(
            claims.sub,
            room,
            claims.role,
            claims.name,
            claims.invited,
            claims.exp,
            claims.jti,
        )

    def _mint(
        self, kind: _Kind, subject: str, now: float, life: int, **more: Any
    ) -> str:
        claims = {
            "iss": _ISSUER,
            "aud": kind.value,
            "sub": subject,
            "jti": self._new_id(),
            "iat": int(now),
            "nbf": int(now),
            "exp": int(now) + life,
            **{name: value for name, value in more.items() if value},
        }
        header = _header(kind, self._id)
        return jwt.encode(header, claims, self._keys[self._id], [_ALGORITHM])

    def _head(self, kind: _Kind, kid: str) -> str:
        """Return the first part of every token that a key signs for one purpose."""
        token = jwt.encode(_header(kind, kid), {}, self._keys[kid], [_ALGORITHM])
        return token.partition(".")[0]

    def _verify(self, kind: _Kind, token: str, shape: type[Any]) -> Any:
        if len(token) > MAX_TOKEN:
            raise TokenError(ErrorCode.BAD_TOKEN)
        claims = self._recognize(kind, token, shape)
        if claims is not None:
            return claims
        try:
            decoded = jwt.decode(token, self._key, [_ALGORITHM])
            header = decoded.header
            if header.get("typ") != kind.value or not header.keys() <= _HEADERS:
                raise TokenError(ErrorCode.BAD_TOKEN)
            return msgspec.convert(decoded.claims, shape)
        except (JoseError, ValueError, RecursionError):
            raise TokenError(ErrorCode.BAD_TOKEN) from None

    def _recognize(self, kind: _Kind, token: str, shape: type[Any]) -> Any:
        """Return what a token says that is written as ours are, to the letter.

        A header that is the very one that we write needs no reading, and a signature
        that is what we would write no parsing: a tenth of the time. All else, and all
        that is wrong, is left to joserfc.
        """
        signed, _, signature = token.rpartition(".")
        head, _, content = signed.partition(".")
        secret = self._secrets.get((kind, head))
        if secret is None or not token.isascii():
            return None
        right = encode(hmac.digest(secret, signed.encode(), "sha256"))
        if not hmac.compare_digest(right, signature.encode()):
            return None
        try:
            return _CLAIMS[shape].decode(decode(content))
        except ValueError:
            return None

    def _key(self, token: GuestProtocol) -> OctKey:
        """Return the key that a header names, or our own if it names none."""
        kid = token.headers().get("kid", self._id)
        if not isinstance(kid, str) or kid not in self._keys:
            raise TokenError(ErrorCode.BAD_TOKEN)
        return self._keys[kid]


def _check_times(claims: _Claims, life: int, now: int) -> None:
    """Raise ``TokenError`` unless it is time for a token of this kind."""
    in_order = claims.iat <= claims.nbf <= claims.exp <= claims.iat + life
    if not in_order or claims.nbf > now + LEEWAY:
        raise TokenError(ErrorCode.BAD_TOKEN)
    if claims.exp + LEEWAY <= now:
        raise TokenError(ErrorCode.TOKEN_EXPIRED)


def _header(kind: _Kind, kid: str) -> dict[str, str]:
    return {"alg": _ALGORITHM, "typ": kind.value, "kid": kid}
