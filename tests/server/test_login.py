"""Logging in, with a provider that really is one, and with one that isn't."""

import contextlib
import logging

import httpx
import pytest
from guest import SECRET, counting, make_settings, serving
from provider import CLIENT_ID, CLIENT_SECRET, Fault, Tab, providing, query

from server.gate import Capacity
from server.settings import Oidc
from server.tokens import Tokens


@pytest.fixture
async def provider():
    async with providing() as provider:
        yield provider


@contextlib.asynccontextmanager
async def serving_with(provider, tmp_path, **changes):
    oidc = Oidc(
        issuer=provider.issuer, client_id=CLIENT_ID, client_secret=CLIENT_SECRET
    )
    async with serving(make_settings(tmp_path, oidc=oidc, **changes)) as house:
        yield house


@contextlib.asynccontextmanager
async def browsing(house):
    async with httpx.AsyncClient(trust_env=False) as http:
        yield Tab(house.origin, http)


@pytest.fixture
async def house(provider, tmp_path):
    async with serving_with(provider, tmp_path) as house:
        yield house


@pytest.fixture
async def tab(house):
    async with browsing(house) as tab:
        yield tab


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_who_logs_in_gets_a_session_and_their_name(tab, house, provider):
    response = await tab.log_in("/r/abcd-efgh")
    assert response.status_code == 303
    assert response.headers["location"] == f"{house.origin}/r/abcd-efgh#signed-in"
    response = await tab.session()
    answer = response.json()
    assert answer["name"] == "Ana"
    session = Tokens(SECRET, counting()).verify_session(
        answer["token"], house.clock.unix()
    )
    assert session.subject.startswith("oidc:")
    assert (session.name, session.visit) == ("Ana", None)
    headers = {"authorization": f"Bearer {answer['token']}"}
    response = await house.http.post("/api/rooms", json={}, headers=headers)
    assert response.status_code == 201


async def test_the_same_person_is_the_same_each_time_and_no_other(tab, provider):
    subjects = []
    for sub in ("ana-7", "ana-7", "bo-8"):
        provider.person = {"sub": sub}
        await tab.log_in()
        token = (await tab.session()).json()["token"]
        session = Tokens(SECRET, counting()).verify_session(token, 1_800_000_000)
        subjects.append(session.subject)
        assert sub not in session.subject  # the database keeps it
    assert subjects[0] == subjects[1] != subjects[2]


async def test_the_provider_is_asked_as_the_standard_says(tab, house, provider):
    first = query(await tab.leave_for_provider())
    second = query(await tab.leave_for_provider())
    assert first["response_type"] == "code"
    assert first["redirect_uri"] == f"{house.origin}/login/callback"
    assert first["scope"].split() == ["openid", "profile"]
    assert first["code_challenge_method"] == "S256"
    assert len(first["code_challenge"]) == 43
    for name in ("state", "nonce", "code_challenge"):
        assert first[name] != second[name]


async def test_no_token_stands_in_any_address(tab, provider):
    to_provider = await tab.leave_for_provider()
    to_us = await tab.come_back(to_provider)
    landing = (await tab.go(to_us)).headers["location"]
    token = (await tab.session()).json()["token"]
    for url in (to_provider, to_us, landing):
        assert token not in url
        assert "eyJ" not in url


async def test_the_cookies_are_out_of_reach_and_gone_after_use(tab):
    response = await tab.go(f"{tab.origin}/login")
    (cookie,) = response.headers.get_list("set-cookie")
    assert cookie.startswith("tertulia-login=")
    for part in ("HttpOnly", "SameSite=lax", "Max-Age=600", "Path=/"):
        assert part in cookie
    callback = await tab.come_back(response.headers["location"])
    response = await tab.go(callback)
    handoff, login = sorted(
        response.headers.get_list("set-cookie"), key=lambda text: "login=" in text
    )
    assert handoff.startswith("tertulia-session=")
    for part in ("HttpOnly", "SameSite=strict", "Max-Age=120", "Path=/"):
        assert part in handoff
    assert "Max-Age=0" in login
    assert tab.cookies() == {"tertulia-session"}
    await tab.session()
    assert tab.cookies() == set()


async def test_behind_a_proxy_cookies_and_addresses_are_of_https(provider, tmp_path):
    origins = ("https://call.example",)
    async with (
        serving_with(provider, tmp_path, origins=origins) as house,
        browsing(house) as tab,
    ):
        response = await tab.http.get(
            f"{house.origin}/login", headers={"host": "call.example"}
        )
        (cookie,) = response.headers.get_list("set-cookie")
        assert cookie.startswith("__Host-tertulia-login=")
        assert "Secure" in cookie
        uri = query(response.headers["location"])["redirect_uri"]
        assert uri == "https://call.example/login/callback"


@pytest.mark.parametrize(
    "page",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "/r/../../evil.example",
        "/r//evil.example",
        "/r/a/b",
        "/r/a?x=1",
        "/r/a%0d%0aLocation:%20https://evil.example",
        "/r/a%0a",
        "/login",
        "javascript:alert(1)",
        "r/a",
        "/r/",
        "%2f%2fevil.example",
        "",
        "/r/" + "a" * 65,
    ],
)
async def test_a_login_leads_to_no_page_but_ours(tab, page):
    response = await tab.go(f"{tab.origin}/login?next={page}")
    assert error(response) == (400, "bad_request")
    assert not tab.cookies()


