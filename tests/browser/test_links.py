"""People see how their links are, and everybody sees which pair has none."""

import re
import time

import pytest
from playwright.sync_api import expect

from client_py.testing import expect_mesh_complete

#: Seconds in which everybody has to know.
NAMED = 5.0
#: A connection that never stood is given up after 15 seconds, and the next one works.
HEALED = 40.0

#: The connections that this page begins to its first partner find no way while
#: ``window.cut`` holds: no candidate comes in or goes out. The first offer that a
#: newcomer makes is for whoever is there longest; later ones are renewals of that.
_CUT = """
(() => {
  const real = RTCPeerConnection.prototype;
  const { setLocalDescription, setRemoteDescription, addIceCandidate } = real;
  const { addEventListener, removeEventListener } = real;
  const begun = [];
  const isCut = (pc) => window.cut && begun.includes(pc) && begun.indexOf(pc) !== 1;
  window.cut = true;
  real.setLocalDescription = function (...given) {
    if (!this.remoteDescription && !begun.includes(this)) begun.push(this);
    return setLocalDescription.apply(this, given);
  };
  real.setRemoteDescription = function (given) {
    if (!isCut(this)) return setRemoteDescription.call(this, given);
    const sdp = given.sdp.replace(/a=candidate:.*\\r\\n/g, "");
    return setRemoteDescription.call(this, { type: given.type, sdp });
  };
  real.addIceCandidate = function (...given) {
    return isCut(this) ? Promise.resolve() : addIceCandidate.apply(this, given);
  };
  const wrapped = new Map();
  real.addEventListener = function (type, heard, ...rest) {
    if (type === "icecandidate")
      wrapped.set(heard, (event) => { if (!isCut(this)) heard(event); });
    addEventListener.call(this, type, wrapped.get(heard) ?? heard, ...rest);
  };
  real.removeEventListener = function (type, heard, ...rest) {
    removeEventListener.call(this, type, wrapped.get(heard) ?? heard, ...rest);
    wrapped.delete(heard);
  };
})();
"""


def words(person):
    return person.control("line-words")


@pytest.mark.alone
@pytest.mark.timeout(200)
def test_all_three_name_the_pair_that_has_no_line_until_it_has_one(
    participants, participant
):
    ada, carol = participants("ada", "carol")
    bob = participant("bob", scripts=[_CUT])
    began = time.monotonic()
    for person, one, other in (
        (ada, "You", "bob"),
        (bob, "You", "ada"),
        (carol, "ada", "bob"),
    ):
        pair = re.compile(f"({one} and {other}|{other} and {one}) can’t reach")
        expect(words(person)).to_have_text(pair, timeout=1000 * 3 * NAMED)
    named = time.monotonic() - began
    assert named < NAMED, f"after {named:.1f} s"
    carol.expect_sees(ada, frames=3)
    carol.expect_sees(bob, frames=3)
    for other in (ada, bob):
        expect(carol.tile(other).get_by_test_id("tile-pair")).to_contain_text(
            "can’t reach each other: looking for another way"
        )
    # The server of these tests has no relay, and says so to the two.
    expect(ada.tile(bob)).to_have_attribute("data-cause", "no-relay")
    state = ada.tile(bob).get_by_test_id("tile-state")
    expect(state).to_contain_text("this server has no relay")
    carol.page.keyboard.press("n")
    expect(carol.control("mesh-words")).to_contain_text("can’t reach each other")
    broken = carol.control("mesh-map").locator('line[data-state="broken"]')
    expect(broken).to_have_count(1)
    ends = {broken.get_attribute("data-one"), broken.get_attribute("data-other")}
    assert ends == {ada.id, bob.id}
    expect(carol.control("mesh-map").locator("line")).to_have_count(3)
    bob.page.evaluate("() => { window.cut = false; }")
    for person in (ada, bob, carol):
        expect(words(person)).to_be_empty(timeout=1000 * HEALED)
    expect(carol.control("mesh-words")).to_have_text("Everybody reaches everybody.")
    expect(broken).to_have_count(0)
    expect_mesh_complete(ada, bob, carol, frames=3)


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_numbers_of_a_link_go_on_changing_while_they_are_looked_at(participant, engine):
    ada = participant("ada", engine=engine)
    bob = participant("bob")
    ada.expect_sees(bob, frames=3)
    ada.page.locator("body").press("n")
    panel = ada.control("links-panel")
    expect(panel).to_be_visible()
    expect(panel.get_by_role("heading", name="Connection")).to_be_focused()
    link = panel.get_by_test_id("link")
    expect(link).to_have_attribute("open", "")  # there is no other to choose
    expect(link.get_by_test_id("link-state")).to_have_text(
        re.compile("Excellent|Good|Poor")
    )
    for number, form in {
        "down": r"^[1-9]\d* kbit/s$|^\d\.\d Mbit/s$",
        "up": r"^[1-9]\d* kbit/s$|^\d\.\d Mbit/s$",
        "rtt": r"^\d+ ms$",
        "loss": r"^\d+\.\d %$|^under 0.1 %$",
        "jitter": r"^\d+ ms$",
        "freezes": r"^\d+$",
        "theirs": r"^\d+ × \d+, \d+ frames/s$",
        "mine": r"^\d+ × \d+, \d+ frames/s$",
        "way": r"^Direct, over UDP$",
        "candidates": r"^mine: .*address.*; theirs: .*address.*$",
        "codecs": r"^VP8, opus$",
    }.items():
        expect(link.get_by_test_id(f"link-{number}"), number).to_have_text(
            re.compile(form, re.IGNORECASE), timeout=20_000
        )
    graph = link.locator('[data-slot="graph-down"]')
    for _ in range(3):
        expect(graph).not_to_have_attribute(
            "d", graph.get_attribute("d") or "", timeout=10_000
        )
    ada.page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    expect(ada.control("toggle-links")).to_be_focused()


