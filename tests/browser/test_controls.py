"""Every control has a role and a name, and needs no mouse."""

import re

import pytest
from playwright.sync_api import expect

DOCK = {
    "toggle-mic": "Microphone",
    "toggle-camera": "Camera",
    "share-screen": "Share screen",
    "raise-hand": "Raise hand",
    "reactions": "Reactions",
    "copy-link": "Copy invite link",
    "toggle-people": re.compile(r"^People\b"),
    "device-menu": "Settings",
    "toggle-chat": re.compile(r"^Chat\b"),
    "leave": "Leave",
}
REACTIONS = {
    "react-like": "Thumbs up",
    "react-love": "Love",
    "react-laugh": "Laugh",
    "react-clap": "Applause",
    "react-wow": "Surprise",
    "react-party": "Celebrate",
}
LOBBY = {
    "lobby-toggle-mic": ("button", "Microphone"),
    "lobby-toggle-camera": ("button", "Camera"),
    "display-name": ("textbox", "Your name"),
    "join": ("button", "Join"),
    "lobby-copy-link": ("button", "Copy the invite link"),
    "microphone-select": ("combobox", "Microphone"),
    "camera-select": ("combobox", "Camera"),
    "quality-select": ("combobox", "Picture"),
}
PANELS = {
    "chat": {
        "chat-input": ("textbox", "Message"),
        "chat-send": ("button", "Send"),
        "close-chat": ("button", "Close chat"),
    },
    "people": {
        "people-copy-link": ("button", "Copy"),
        "close-people": ("button", "Close people"),
    },
    "settings": {
        "call-microphone-select": ("combobox", "Microphone"),
        "call-camera-select": ("combobox", "Camera"),
        "call-quality-select": ("combobox", "Picture"),
        "show-shortcuts": ("button", "Keyboard shortcuts"),
        "close-settings": ("button", "Close settings"),
    },
}

_FOCUSED = "() => document.activeElement?.dataset.testid ?? ''"
_RING = """
() => {
  const style = getComputedStyle(document.activeElement);
  const outlined = style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0;
  return outlined || style.boxShadow !== "none";
}
"""


def expect_control(person, test_id, role, name):
    control = person.control(test_id)
    expect(control).to_be_visible()
    expect(control).to_have_role(role)
    expect(control).to_have_accessible_name(name)


def tab_through(person, wanted):
    """Press Tab until all of these had the focus; return those that never had it."""
    missing, unlit = set(wanted), set()
    for _ in range(60):
        person.page.keyboard.press("Tab")
        focused = person.page.evaluate(_FOCUSED)
        if focused in missing and not person.page.evaluate(_RING):
            unlit.add(focused)
        missing.discard(focused)
        if not missing:
            break
    assert not unlit, f"nothing shows that the focus is on {unlit}"
    return missing


def test_home_and_lobby_name_their_controls(participant, tertulia_server):
    ada = participant("ada", join=False, visit=False)
    ada.visit(tertulia_server.url + "/")
    expect_control(ada, "create-room", "button", "Start a call")
    expect_control(ada, "invite-input", "textbox", "Have an invitation?")
    expect_control(ada, "open-link", "button", "Go in")
    assert not tab_through(ada, ["create-room", "invite-input", "open-link"])
    ada.visit()
    for test_id, (role, name) in LOBBY.items():
        expect_control(ada, test_id, role, name)
    assert not tab_through(ada, LOBBY)


def test_the_call_names_its_controls_and_tab_reaches_them(participant):
    ada = participant("ada")
    for test_id, name in DOCK.items():
        expect_control(ada, test_id, "button", name)
    expect_control(ada, "pin", "button", "Pin ada")
    expect_control(ada, "alone-copy-link", "button", "Copy")
    assert not tab_through(ada, [*DOCK, "alone-copy-link", "pin"])


@pytest.mark.parametrize("panel", PANELS)
def test_a_panel_names_its_controls_and_tab_reaches_them(participant, panel):
    ada = participant("ada")
    ada.open_panel(panel)
    for test_id, (role, name) in PANELS[panel].items():
        expect_control(ada, test_id, role, name)
    assert not tab_through(ada, PANELS[panel])
    ada.control(f"close-{panel}").press("Enter")
    expect(ada.page.locator("body")).to_have_attribute("data-panel", "none")


