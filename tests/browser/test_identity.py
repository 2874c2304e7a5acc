"""People whom a provider knows, or whom another backend sends."""

import json
import re
import secrets

import httpx
import pytest
from anyio.from_thread import start_blocking_portal
from playwright.sync_api import Page, expect

from client_py.core.address import secret_of
from client_py.testing.server import Server
from tests.server.provider import CLIENT_ID, CLIENT_SECRET, providing

KEY = ("school", "a key of the school that is long enough")
MEDIA = "?media=synthetic:ana"


@pytest.fixture(scope="module")
def provider():
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(providing()) as provider,
    ):
        yield provider


@pytest.fixture(scope="module")
def server(provider, tmp_path_factory):
    """A server that lets no guests in."""
    env = {
        "TERTULIA_GUESTS": "no",
        "TERTULIA_OIDC_ISSUER": provider.issuer,
        "TERTULIA_OIDC_CLIENT_ID": CLIENT_ID,
        "TERTULIA_OIDC_CLIENT_SECRET": CLIENT_SECRET,
        "TERTULIA_API_KEYS": ":".join(KEY),
    }
    server = Server(tmp_path_factory.mktemp("members-only"), env)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def tab(tertulia_browsers, server, recorder):
    with tertulia_browsers["chromium"].new_context() as context:
        recorder(context)
        yield context.new_page()


def join(tab: Page) -> None:
    tab.get_by_test_id("join").click()
    expect(tab.locator("body")).to_have_attribute("data-phase", "joined")


def wait_for_python(tab: Page) -> None:
    expect(tab.locator("body")).to_have_attribute("data-ready", "yes", timeout=60_000)


def test_who_has_to_sign_in_comes_back_to_where_they_were(tab, server, recorder):
    tab.goto(server.url + "/" + MEDIA)
    tab.get_by_test_id("create-room").click()
    expect(tab.get_by_test_id("failed-login-required")).to_be_visible(timeout=60_000)
    expect(tab.get_by_test_id("failed-create-room")).to_be_hidden()
    tab.get_by_test_id("failed-sign-in").click()
    tab.wait_for_url(server.url + "/" + MEDIA)
    wait_for_python(tab)
    tab.get_by_test_id("create-room").click()
    tab.wait_for_url(re.compile("/r/"))
    # The provider calls them so, and it was offered.
    expect(tab.get_by_test_id("display-name")).to_have_value("Ana")
    join(tab)
    # Another person with the link, in a browser of their own.
    link = tab.url
    secret = secret_of(link)
    assert secret
    with tab.context.browser.new_context() as context:
        recorder(context)
        bob = context.new_page()
        bob.goto(link)
        bob.get_by_test_id("display-name").fill("Bob")
        bob.get_by_test_id("join").click()
        sign_in = bob.get_by_test_id("failed-sign-in")
        expect(sign_in).to_be_visible(timeout=60_000)
        asked = []
        bob.on("request", lambda request: asked.append(request.url))
        sign_in.click()
        bob.wait_for_url(link)
        assert [url for url in asked if secret in url.partition("#")[0]] == []
        wait_for_python(bob)
        # What they called themselves before counts more.
        expect(bob.get_by_test_id("display-name")).to_have_value("Bob")
        join(bob)
        expect(bob.get_by_test_id("tile")).to_have_count(2)


def test_who_comes_with_a_token_gets_in_and_leaves_no_trace_of_it(tab, server):
    with httpx.Client(base_url=server.url, auth=KEY, trust_env=False) as http:
        room = http.post("/api/rooms", json={}).json()["room"]
        person = {"subject": "ana", "name": "Ana Pérez"}
        invited = http.post(f"/api/rooms/{room}/token", json=person).json()
    key = f"key={secrets.token_urlsafe(32)}"
    clean = f"{server.url}/r/{room}{MEDIA}#{key}"
    arrival = invited["link"].replace("#", f"{MEDIA}#") + f"&{key}"
    asked = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(arrival)
    tab.wait_for_url(clean)
    wait_for_python(tab)
    expect(tab.get_by_test_id("display-name")).to_have_value("Ana Pérez")
    join(tab)
    assert [url for url in asked[1:] if invited["token"] in url] == []
    kept = tab.evaluate("() => JSON.stringify(localStorage)")
    assert "tertulia.session" not in json.loads(kept)
    # The token is gone from the address, and they can come back all the same.
    tab.reload()
    wait_for_python(tab)
    join(tab)


def test_a_token_that_is_not_good_says_so(tab, server):
    tab.goto(f"{server.url}/r/some-room{MEDIA}#token=spoiled")
    tab.get_by_test_id("display-name").fill("Ana")
    tab.get_by_test_id("join").click()
    expect(tab.get_by_test_id("failed-token-expired")).to_be_visible(timeout=60_000)
