"""Whatever is done to a token, it opens nothing that it wasn't made for."""

import base64
import hmac
import json

import pytest
from guest import SECRET, counting
from hypothesis import given, strategies as st
from token_claims import CLAIMS, NOW, ROOM, signed

from protocol.codes import ErrorCode
from server.errors import TokenError
from server.secret import key_id
from server.tokens import LEEWAY, ROOM_LIFE, SESSION_LIFE, VISIT_LIFE, Role, Tokens

OLD = "the secret that was in use before it"
TOKENS = Tokens(SECRET, counting())
GOOD = TOKENS.room("ana", ROOM, Role.MEMBER, NOW, "Ana")


def signed_text(header: str, payload: str) -> str:
    """Return a token over texts that no library would write."""
    parts = [
        base64.urlsafe_b64encode(part.encode()).decode().rstrip("=")
        for part in (header, payload)
    ]
    digest = hmac.digest(SECRET.encode(), ".".join(parts).encode(), "sha256")
    parts.append(base64.urlsafe_b64encode(digest).decode().rstrip("="))
    return ".".join(parts)


def opens(token: str, now: float = NOW, tokens: Tokens = TOKENS) -> bool:
    """Whether any of the doors lets the token in."""
    found = False
    for verify in (tokens.verify_room, tokens.verify_session, tokens.verify_login):
        try:
            verify(token, now)
        except TokenError as error:
            assert str(error) in (
                "the token is not valid",
                "the token has expired",
            )
        else:
            found = True
    return found


LETTERS = st.sampled_from(
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\u00e9"
)


def test_the_token_that_is_mutated_is_good():
    assert opens(GOOD)


@given(st.integers(0, len(GOOD) - 1), LETTERS)
def test_no_token_with_one_letter_changed_verifies(place, letter):
    mutated = GOOD[:place] + letter + GOOD[place + 1 :]
    assert opens(mutated) == (mutated == GOOD)


@given(st.integers(0, len(GOOD)), st.text(LETTERS, min_size=1, max_size=3))
def test_no_token_with_letters_put_in_verifies(place, letters):
    assert not opens(GOOD[:place] + letters + GOOD[place:])


@given(st.integers(0, len(GOOD) - 1), st.integers(1, 40))
def test_no_token_with_letters_left_out_verifies(place, count):
    assert not opens(GOOD[:place] + GOOD[place + count :])


@given(st.permutations(GOOD.split(".")))
def test_no_token_with_its_parts_in_another_order_verifies(parts):
    assert opens(".".join(parts)) == (".".join(parts) == GOOD)


@pytest.mark.parametrize("last", "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghij0123456789-_")
def test_a_signature_is_written_in_one_way_only(last):
    # The last letter carries two bits that decoders don't look at.
    assert opens(GOOD[:-1] + last) == (last == GOOD[-1])


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(), inner),
    max_leaves=4,
)


@given(st.sampled_from(sorted(CLAIMS)), JSON)
def test_no_claim_outside_the_rules_is_accepted(name, value):
    token = signed({}, {**CLAIMS, name: value})
    try:
        granted = TOKENS.verify_room(token, NOW)
    except TokenError:
        return
    # What got in is what the rules allow, and nothing was bent to fit them.
    assert type(value) is type(CLAIMS[name])
    match name:
        case "iss" | "aud":
            assert value == CLAIMS[name]
        case "role":
            assert value in list(Role)
        case "iat" | "nbf" | "exp":
            times = {**CLAIMS, name: value}
            assert times["iat"] <= times["nbf"] <= times["exp"]
            assert times["exp"] - times["iat"] <= ROOM_LIFE
            assert times["nbf"] <= NOW + LEEWAY
            assert times["exp"] > NOW - LEEWAY
        case "sub":
            assert granted.subject == value != ""
        case _:
            assert value != ""


@given(st.text(min_size=1).filter(lambda name: name not in (*CLAIMS, "name")), JSON)
def test_no_claim_that_is_unknown_is_accepted(name, value):
    assert not opens(signed({}, {**CLAIMS, name: value}))


@given(
    st.integers(-2 * ROOM_LIFE, 2 * ROOM_LIFE),
    st.integers(-2 * ROOM_LIFE, 2 * ROOM_LIFE),
    st.integers(-2 * ROOM_LIFE, 2 * ROOM_LIFE),
)
def test_only_the_right_times_are_accepted(iat, nbf, exp):
    times = {"iat": NOW + iat, "nbf": NOW + nbf, "exp": NOW + exp}
    right = iat <= nbf <= exp <= iat + ROOM_LIFE and nbf <= LEEWAY and exp > -LEEWAY
    assert opens(signed({}, {**CLAIMS, **times})) == right


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"]},
        {"jku": "https://elsewhere.example/jwks"},
        {"x5u": "https://elsewhere.example/cert"},
        {"jwk": {"kty": "oct", "k": "AAAA"}},
        {"x5c": ["AAAA"]},
        {"cty": "JWT"},
        {"b64": False},
        {"anything": 1},
        {"kid": ""},
        {"kid": "../../dev/null"},
        {"kid": "' OR 1=1 --"},
        {"kid": key_id(OLD)},
    ],
)
def test_a_header_of_more_than_it_needs_is_refused(header):
    text = json.dumps({"alg": "HS256", "typ": "room+jwt", **header})
    assert not opens(signed_text(text, json.dumps(CLAIMS)))


