"""Tokens that somebody made up (RFC 8725 §2 and §3)."""

import base64
import hashlib
import hmac
import json
import time

import pytest

from protocol.codes import VERSION
from tests.hostile.conftest import everywhere
from tests.hostile.stranger import say, stranger
from tests.hostile.victim import SECRET


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def forged(kind: str, header: dict, claims: dict, secret: str = SECRET) -> str:
    """Return a token that is right but for what was changed; None takes away."""
    now = int(time.time())
    headers = {"alg": "HS256", "typ": f"{kind}+jwt"} | header
    whole = {
        "iss": "tertulia",
        "aud": f"{kind}+jwt",
        "sub": "mark-subject",
        "jti": "mark-id",
        "iat": now,
        "nbf": now,
        "exp": now + 200,
        "room": "room",
        "role": "member",
    } | claims
    parts = [
        encoded(json.dumps({k: v for k, v in each.items() if v is not None}).encode())
        for each in (headers, whole)
    ]
    signed = ".".join(parts)
    digest = {"HS384": hashlib.sha384, "HS512": hashlib.sha512}.get(
        str(headers["alg"]), hashlib.sha256
    )
    return f"{signed}.{encoded(hmac.digest(secret.encode(), signed.encode(), digest))}"


NOW = int(time.time())
FORGED = {
    "another secret": ({}, {}, "x" * 48),
    "an empty secret": ({}, {}, ""),
    "no algorithm": ({"alg": "none"}, {}),
    "No Algorithm": ({"alg": "nOnE"}, {}),
    "an algorithm that is missing": ({"alg": None}, {}),
    "an algorithm that is null": ({"alg": ["HS256"]}, {}),
    "a longer algorithm": ({"alg": "HS512"}, {}),
    "another algorithm": ({"alg": "HS384"}, {}),
    "a public key's algorithm": ({"alg": "RS256"}, {}),
    "another kind": ({"typ": "JWT"}, {}),
    "no kind": ({"typ": None}, {}),
    "a critical extension": ({"crit": ["exp"]}, {}),
    "an unknown extension": ({"crit": ["b64"], "b64": False}, {}),
    "another issuer": ({}, {"iss": "https://evil.example"}),
    "no issuer": ({}, {"iss": None}),
    "another audience": ({}, {"aud": "somebody"}),
    "no audience": ({}, {"aud": None}),
    "no subject": ({}, {"sub": None}),
    "no id": ({}, {"jti": None}),
    "no end": ({}, {"exp": None}),
    "no start": ({}, {"nbf": None}),
    "no time": ({}, {"iat": None}),
    "not yet": ({}, {"nbf": NOW + 3600}),
    "from the future": ({}, {"iat": NOW + 3600}),
    "an end that is a word": ({}, {"exp": "never"}),
    "an end that is endless": ({}, {"exp": 1e400}),
    "an end that is a list": ({}, {"exp": [9999999999]}),
}
EXPIRED = forged("room", {}, {"iat": NOW - 3900, "nbf": NOW - 3900, "exp": NOW - 3700})
#: Headers that name a key: whoever believes them takes the forger's.
HARMLESS = {
    "a path for a key": {"kid": "../../../dev/null"},
    "SQL for a key": {"kid": "' UNION SELECT 'x"},
    "a key's address": {"jku": "http://127.0.0.1:1/keys", "x5u": "http://127.0.0.1:1"},
    "a key": {"jwk": {"kty": "oct", "k": encoded(b"x" * 48)}},
}
GARBAGE = {
    "dots": "..",
    "many dots": "." * 4000,
    "one part": "eyJhbGciOiJIUzI1NiJ9",
    "five parts": "eyJhbGciOiJkaXIifQ.a.b.c.d",
    "no base64": "eyJ!.eyJ!.!",
    "a list": f"{encoded(b'[]')}.{encoded(b'[]')}.{encoded(b'x')}",
    "deep": f"{encoded(b'[' * 1500)}.{encoded(b'{}')}.{encoded(b'x')}",
    "no UTF-8": f"{encoded(bytes([255]))}.{encoded(b'{}')}.{encoded(b'x')}",
    "large": "x" * 4096,
}


async def refused_by_socket(victim, token: str) -> str:
    async with stranger(victim) as guest:
        await guest.open()
        await guest.send(
            say(type="hello", version=VERSION, token=token, name="mark-name")
        )
        code, heard = await guest.closing()
        assert code == 4003
        ((error,),) = (heard,)
        return error["code"]


async def refused_by_http(victim, token: str) -> str:
    async with stranger(victim) as guest:
        lines = (
            "POST /api/rooms HTTP/1.1",
            f"Host: {victim.host}",
            f"Authorization: Bearer {token}",
            "Content-Length: 0",
        )
        await guest.send("\r\n".join([*lines, "", ""]).encode())
        answer = await guest.answer()
        assert answer.status == 401, answer
        return json.loads(answer.body)["error"]["code"]


@everywhere
@pytest.mark.parametrize("case", FORGED)
async def test_a_forged_token_opens_nothing(victim, case):
    header, claims, *secret = FORGED[case]
    if claims.get("exp") == 1e400:
        claims = {"exp": float("inf")}
    room = forged("room", header, claims, *secret)
    assert await refused_by_socket(victim, room) == "bad_token"
    session = forged("session", header, claims, *secret)
    assert await refused_by_http(victim, session) == "bad_token"


@everywhere
@pytest.mark.parametrize("case", HARMLESS)
async def test_a_key_that_a_token_names_is_not_believed(victim, case):
    for secret in ("", "x" * 48):
        token = forged("room", HARMLESS[case], {}, secret)
        assert await refused_by_socket(victim, token) == "bad_token"


@everywhere
@pytest.mark.parametrize("case", GARBAGE)
async def test_what_is_no_token_opens_nothing(victim, case):
    assert await refused_by_socket(victim, GARBAGE[case]) == "bad_token"
    assert await refused_by_http(victim, GARBAGE[case]) == "bad_token"


@everywhere
async def test_a_token_is_good_for_its_own_door_alone(victim):
    assert await refused_by_socket(victim, EXPIRED) == "token_expired"
    session = victim.tokens.session(time.time())
    assert await refused_by_socket(victim, session) == "bad_token"
    assert await refused_by_http(victim, victim.token("room")) == "bad_token"


@everywhere
@pytest.mark.parametrize("claims", [{"room": None}, {"room": 1}, {"role": "admin"}])
async def test_a_room_token_has_to_say_where_and_as_what(victim, claims):
    token = forged("room", {}, claims)
    assert await refused_by_socket(victim, token) == "bad_token"


@everywhere
async def test_the_token_that_was_forged_here_is_right_but_for_the_changes(victim):
    async with stranger(victim) as guest:
        await guest.open()
        await guest.enter("", forged("room", {}, {}))