#: A pair that was in use before another one took its place: aioice nominates several.
_STALE = """
(() => {
  const real = RTCPeerConnection.prototype.getStats;
  RTCPeerConnection.prototype.getStats = async function (...given) {
    const report = new Map(await real.apply(this, given));
    const pairs = [...report.values()].filter(each => each.type === "candidate-pair");
    for (const pair of pairs) {
      const { availableOutgoingBitrate, ...rest } = pair;
      const stale = { ...rest, id: `${pair.id}-stale`, nominated: true,
                      state: "succeeded", currentRoundTripTime: 9 };
      report.set(stale.id, stale);
    }
    return report;
  };
})();
"""


def test_round_trip_is_that_of_the_pair_in_use(participant, headless):
    ada = participant("ada", scripts=[_STALE])
    headless("bob", camera=False)
    ada.open_panel("links")
    trip = ada.control("links-panel").get_by_test_id("link-rtt")
    expect(trip).to_have_text(re.compile(r"^\d+ ms$"))
    expect(trip).not_to_have_text(re.compile("^9000 ms$"))


def test_bars_on_a_tile_open_the_numbers_of_that_person(participants, headless):
    ada, bob = participants("ada", "bob")
    carol = headless("carol", microphone=False, camera=False)
    expect(ada.tile(carol)).to_have_attribute("data-connection", "connected")
    tile = ada.tile(bob)
    bars = tile.get_by_test_id("tile-quality")
    expect(bars).to_be_hidden()  # while all is well, and nobody asks
    tile.get_by_test_id("pin").focus()
    expect(bars).to_be_visible()
    ada.page.keyboard.press("Tab")
    expect(bars).to_be_focused()
    expect(bars).to_have_accessible_name(re.compile("Connection to bob: \\w+"))
    ada.page.keyboard.press("Enter")
    opened = ada.control("links-panel").locator("details[open]")
    expect(opened).to_have_count(1)
    expect(opened).to_have_attribute("data-name", "bob")
    expect(opened.get_by_test_id("link-summary")).to_be_focused()
    bob.leave()
    expect(ada.control("link")).to_have_count(1)
    expect(ada.control("link")).to_have_attribute("data-name", "carol")


def test_alone_there_is_no_line_to_tell_of(participant):
    ada = participant("ada")
    ada.control("toggle-links").click()
    expect(ada.control("mesh-words")).to_have_text("Nobody else is here.")
    expect(ada.control("mesh-map")).to_be_hidden()
    expect(ada.control("link")).to_have_count(0)
