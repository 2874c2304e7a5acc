"""Tokens, and what RFC 8725 has to say of them."""

import base64
import json

import pytest
from guest import SECRET, counting
from token_claims import CLAIMS, NOW, ROOM, signed

from protocol.codes import MAX_TOKEN, ErrorCode
from server.errors import TokenError
from server.tokens import LEEWAY, ROOM_LIFE, SESSION_LIFE, Pass, Role, Tokens


@pytest.fixture
def tokens() -> Tokens:
    return Tokens(SECRET, counting())


def code_of(tokens: Tokens, token: str, now: float = NOW) -> ErrorCode:
    with pytest.raises(TokenError) as refused:
        tokens.verify_room(token, now)
    return refused.value.code


def forged(header: dict, claims: dict, secret: str = SECRET, drop: str = "") -> str:
    """Return a room token with some of it made differently."""
    whole = {**CLAIMS, **claims}
    whole.pop(drop, None)
    return signed(header, whole, secret)


def test_a_session_is_of_somebody_new_each_time(tokens):
    first = tokens.verify_session(tokens.session(NOW), NOW)
    second = tokens.verify_session(tokens.session(NOW), NOW)
    assert first != second


def test_a_room_token_says_who_where_and_as_what(tokens):
    token = tokens.room("ana", ROOM, Role.HOST, NOW)
    assert tokens.verify_room(token, NOW) == Pass("ana", ROOM, Role.HOST)


def test_the_forger_of_these_tests_can_make_a_good_token(tokens):
    assert tokens.verify_room(forged({}, {}), NOW) == Pass("ana", ROOM, Role.MEMBER)


def test_tokens_expire(tokens):
    token = tokens.room("ana", ROOM, Role.MEMBER, NOW)
    last = NOW + ROOM_LIFE + LEEWAY
    assert tokens.verify_room(token, last - 1)
    assert code_of(tokens, token, last) is ErrorCode.TOKEN_EXPIRED
    session = tokens.session(NOW)
    with pytest.raises(TokenError):
        tokens.verify_session(session, NOW + SESSION_LIFE + LEEWAY)


def test_a_token_of_the_future_is_refused(tokens):
    token = tokens.room("ana", ROOM, Role.MEMBER, NOW + LEEWAY + 2)
    assert code_of(tokens, token) is ErrorCode.BAD_TOKEN


def test_neither_token_does_the_other_ones_work(tokens):
    assert code_of(tokens, tokens.session(NOW)) is ErrorCode.BAD_TOKEN
    with pytest.raises(TokenError):
        tokens.verify_session(tokens.room("ana", ROOM, Role.HOST, NOW), NOW)


@pytest.mark.parametrize(
    "drop", ["iss", "aud", "sub", "jti", "iat", "nbf", "exp", "room", "role"]
)
def test_every_claim_is_required(tokens, drop):
    assert code_of(tokens, forged({}, {}, drop=drop)) is ErrorCode.BAD_TOKEN


@pytest.mark.parametrize(
    "claims",
    [
        {"iss": "somebody"},
        {"aud": "session+jwt"},
        {"aud": ["elsewhere"]},
        {"sub": ""},
        {"sub": 7},
        {"exp": "never"},
        {"exp": True},
        {"room": {"$gt": ""}},
        {"role": "owner"},
        {"role": ["host"]},
    ],
)
def test_every_claim_is_checked(tokens, claims):
    assert code_of(tokens, forged({}, claims)) is ErrorCode.BAD_TOKEN


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "HS512"},
        {"typ": "JWT"},
        {"typ": "session+jwt"},
    ],
)
def test_the_header_decides_nothing(tokens, header):
    assert code_of(tokens, forged(header, {})) is ErrorCode.BAD_TOKEN


def test_an_unknown_critical_header_is_refused(tokens):
    token = tokens.room("ana", ROOM, Role.HOST, NOW)
    _, payload, signature = token.split(".")
    header = {"alg": "HS256", "typ": "room+jwt", "crit": ["x"], "x": 1}
    text = base64.urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    assert code_of(tokens, f"{text}.{payload}.{signature}") is ErrorCode.BAD_TOKEN


def test_the_algorithm_none_is_refused(tokens):
    token = tokens.room("ana", ROOM, Role.HOST, NOW)
    header = base64.urlsafe_b64encode(b'{"alg":"none","typ":"room+jwt"}').decode()
    _, payload, _ = token.split(".")
    assert code_of(tokens, f"{header.rstrip('=')}.{payload}.") is ErrorCode.BAD_TOKEN


def test_another_secret_is_refused(tokens):
    token = forged({}, {}, secret="another secret, as long as the first")
    assert code_of(tokens, token) is ErrorCode.BAD_TOKEN


@pytest.mark.parametrize(
    "token", ["", ".", "..", "a.b.c", "\u00e9", "\x00" * 9, "x" * (MAX_TOKEN + 1)]
)
def test_what_is_no_token_is_refused(tokens, token):
    assert code_of(tokens, token) is ErrorCode.BAD_TOKEN


def test_the_text_of_the_error_is_always_the_same(tokens):
    texts = set()
    for token in ("", forged({}, {"iss": "x"}), forged({"alg": "HS512"}, {})):
        with pytest.raises(TokenError) as refused:
            tokens.verify_room(token, NOW)
        texts.add(str(refused.value))
    assert len(texts) == 1