@pytest.mark.parametrize("kid", [None, 7, ["a"], {"a": 1}, True])
def test_a_key_id_that_is_no_text_is_refused(kid):
    text = json.dumps({"alg": "HS256", "typ": "room+jwt", "kid": kid})
    assert not opens(signed_text(text, json.dumps(CLAIMS)))


def test_the_forger_of_texts_can_make_a_good_token():
    header = '{"alg": "HS256", "typ": "room+jwt"}'
    assert opens(signed_text(header, json.dumps(CLAIMS)))


@pytest.mark.parametrize("payload", ["[]", "1", "null", "", "{", "[" * 3000])
def test_a_payload_that_is_no_object_is_refused(payload):
    assert not opens(signed_text('{"alg":"HS256","typ":"room+jwt"}', payload))


def test_the_new_secret_signs_and_the_old_one_still_verifies():
    before = Tokens(OLD, counting())
    both = Tokens(SECRET, counting(), [OLD])
    after = Tokens(SECRET, counting())
    token = before.room("ana", ROOM, Role.MEMBER, NOW)
    assert opens(token, tokens=both)
    assert not opens(token, tokens=after)
    token = both.room("ana", ROOM, Role.MEMBER, NOW)
    assert opens(token, tokens=after)
    assert not opens(token, tokens=before)


def test_a_token_is_checked_with_the_key_that_it_names_and_no_other():
    both = Tokens(SECRET, counting(), [OLD])
    token = signed({"kid": key_id(OLD)}, CLAIMS, SECRET)
    assert not opens(token, tokens=both)
    assert opens(signed({"kid": key_id(OLD)}, CLAIMS, OLD), tokens=both)


def test_what_tokens_call_a_secret_tells_nothing_of_it():
    assert key_id(SECRET) != key_id(OLD)
    assert len(key_id(SECRET)) == 12
    assert not set(key_id(SECRET)) - set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    )


def test_a_pass_says_until_when_and_under_which_id():
    granted = TOKENS.verify_room(signed({}, {**CLAIMS, "jti": "x7"}), NOW)
    assert (granted.expires, granted.id) == (NOW + 60, "x7")


def test_a_pass_carries_the_name_that_was_vouched_for():
    assert TOKENS.verify_room(GOOD, NOW).name == "Ana"


def test_a_session_is_of_whom_it_was_made_for():
    token = TOKENS.session(NOW, "oidc:ana", "Ana")
    session = TOKENS.verify_session(token, NOW)
    assert (session.subject, session.name, session.visit) == ("oidc:ana", "Ana", None)
    assert session.expires == NOW + SESSION_LIFE


def test_a_visit_is_for_one_room_and_shorter_than_a_session():
    granted = TOKENS.verify_room(GOOD, NOW)
    session = TOKENS.verify_session(TOKENS.visit(granted, NOW), NOW)
    assert (session.subject, session.name) == ("ana", "Ana")
    assert session.visit == (ROOM, Role.MEMBER)
    assert session.expires == NOW + VISIT_LIFE


@pytest.mark.parametrize("half", [{"room": ROOM}, {"role": "host"}])
def test_a_session_for_half_a_visit_is_refused(half):
    claims = {**CLAIMS, "aud": "session+jwt", **half}
    for name in {"room", "role"} - half.keys():
        del claims[name]
    assert not opens(signed({"typ": "session+jwt"}, claims))


def test_a_visit_that_lives_as_long_as_a_session_is_refused():
    claims = {**CLAIMS, "aud": "session+jwt", "exp": NOW + SESSION_LIFE}
    assert not opens(signed({"typ": "session+jwt"}, claims))
    del claims["room"], claims["role"]
    assert opens(signed({"typ": "session+jwt"}, claims))


def test_what_a_login_has_to_remember_is_kept_for_ten_minutes():
    token = TOKENS.login({"page": "/r/a", "state": {"x": {"y": 1}}}, NOW)
    kept = TOKENS.verify_login(token, NOW + 600)
    assert kept == {"page": "/r/a", "state": {"x": {"y": 1}}}
    with pytest.raises(TokenError) as refused:
        TOKENS.verify_login(token, NOW + 600 + LEEWAY)
    assert refused.value.code is ErrorCode.TOKEN_EXPIRED
