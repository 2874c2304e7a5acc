"""Nothing sticks out, from a phone to a wide desk."""

import pytest
from playwright.sync_api import expect

SIZES = [(360, 740), (1280, 720), (2560, 1300)]

_OVERFLOW = """
() => {
  const { scrollWidth, scrollHeight } = document.scrollingElement;
  const parts = document.querySelectorAll("button, input, select, textarea, .tile");
  const outside = [...parts]
    .filter((each) => each.checkVisibility({ visibilityProperty: true }))
    .filter((each) => {
      const { left, right } = each.getBoundingClientRect();
      return right > innerWidth + 1 || left < -1;
    })
    .map((each) => each.dataset.testid ?? each.id);
  return { wide: scrollWidth - innerWidth, high: scrollHeight - innerHeight, outside };
}
"""


def expect_fits(person, *, scrolls=False):
    for width, height in SIZES:
        person.page.set_viewport_size({"width": width, "height": height})
        found = person.page.evaluate(_OVERFLOW)
        assert found["wide"] <= 0, f"{width} px: {found}"
        assert found["outside"] == [], f"{width} px: {found}"
        if not scrolls:
            assert found["high"] <= 0, f"{width} px: {found}"


def expect_whole(person, control):
    """The control is where a finger can reach it."""
    for width, height in SIZES:
        person.page.set_viewport_size({"width": width, "height": height})
        expect(person.control(control)).to_be_in_viewport(ratio=1)


def test_home_and_lobby_fit(participant, tertulia_server):
    ada = participant("ada", join=False, visit=False)
    ada.visit(tertulia_server.url + "/")
    expect_fits(ada, scrolls=True)
    ada.visit()
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "yes")
    expect_fits(ada, scrolls=True)
    expect_whole(ada, "join")


@pytest.mark.parametrize("others", [0, 1, 3])
def test_a_call_fits(participant, headless, others):
    ada = participant("ada")
    names = ("bob of the very long name", "carol", "dan")[:others]
    for name in names:
        headless(name, microphone=False, camera=False)
    expect(ada.control("tile")).to_have_count(1 + others)
    expect_fits(ada)
    expect_whole(ada, "leave")
    ada.page.set_viewport_size({"width": 1280, "height": 720})
    ada.say("a long word: " + 300 * "w")
    expect_fits(ada)
    expect_whole(ada, "chat-input")
    expect_whole(ada, "chat-send")
    ada.page.set_viewport_size({"width": 1280, "height": 720})
    ada.share()
    expect(ada.page.locator("body")).to_have_attribute("data-sharing", "on")
    for panel in ("people", "settings", "links"):
        ada.open_panel(panel)
        expect_fits(ada)
        expect_whole(ada, f"close-{panel}")
        ada.page.set_viewport_size({"width": 1280, "height": 720})


def test_on_a_phone_the_rest_is_behind_more(participant):
    ada = participant("ada", viewport={"width": 360, "height": 740})
    expect(ada.control("toggle-people")).to_be_hidden()
    ada.control("more").click()
    ada.control("toggle-people").click()
    expect(ada.control("people-panel")).to_be_visible()
    expect(ada.control("toggle-people")).to_be_hidden()
    ada.control("close-people").click()
    ada.control("more").click()
    ada.control("raise-hand").click()
    ada.expect_tile(ada, hand="up")
