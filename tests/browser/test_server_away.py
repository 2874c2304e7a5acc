"""The server goes away and comes back: those who talk go on talking."""

import pytest
from playwright.sync_api import expect

from client_py.testing import Server, expect_mesh_complete

UNREACHABLE = r"WebSocket|ERR_CONNECTION|Failed to load|NetworkError|/api/"

_WATCH = """
video => {
  window.longest = 0;
  let last = performance.now();
  const step = () => {
    const now = performance.now();
    window.longest = Math.max(window.longest, now - last);
    last = now;
    video.requestVideoFrameCallback(step);
  };
  video.requestVideoFrameCallback(step);
}
"""


@pytest.fixture
def mortal_server(tmp_path):
    """A server that this test alone may kill."""
    server = Server(tmp_path)
    server.start()
    yield server
    server.stop()


def test_a_pair_goes_on_while_the_server_is_dead(mortal_server, participants):
    room = mortal_server.create_room()
    ada, bob = people = participants("ada", "bob", room=room)
    expect_mesh_complete(*people, frames=5)
    for one, other in ((ada, bob), (bob, ada)):
        one.allow(UNREACHABLE)
        one.tile(other).locator("video").evaluate(_WATCH)
    mortal_server.kill()
    for one, other in ((ada, bob), (bob, ada)):
        one.expect_phase("reconnecting")
        expect(one.control("banner")).not_to_be_empty()
        one.expect_sees(other, frames=30)
        one.expect_hears(other)
    gaps = [one.page.evaluate("() => window.longest") for one in people]
    assert max(gaps) < 1500, f"pictures stood still for {gaps} ms"
    mortal_server.start()
    for one in people:
        one.expect_phase("joined", within=30)
        expect(one.control("banner")).to_be_empty()
    expect_mesh_complete(*people)
    for one in people:
        expect(one.control("tile")).to_have_count(2)


def test_what_is_done_without_the_server_is_done_when_it_is_back(
    mortal_server, participants
):
    room = mortal_server.create_room()
    ada, bob = participants("ada", "bob", room=room)
    bob.expect_connected(ada)
    for one in (ada, bob):
        one.allow(UNREACHABLE)
    mortal_server.kill()
    ada.expect_phase("reconnecting")
    ada.mute()
    ada.say("written while nobody could carry it")
    mortal_server.start()
    for one in (ada, bob):
        one.expect_phase("joined", within=30)
    bob.expect_tile(ada, audio="muted")
    bob.open_panel("chat")
    bob.expect_reads("written while nobody could carry it", by=ada)


def test_a_joiner_waits_for_a_server_that_is_not_there_yet(mortal_server, participant):
    room = mortal_server.create_room()
    ada = participant("ada", join=False, room=room)
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "yes")
    ada.allow(UNREACHABLE)
    mortal_server.kill()
    ada.control("display-name").fill("ada")
    ada.control("join").click()
    ada.expect_phase("failed", within=30)
    expect(ada.control("failed-server-unreachable")).to_be_visible()
    expect(ada.control("retry-in")).not_to_be_empty()
    mortal_server.start()
    ada.expect_phase("joined", within=30)
    ada.expect_alone()


def test_a_drained_server_is_found_again(mortal_server, participant):
    room = mortal_server.create_room()
    ada = participant("ada", room=room)
    ada.allow(UNREACHABLE)
    mortal_server.restart()
    ada.expect_phase("joined", within=30)
    bob = participant("bob", room=room)
    expect_mesh_complete(ada, bob)
