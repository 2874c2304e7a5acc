"""Hosts run the room by the page's controls, and the page says what they did."""

import secrets

import httpx
import pytest
from playwright.sync_api import expect

from client_py.testing.server import Room


def make_room(server, **wanted):
    """Make a room that is like this, as somebody whom nobody meets."""
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        session = http.post("/api/session", json={}).json()["token"]
        bearer = {"authorization": f"Bearer {session}"}
        made = http.post("/api/rooms", json=wanted, headers=bearer)
    room = made.raise_for_status().json()["room"]
    return Room(f"{server.url}/r/{room}#key={secrets.token_urlsafe(32)}")


def choose(host, other, item):
    """Open the host menu on somebody's tile and take an item."""
    tile = host.tile(other)
    tile.hover()
    tile.get_by_role("button", name=f"Host menu for {other.name}").click()
    expect(host.control("host-menu")).to_be_visible()
    host.control(item).click()
    expect(host.control("host-menu")).to_be_hidden()


def knock(guest):
    """Press Join where it doesn't lead straight in."""
    guest.control("display-name").fill(guest.name)
    guest.control("join").click()


def toast(person, text):
    return person.control("toast").filter(has_text=text)


def test_a_host_mutes_somebody_who_can_unmute_themselves(participants):
    ada, bob = participants("ada", "bob")
    expect(ada.tile(ada)).to_have_attribute("data-role", "host")
    bob.expect_tile(ada, audio="on")
    ada.expect_tile(bob, audio="on")
    expect(bob.tile(ada)).to_have_attribute("data-role", "host")
    bob.tile(ada).hover()
    expect(bob.tile(ada).get_by_test_id("tile-host-menu")).to_be_hidden()
    choose(ada, bob, "host-mute")
    ada.expect_tile(bob, audio="muted")
    expect(toast(bob, "ada muted you")).to_be_visible()
    bob.unmute()
    ada.expect_tile(bob, audio="on")


def test_a_host_stops_a_share(participants):
    ada, bob = participants("ada", "bob")
    bob.share()
    expect(ada.screen_tile(bob)).to_be_visible()
    ada.tile(bob).hover()
    choose(ada, bob, "host-stop-share")
    expect(ada.screen_tile(bob)).to_have_count(0)
    expect(toast(bob, "ada stopped your screen share")).to_be_visible()


@pytest.mark.parametrize(
    ("item", "phase", "screen"),
    [
        ("host-remove", "left", "left-removed"),
        ("host-ban", "failed", "failed-banned"),
    ],
)
def test_who_is_taken_out_sees_why_and_stays_out(
    participants, room, item, phase, screen
):
    ada, bob = participants("ada", "bob")
    bob.allow("403")
    choose(ada, bob, item)
    bob.expect_phase(phase, within=2)
    expect(bob.control(screen)).to_be_visible()
    ada.expect_gone(bob)
    bob.reload()
    knock(bob)
    bob.expect_phase("failed")
    shown = {"host-remove": "failed-removed", "host-ban": "failed-banned"}[item]
    expect(bob.control(shown)).to_be_visible()


def test_the_role_is_handed_over(participants):
    ada, bob = participants("ada", "bob")
    choose(ada, bob, "host-hand-over")
    expect(bob.tile(bob)).to_have_attribute("data-role", "host")
    expect(toast(bob, "You are the host now")).to_be_visible()
    bob.tile(ada).hover()
    expect(bob.tile(ada).get_by_test_id("tile-host-menu")).to_be_visible()
    ada.tile(bob).hover()
    expect(ada.tile(bob).get_by_test_id("tile-host-menu")).to_be_hidden()


def test_the_host_menu_works_from_the_keyboard(participants):
    ada, bob = participants("ada", "bob")
    ada.open_panel("people")
    button = ada.control("people-list").get_by_role("button", name="Host menu for bob")
    button.focus()
    ada.page.keyboard.press("Enter")
    expect(ada.control("host-mute")).to_be_focused()
    ada.page.keyboard.press("Escape")
    expect(ada.control("host-menu")).to_be_hidden()
    expect(button).to_be_focused()
    ada.page.keyboard.press("Enter")
    ada.page.keyboard.press("Enter")
    ada.expect_tile(bob, audio="muted")