@pytest.mark.parametrize(
    ("asked", "page"), [("", "/"), ("?next=/", "/"), ("?next=/r/a_-9", "/r/a_-9")]
)
async def test_a_login_leads_back_to_where_it_was_asked_for(tab, asked, page):
    response = await tab.go(f"{tab.origin}/login{asked}")
    response = await tab.go(await tab.come_back(response.headers["location"]))
    assert response.headers["location"] == f"{tab.origin}{page}#signed-in"


@pytest.mark.parametrize(
    ("change", "value"),
    [("state", "another"), ("state", ""), ("code", "another"), ("code", "")],
)
async def test_a_callback_with_another_state_or_code_is_refused(tab, change, value):
    url = await tab.come_back(await tab.leave_for_provider())
    wanted = {**query(url), change: value}
    response = await tab.http.get(url.partition("?")[0], params=wanted)
    assert error(response) == (400, "login_failed")
    assert not tab.cookies()
    assert "name" not in (await tab.session()).json()


async def test_a_callback_that_another_browser_began_is_refused(tab, house):
    # Login CSRF: the attacker's own, good callback in somebody else's browser.
    url = await tab.come_back(await tab.leave_for_provider())
    async with browsing(house) as victim:
        assert error(await victim.go(url)) == (400, "login_failed")
        await victim.leave_for_provider()
        assert error(await victim.go(url)) == (400, "login_failed")
        assert "name" not in (await victim.session()).json()


async def test_a_code_of_another_login_has_the_wrong_verifier(tab, house):
    async with browsing(house) as attacker:
        stolen = query(await attacker.come_back(await attacker.leave_for_provider()))
    url = await tab.come_back(await tab.leave_for_provider())
    mixed = {**query(url), "code": stolen["code"]}
    response = await tab.http.get(url.partition("?")[0], params=mixed)
    assert error(response) == (400, "login_failed")


async def test_a_callback_works_once(tab, provider):
    url = await tab.come_back(await tab.leave_for_provider())
    kept = dict(tab.http.cookies)
    assert (await tab.go(url)).status_code == 303
    assert error(await tab.go(url)) == (400, "login_failed")  # no cookie
    for _ in range(3):
        tab.http.cookies.update(kept)
        assert error(await tab.go(url)) == (400, "login_failed")  # it is over
    assert provider.traded == 1


async def test_logins_are_counted_by_address(provider, tmp_path):
    scarce = Capacity(scale=0.1)
    async with (
        serving_with(provider, tmp_path, capacity=scarce) as house,
        browsing(house) as tab,
    ):
        for path in ("/login", "/login/callback", "/login/callback?state=x") * 2:
            assert (await tab.http.get(f"{house.origin}{path}")).status_code != 429
        for path in ("/login", "/login/callback"):
            answer = await tab.http.get(f"{house.origin}{path}")
            assert error(answer) == (429, "too_many")
            assert int(answer.headers["retry-after"]) >= 1
        assert error(await tab.http.post(f"{house.origin}/logout"))[0] == 429
        assert (await tab.http.get(f"{house.origin}/healthz")).status_code == 200


async def test_a_login_that_took_too_long_is_refused(tab, house):
    url = await tab.come_back(await tab.leave_for_provider())
    house.clock.advance(631)
    assert error(await tab.go(url)) == (400, "login_failed")


@pytest.mark.parametrize("value", ["", "x", "a.b.c", "session"])
async def test_a_made_up_transaction_is_refused(tab, house, value):
    url = await tab.come_back(await tab.leave_for_provider())
    if value == "session":  # well signed, but for another purpose
        value = Tokens(SECRET, counting()).session(house.clock.unix())
    tab.http.cookies.clear()
    tab.http.cookies.set("tertulia-login", value)
    assert error(await tab.go(url)) == (400, "login_failed")


async def test_who_says_no_at_the_provider_is_not_logged_in(tab):
    state = query(await tab.leave_for_provider())["state"]
    url = f"{tab.origin}/login/callback?error=access_denied&state={state}"
    assert error(await tab.go(url)) == (400, "login_failed")


async def test_an_answer_of_another_issuer_is_refused(tab, provider):
    url = await tab.come_back(await tab.leave_for_provider())
    response = await tab.go(f"{url}&iss=https://evil.example")
    assert error(response) == (400, "login_failed")


@pytest.mark.parametrize(
    "fault",
    [
        Fault.NONCE,
        Fault.NO_NONCE,
        Fault.AUDIENCE,
        Fault.AUDIENCE_BUT_PARTY,
        Fault.ISSUER,
        Fault.EXPIRED,
        Fault.NOT_SIGNED,
        Fault.SIGNED_WITH_PUBLIC_KEY,
        Fault.OTHER_KEY,
        Fault.NO_SUBJECT,
        Fault.NO_ID_TOKEN,
        Fault.TOKEN_NOT_JSON,
    ],
    ids=lambda fault: fault.name,
)
async def test_an_id_token_that_proves_nothing_is_refused(tab, provider, fault):
    provider.fault = fault
    assert error(await tab.log_in()) == (400, "login_failed")
    assert not tab.cookies()
    provider.fault = Fault.NONE  # and it was the fault that did it
    assert (await tab.log_in()).status_code == 303


