"""What is sent of a picture follows what is seen of it."""

from playwright.sync_api import expect

from tests.browser.page import KEEP_LINKS

#: What the first connection that stands gets of a camera, and how large.
RECEIVED = """
async () => {
  const one = links.find(each => each.connectionState === "connected");
  const mid = one.getTransceivers()[1].mid;
  const entries = [...(await one.getStats()).values()];
  const of = entries.find(each => each.type === "inbound-rtp" && each.mid === mid);
  return { frames: of.framesDecoded, height: of.frameHeight };
}
"""

#: Resolves once a second went by without another frame.
STILL = f"""
async () => {{
  const look = {RECEIVED};
  for (let before = -1, now = 0; ; before = now) {{
    now = (await look()).frames;
    if (now === before) return now;
    await new Promise(done => setTimeout(done, 1000));
  }}
}}
"""


def test_a_picture_that_is_hidden_is_not_sent_until_it_is_shown(participant):
    ada, bob = participant("ada", scripts=[KEEP_LINKS]), participant("bob")
    ada.expect_sees(bob)
    tile = ada.tile(bob)
    hide = tile.get_by_test_id("hide-video")
    hide.focus()
    ada.page.keyboard.press("Enter")
    expect(tile).to_have_attribute("data-hidden", "yes")
    expect(hide).to_have_attribute("aria-pressed", "true")
    expect(tile.get_by_test_id("tile-note")).to_have_text("Picture hidden")
    expect(tile.locator("video")).to_be_hidden()
    frames = ada.page.evaluate(STILL)
    ada.expect_hears(bob)  # what they say goes on
    bob.expect_sees(ada)
    ada.page.keyboard.press("Enter")
    expect(tile).to_have_attribute("data-hidden", "no")
    ada.expect_sees(bob)
    assert ada.page.evaluate(RECEIVED)["frames"] > frames


def test_a_small_tile_gets_a_small_picture_and_a_large_one_a_large(participant):
    ada = participant(
        "ada", scripts=[KEEP_LINKS], viewport={"width": 400, "height": 700}
    )
    bob = participant("bob", quality="hd")
    ada.expect_sees(bob)
    small = until(ada, lambda height: height <= 360)
    ada.page.set_viewport_size({"width": 1600, "height": 1000})
    assert until(ada, lambda height: height >= 540) > small


def until(person, holds):
    """Wait for a picture of a height that does; return it."""
    for _ in range(150):
        height = person.page.evaluate(RECEIVED)["height"]
        if holds(height):
            return height
        person.page.evaluate("() => new Promise(done => setTimeout(done, 200))")
    raise AssertionError(f"the picture is {height} high")


def test_sound_only_shows_nobody_and_hears_all(participant):
    ada, bob = participant("ada"), participant("bob")
    ada.expect_sees(bob)
    ada.open_panel("settings")
    ada.control("call-quality-select").select_option("audio")
    expect(ada.tile(bob)).to_have_attribute("data-hidden", "yes")
    bob.expect_sees_nothing_of(ada)
    ada.expect_hears(bob)
    bob.expect_hears(ada)
    ada.control("call-quality-select").select_option("low")
    ada.expect_sees(bob)
