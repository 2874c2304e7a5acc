"""The connection test: what it finds, what it says, what it keeps."""

import json

import pytest
from playwright.sync_api import expect

from client_py.testing import Server
from tests.checkup import WITHIN, outcomes, verdict
from tests.services.coturn import relay

from .page import FORBIDDEN

NOWHERE = """
window.WebSocket = class extends WebSocket {
  constructor(url, protocol) { super(url.replace("/ws", "/nowhere"), protocol); }
};
"""


#: A machine with neither camera nor microphone.
DEVICELESS = """
navigator.mediaDevices.enumerateDevices = async () => [];
"""


@pytest.fixture(scope="module")
def coturn(tmp_path_factory):
    with relay(tmp_path_factory.mktemp("coturn"), to_this_machine=True) as running:
        yield running


@pytest.fixture
def serve(tmp_path):
    """Start a server that tells of these TURN servers."""
    servers = []

    def start(urls, secret):
        settings = {
            "TERTULIA_TURN_URLS": ",".join(urls),
            "TERTULIA_TURN_SECRET": secret,
        }
        servers.append(Server(tmp_path, settings))
        servers[0].start()
        return servers[0]

    yield start
    for server in servers:
        server.stop()


def check(person, server):
    """Open the page of the test; return what it said in the end."""
    person.visit(server.url + "/check")
    return verdict(person)


BASIS = dict.fromkeys(("browser", "server", "socket", "call"), "passed")
DEVICES = ("camera", "microphone")


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_without_a_relay_calls_work_with_most_people(
    participant, tertulia_server, engine
):
    ada = participant("ada", engine=engine, join=False, visit=False)
    assert check(ada, tertulia_server) == "no-relay"
    found = outcomes(ada)
    assert {each: found[each] for each in BASIS} == BASIS
    skipped = ("stun", "relay-udp", "relay-tcp", "relay-tls")
    assert [found[each] for each in skipped] == ["skipped"] * 4
    expect(ada.control("checkup-verdict")).to_have_text(
        "Calls will work with most people."
    )


def test_a_relay_is_reached_by_each_of_its_ways(participant, serve, coturn):
    ada = participant("ada", join=False, visit=False)
    assert check(ada, serve(coturn.urls, coturn.secret)) == "ready"
    found = outcomes(ada)
    ways = ("stun", "relay-udp", "relay-tcp", "relay-tls", "call")
    assert [found[each] for each in ways] == [*["passed"] * 3, "skipped", "passed"]
    expect(ada.control("check-call")).to_contain_text("Mbit/s")


def test_where_no_device_is_it_says_that_nobody_would_see_or_hear_one(
    participant, serve, coturn
):
    ada = participant("ada", join=False, visit=False, scripts=[DEVICELESS])
    assert check(ada, serve(coturn.urls, coturn.secret)) == "no-device"
    found = outcomes(ada)
    assert [found[each] for each in DEVICES] == ["warned"] * 2


def test_a_relay_that_refuses_the_credentials_is_told(participant, serve, coturn):
    ada = participant("ada", join=False, visit=False)
    assert check(ada, serve(coturn.urls, "another secret")) == "relay-refuses"
    expect(ada.control("check-relay-udp")).to_contain_text("refuses the credentials")


def test_sockets_that_are_blocked_are_told(participant, tertulia_server):
    ada = participant("ada", join=False, visit=False, scripts=[NOWHERE])
    ada.allow("WebSocket")
    assert check(ada, tertulia_server) == "no-socket"
    expect(ada.control("check-socket")).to_contain_text("can’t be reached")


def test_connections_that_are_forbidden_are_told(participant, tertulia_server):
    ada = participant("ada", join=False, visit=False, scripts=[FORBIDDEN])
    assert check(ada, tertulia_server) == "no-browser"
    found = outcomes(ada)
    assert (found["browser"], found["server"], found["call"]) == (
        "failed",
        "passed",
        "skipped",
    )


def test_a_server_that_is_away_is_told_and_asked_again(participant, tertulia_server):
    ada = participant("ada", join=False, visit=False)
    ada.allow("/api/ice", "ERR_FAILED")
    ada.page.route("**/api/ice", lambda route: route.abort())
    assert check(ada, tertulia_server) == "no-server"
    ada.page.unroute("**/api/ice")
    ada.control("checkup-again").click()
    expect(ada.control("checkup")).to_have_attribute(
        "data-verdict", "no-relay", timeout=WITHIN
    )


def test_the_lobby_tests_too_and_the_report_tells_nothing_of_anybody(participant):
    ada = participant("ada", join=False)
    ada.control("test-connection").click()
    assert verdict(ada) == "no-relay"
    with ada.page.expect_download() as download:
        ada.control("checkup-report").click()
    told = json.loads(download.value.path().read_text())
    assert (told["format"], told["verdict"]) == (1, "no-relay")
    assert [each["check"] for each in told["checks"]] == list(outcomes(ada))
    ada.page.keyboard.press("Escape")
    expect(ada.control("checkup")).to_be_hidden()
    ada.join()
