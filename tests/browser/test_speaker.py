"""Who speaks is marked, and who has the floor."""

from playwright.sync_api import expect

#: A script that keeps in ``window.trail`` whom the tiles gave the floor to, in order.
KEEP_FLOOR = """
window.trail = [];
new MutationObserver((changes) => {
  for (const { target, oldValue } of changes)
    if (target.matches(".tile") && target.dataset.active !== oldValue)
      window.trail.push([target.dataset.name, target.dataset.active]);
}).observe(document, {
  subtree: true, attributes: true, attributeFilter: ["data-active"],
  attributeOldValue: true,
});
"""
ACTIVE = '[data-testid="tile"][data-active="yes"]'
SPEAKING = '[data-testid="tile"][data-speaking="yes"]'


def expect_only(person, marked, other):
    """Exactly one tile carries the mark: that of somebody."""
    tiles = person.page.locator(marked)
    expect(tiles).to_have_count(1)
    expect(tiles).to_have_attribute("data-name", other.name)


def test_exactly_the_tile_of_who_speaks_is_marked_and_keeps_the_floor(participant):
    ada = participant("ada", scripts=[KEEP_FLOOR])
    ada.mute()
    bob, carol = participant("bob"), participant("carol", join=False)
    expect(carol.page.locator("body")).to_have_attribute("data-ready", "yes")
    carol.control("lobby-toggle-mic").click()
    carol.join()
    ada.expect_hears(bob)
    expect_only(ada, ACTIVE, bob)
    expect_only(ada, SPEAKING, bob)
    floor = ada.tile(bob).get_by_label("Has the floor")
    expect(floor).to_be_visible()
    ada.expect_sees(bob, frames=60)  # three seconds of looks at the levels
    expect_only(ada, ACTIVE, bob)
    bob.mute()
    expect(ada.page.locator(SPEAKING)).to_have_count(0)
    expect(floor).to_be_hidden()  # they can't be heard
    carol.unmute()
    expect_only(ada, ACTIVE, carol)
    expect_only(ada, SPEAKING, carol)
    trail = [["bob", "yes"], ["bob", "no"], ["carol", "yes"]]
    assert ada.page.evaluate("() => window.trail") == trail