@pytest.mark.parametrize("sub", ["", 7, None, ["ana"]])
async def test_a_subject_that_is_nobody_is_refused(tab, provider, sub):
    provider.person = {"sub": sub}
    assert error(await tab.log_in()) == (400, "login_failed")


@pytest.mark.parametrize(
    "fault",
    [
        Fault.DISCOVERY_DOWN,
        Fault.DISCOVERY_NOT_JSON,
        Fault.DISCOVERY_OF_ANOTHER,
        Fault.DISCOVERY_OFFERS_NONE,
        Fault.DISCOVERY_UNSAFE,
    ],
    ids=lambda fault: fault.name,
)
async def test_a_provider_that_is_not_right_is_tried_again(tab, provider, fault):
    provider.fault = fault
    response = await tab.go(f"{tab.origin}/login")
    assert error(response) == (503, "login_unavailable")
    provider.fault = Fault.NONE
    assert (await tab.log_in()).status_code == 303


async def test_a_provider_that_fails_in_between_is_told_apart(tab, provider):
    provider.fault = Fault.TOKEN_ENDPOINT_DOWN
    assert error(await tab.log_in()) == (503, "login_unavailable")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("/login/callback?state=<script>", 400, "login_failed"),
        ("/login", 503, "login_unavailable"),
    ],
)
async def test_a_person_is_told_in_words_what_a_program_is_told_by_code(
    tab, provider, path, status, code
):
    provider.fault = Fault.DISCOVERY_DOWN
    headers = {"accept": "text/html,*/*"}
    response = await tab.http.get(f"{tab.origin}{path}", headers=headers)
    assert response.status_code == status
    assert response.headers["content-type"] == "text/html; charset=utf-8"
    assert f'data-problem="{code}"' in response.text
    assert '<a href="/login">' in response.text
    assert "script" not in response.text
    assert error(await tab.go(f"{tab.origin}{path}")) == (status, code)


async def test_with_the_provider_down_guests_still_get_in(tmp_path):
    async with providing() as provider:
        pass  # it was there, and its port is free now
    async with (
        serving_with(provider, tmp_path) as house,
        browsing(house) as tab,
    ):
        response = await tab.go(f"{house.origin}/login")
        assert error(response) == (503, "login_unavailable")
        assert (await tab.session()).status_code == 200


@pytest.mark.parametrize(
    ("person", "name"),
    [
        ({"name": "\u202eAna\n Pérez "}, "Ana Pérez"),
        ({"preferred_username": "ana"}, "ana"),
        ({"name": 7}, ""),
        ({"name": ["Ana"]}, ""),
        ({}, ""),
        ({"name": "x" * 500}, "x" * 64),
    ],
)
async def test_the_name_is_offered_and_made_safe(tab, provider, person, name):
    provider.person = {"sub": "ana", **person}
    await tab.log_in()
    assert (await tab.session()).json()["name"] == name


async def test_only_our_own_page_is_told_the_session(tab):
    await tab.log_in()
    for origin in ("https://evil.example", "null", ""):
        response = await tab.session(origin=origin)
        assert error(response) == (403, "forbidden")
        assert "token" not in response.json()
    assert "name" in (await tab.session()).json()


async def test_a_session_that_nobody_fetched_is_not_kept_for_long(tab, house):
    await tab.log_in()
    house.clock.advance(121)
    assert error(await tab.session()) == (401, "login_required")


async def test_where_guests_are_not_let_in_one_has_to_log_in(provider, tmp_path):
    async with (
        serving_with(provider, tmp_path, guests=False) as house,
        browsing(house) as tab,
    ):
        response = await tab.session()
        assert error(response) == (401, "login_required")
        await tab.log_in()
        assert (await tab.session()).status_code == 200
        assert error(await tab.session()) == (401, "login_required")


async def test_without_a_provider_there_is_no_login(tmp_path):
    async with serving(make_settings(tmp_path)) as house:
        assert (await house.http.get("/login")).status_code == 404
        assert (await house.http.get("/login/callback")).status_code == 404


async def test_nothing_of_a_login_is_logged(tab, provider, caplog):
    caplog.set_level(logging.INFO)
    callback = await tab.come_back(await tab.leave_for_provider())
    await tab.go(callback)
    token = (await tab.session()).json()["token"]
    provider.fault = Fault.NONCE
    await tab.log_in()
    ours = [r for r in caplog.records if r.name.startswith("tertulia")]
    assert ours
    text = "\n".join(record.getMessage() for record in ours)
    secrets = (token, query(callback)["code"], query(callback)["state"], "ana", "Ana")
    for secret in (*secrets, CLIENT_SECRET):
        assert secret not in text
