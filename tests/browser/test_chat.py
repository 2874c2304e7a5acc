"""Chat, reactions, hands, the list of people and the invite link."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def pair(participants):
    ada, bob = participants("ada", "bob")
    ada.expect_connected(bob)
    bob.expect_connected(ada)
    return ada, bob


def test_lines_go_both_ways_and_markup_stays_inert(pair):
    ada, bob = pair
    markup = "<img src=x onerror=alert(1)> & <b>bold</b> ‹ünïcödé› 🎉"
    ada.say(markup)
    bob.open_panel("chat")
    bob.expect_reads(markup, by=ada)
    bob.say("second\nline, and a link: https://example.org/?a=1&b=2")
    text = ada.control("chat-line").last.locator('[data-slot="text"]')
    expect(text).to_have_text("second\nline, and a link: https://example.org/?a=1&b=2")
    for one in pair:
        assert one.control("chat-log").locator("img, b:not([data-slot])").count() == 0
        expect(one.control("chat-line")).to_have_count(2)
    expect(ada.control("chat-line").first).to_have_attribute("data-own", "yes")
    expect(bob.control("chat-line").first).to_have_attribute("data-own", "no")
    expect(ada.control("chat-input")).to_have_value("")


def test_an_empty_line_is_not_sent(pair):
    ada, bob = pair
    ada.say("   ")
    ada.say("something")
    bob.open_panel("chat")
    bob.expect_reads("something", by=ada)
    expect(bob.control("chat-line")).to_have_count(1)


def test_unread_lines_are_counted_until_the_chat_is_opened(pair):
    ada, bob = pair
    ada.say("one")
    ada.say("two")
    expect(bob.control("chat-unread")).to_have_text("2")
    expect(bob.control("announcer")).to_have_text("Message from ada")
    bob.open_panel("chat")
    expect(bob.control("chat-unread")).to_be_empty()
    expect(ada.control("chat-unread")).to_be_empty()


def test_a_newcomer_reads_what_was_said_before(participants, participant):
    (ada,) = participants("ada")
    ada.say("who comes later reads this too")
    bob = participant("bob")
    bob.open_panel("chat")
    bob.expect_reads("who comes later reads this too", by=ada)


def test_somebody_headless_chats(participant, headless):
    ada, bob = participant("ada"), headless("bob")
    ada.say("to aiortc")
    bob.expect_reads("to aiortc", by=ada)
    bob.say("to the page")
    ada.expect_reads("to the page", by=bob)


def test_a_reaction_floats_on_the_tile_and_goes(pair):
    ada, bob = pair
    ada.control("reactions").click()
    ada.control("react-party").click()
    floating = bob.tile(ada).get_by_test_id("reaction")
    expect(floating).to_have_text("🎉")
    expect(bob.control("announcer")).to_have_text("ada: 🎉")
    expect(floating).to_have_count(0)
    expect(ada.control("reaction-picker")).to_be_hidden()


def test_a_raised_hand_is_seen_and_lowered(pair):
    ada, bob = pair
    ada.control("raise-hand").click()
    bob.expect_tile(ada, hand="up")
    expect(bob.tile(ada).get_by_label("Hand raised")).to_be_visible()
    expect(
        bob.control("toast").filter(has_text="ada raised their hand")
    ).to_be_visible()
    ada.control("raise-hand").click()
    bob.expect_tile(ada, hand="down")


def test_the_list_of_people_tells_who_is_here_and_how(pair):
    ada, bob = pair
    bob.mute()
    ada.open_panel("people")
    rows = ada.control("person")
    expect(rows).to_have_count(2)
    row = ada.page.locator(f'[data-testid=person][data-participant="{bob.id}"]')
    expect(row).to_have_attribute("data-audio", "muted")
    expect(row.get_by_label("Microphone off")).to_be_visible()
    expect(row).to_contain_text("bob")
    expect(ada.control("people-count")).to_have_text("2")
    bob.leave()
    expect(rows).to_have_count(1)


@pytest.mark.parametrize("button", ["copy-link", "alone-copy-link", "people-copy-link"])
def test_the_invite_link_is_copied(participant, button):
    ada = participant("ada", permissions=["clipboard-read", "clipboard-write"])
    if button.startswith("people"):
        ada.open_panel("people")
    ada.control(button).click()
    expect(ada.control("toast").filter(has_text="copied")).to_be_visible()
    copied = ada.page.evaluate("() => navigator.clipboard.readText()")
    assert copied == ada.room.link


#: A browser that lets no page write into the clipboard.
UNCOPIED = """
navigator.clipboard.writeText = async () => {
  throw new DOMException("by the test", "NotAllowedError");
};
"""
SELECTED = """
() => {
  const { value, selectionStart, selectionEnd, dataset } = document.activeElement;
  return [dataset.testid, value.slice(selectionStart, selectionEnd)];
}
"""


def test_a_link_that_could_not_be_copied_is_selected(participant, headless):
    ada = participant("ada", join=False, scripts=[UNCOPIED])
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "yes")
    ada.control("lobby-copy-link").click()
    expect(ada.control("copy-words")).to_contain_text("address bar")
    ada.join()
    ada.control("copy-link").click()
    refusal = ada.control("toast").filter(has_text="could be copied")
    expect(refusal).to_have_attribute("data-kind", "error")
    assert ada.page.evaluate(SELECTED) == ["alone-link", ada.room.link]
    headless("bob", microphone=False, camera=False)
    expect(ada.control("tile")).to_have_count(2)
    ada.control("copy-link").click()
    expect(ada.page.locator("body")).to_have_attribute("data-panel", "people")
    assert ada.page.evaluate(SELECTED) == ["people-link", ada.room.link]
    expect(ada.control("toast").filter(has_text="link copied")).to_have_count(0)