def test_reactions_are_chosen_by_keyboard(participant):
    ada = participant("ada")
    ada.page.keyboard.press("r")
    for test_id, name in REACTIONS.items():
        expect_control(ada, test_id, "button", name)
    assert not tab_through(ada, REACTIONS)
    ada.control("react-wow").press("Enter")
    expect(ada.tile(ada).get_by_test_id("reaction")).to_have_text("😮")
    expect(ada.control("reaction-picker")).to_be_hidden()


def test_shortcuts_do_what_the_buttons_do(participant):
    ada = participant("ada")
    body, press = ada.page.locator("body"), ada.page.keyboard.press
    for key, test_id in (
        ("m", "toggle-mic"),
        ("v", "toggle-camera"),
        ("h", "raise-hand"),
        ("s", "share-screen"),
    ):
        button = ada.control(test_id)
        before = button.get_attribute("aria-pressed")
        after = "false" if before == "true" else "true"
        press(key)
        expect(button).to_have_attribute("aria-pressed", after)
        press(key)
        expect(button).to_have_attribute("aria-pressed", before)
    for key, panel in (("p", "people"), (",", "settings"), ("c", "chat")):
        press(key)
        expect(body).to_have_attribute("data-panel", panel)
    expect(ada.control("chat-input")).to_be_focused()
    press("m")  # a letter here, not a shortcut
    expect(ada.control("chat-input")).to_have_value("m")
    expect(ada.control("toggle-mic")).to_have_attribute("aria-pressed", "true")
    press("Shift+Enter")
    expect(ada.control("chat-input")).to_have_value("m\n")
    press("n")
    press("Enter")
    ada.expect_reads("m\nn", by=ada)
    press("Escape")
    expect(body).to_have_attribute("data-panel", "none")
    press("?")
    expect(ada.control("shortcuts")).to_be_visible()
    press("Escape")
    expect(ada.control("shortcuts")).to_be_hidden()


def test_no_key_opens_a_device_that_no_screen_shows(participant, tertulia_server):
    ada = participant("ada", join=False, visit=False)
    states = "({ microphone, camera }) => [microphone.state, camera.state]"
    body = ada.page.locator("body")
    ada.visit(tertulia_server.url + "/")
    expect(body).to_have_attribute("data-ready", "yes")
    ada.page.keyboard.press("m")
    ada.page.keyboard.press("v")
    assert ada.page.evaluate(f"() => ({states})(tertulia.snapshot())") == ["off", "off"]
    ada.visit()
    expect(ada.control("preview-frame")).to_have_attribute("data-video", "on")
    ada.page.keyboard.press("v")
    expect(ada.control("preview-frame")).to_have_attribute("data-video", "off")
    ada.page.keyboard.press("v")
    ada.join()
    ada.leave()
    ada.page.keyboard.press("m")
    ada.page.keyboard.press("v")
    assert ada.page.evaluate(f"() => ({states})(tertulia.snapshot())") == ["off", "off"]


def test_the_focus_follows_the_screens(participant, tertulia_server):
    ada = participant("ada", join=False, visit=False)
    ada.visit(tertulia_server.url + "/")
    ada.control("create-room").click()
    heading = ada.page.get_by_role("heading", level=1)
    expect(heading.filter(has_text="Take a seat")).to_be_focused()
    ada.control("display-name").fill("ada")
    ada.control("display-name").press("Enter")
    ada.expect_phase("joined")
    expect(ada.control("room-name")).to_be_focused()
    ada.control("leave").click()
    expect(heading.filter(has_text="You left the call")).to_be_focused()


def test_the_focus_comes_back_from_a_panel(participant):
    ada = participant("ada")
    for panel, button in (
        ("chat", "toggle-chat"),
        ("people", "toggle-people"),
        ("settings", "device-menu"),
    ):
        ada.control(button).press("Enter")
        expect(ada.page.locator("body")).to_have_attribute("data-panel", panel)
        expect(ada.control(button)).to_have_attribute("aria-expanded", "true")
        ada.control(f"close-{panel}").press("Enter")
        expect(ada.control(button)).to_be_focused()
        expect(ada.control(button)).to_have_attribute("aria-expanded", "false")


def test_a_tile_is_pinned_and_let_go(participants):
    ada, bob = participants("ada", "bob")
    ada.tile(bob).hover()
    pin = ada.tile(bob).get_by_test_id("pin")
    pin.click()
    expect(ada.control("grid")).to_have_attribute("data-layout", "stage")
    ada.expect_tile(bob, stage="yes")
    expect(pin).to_have_attribute("aria-pressed", "true")
    pin.click()
    expect(ada.control("grid")).to_have_attribute("data-layout", "grid")
    expect(pin).to_have_attribute("aria-pressed", "false")