def test_a_locked_room_says_so(participant):
    ada = participant("ada")
    ada.open_panel("people")
    lock = ada.page.get_by_role("switch", name="Lock the room")
    lock.click()
    expect(lock).to_have_attribute("aria-checked", "true")
    expect(ada.control("locked-chip")).to_be_visible()
    bob = participant("bob", join=False)
    bob.allow("403")
    knock(bob)
    bob.expect_phase("failed")
    expect(bob.control("failed-locked")).to_be_visible()
    lock.click()
    expect(lock).to_have_attribute("aria-checked", "false")
    bob.control("failed-rejoin").click()
    bob.expect_phase("joined")


def test_newcomers_wait_until_a_host_lets_them_in_or_sends_them_away(participant):
    ada = participant("ada")
    ada.open_panel("people")
    ada.page.get_by_role("switch", name="Waiting room").click()
    bob = participant("bob", join=False)
    knock(bob)
    bob.expect_phase("waiting")
    expect(bob.page.get_by_role("heading", name="Waiting to be let in")).to_be_visible()
    expect(ada.control("waiter")).to_have_attribute("data-name", "bob")
    ada.page.get_by_role("button", name="Let bob in").click()
    bob.expect_phase("joined")
    ada.expect_connected(bob)
    expect(ada.control("waiter")).to_have_count(0)
    expect(toast(ada, "bob wants to come in")).to_have_count(0)

    eve = participant("eve", join=False)
    knock(eve)
    eve.expect_phase("waiting")
    eve.control("stop-waiting").click()
    eve.expect_phase("lobby")
    expect(ada.control("waiter")).to_have_count(0)
    knock(eve)
    ada.page.get_by_role("button", name="Send eve away").click()
    eve.expect_phase("failed")
    expect(eve.control("failed-refused")).to_be_visible()
    eve.control("failed-rejoin").click()
    eve.expect_phase("waiting")
    ada.control("close-people").click()  # beside the list no toast says it again
    toast(ada, "eve wants to come in").get_by_test_id("toast-action").click()
    eve.expect_phase("joined")


def test_a_passcode_is_asked_for_in_the_lobby(participant, tertulia_server):
    room = make_room(tertulia_server, passcode="sesam")
    ada = participant("ada", join=False, visit=False)
    ada.allow("403")
    ada.visit(room.link)
    expect(ada.control("passcode")).to_be_hidden()
    knock(ada)
    expect(ada.control("passcode")).to_be_focused()
    expect(ada.control("passcode-problem")).to_contain_text("asks for a passcode")
    ada.control("passcode").fill("wrong")
    ada.control("join").click()
    expect(ada.control("passcode-problem")).to_contain_text("not the passcode")
    ada.control("passcode").fill("sesam")
    ada.control("join").click()
    ada.expect_phase("joined")
    assert "sesam" not in str(ada.snapshot)


def test_a_host_ends_the_call_for_everyone(participants):
    ada, bob = participants("ada", "bob")
    ada.open_panel("people")
    ada.control("end-call").click()
    ada.control("end-for-all").click()
    for each in (ada, bob):
        each.expect_phase("left")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_everything_of_the_hosts_fits_a_small_screen(participant, scheme):
    ada = participant("ada")
    ada.page.set_viewport_size({"width": 360, "height": 640})
    ada.page.emulate_media(color_scheme=scheme)
    bob = participant("bob")
    ada.expect_connected(bob)
    ada.control("more").click()
    ada.control("toggle-people").click()
    ada.page.get_by_role("switch", name="Waiting room").click()
    eve = participant("eve", join=False)
    knock(eve)
    eve.expect_phase("waiting")
    expect(ada.control("waiter")).to_be_visible()
    ada.page.get_by_role("button", name="Host menu for bob").last.click()
    menu = ada.control("host-menu")
    expect(menu).to_be_visible()
    wide = "() => document.documentElement.scrollWidth"
    assert ada.page.evaluate(wide) <= 360
    box = menu.bounding_box()
    assert box is not None
    assert box["x"] >= 0
    assert box["x"] + box["width"] <= 360
    assert box["y"] >= 0
    assert box["y"] + box["height"] <= 640
    for name in ("host-mute", "host-remove", "host-ban"):
        target = ada.control(name).bounding_box()
        assert target is not None
        assert target["height"] >= 44
