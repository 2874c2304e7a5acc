"""Every two platforms, sealed, in both directions; the table of docs/SECURITY.md.

Each pair shows cameras, screens and sound, changes its keys because a third person
leaves, changes its way, and one of them comes in again. All frames that can't be
opened are counted meanwhile. Each pair asserts its line of the table.
"""

import time
from pathlib import Path

import pytest

from client_py.testing import expect_mesh_complete
from tests.links import Links, Witness

from .page import KEEP_COUNTS, KEEP_LINKS

# On a machine without time frames come in parts, and such a frame can't be opened.
pytestmark = pytest.mark.alone

PLATFORMS = ("Chromium", "Firefox", "headless")
PAIRS = [
    (one, other) for place, one in enumerate(PLATFORMS) for other in PLATFORMS[place:]
]
DOCUMENT = Path(__file__).parents[2] / "docs" / "SECURITY.md"
HEAD = (
    "| | | camera and sound | screen | new keys | ICE restart | a return "
    "| frames that can’t be opened |",
    "| --- | --- | --- | --- | --- | --- | --- | --- |",
)

#: Resolves to how many frames of others the page couldn't open, counted anew.
REFUSED = """
async () => {
  const before = window.told;
  while (window.told < before + 2) await new Promise((done) => setTimeout(done, 50));
  const opened = ["ok", "dup", "norequest", "ended"];
  return Object.entries(window.counts)
    .filter(([name]) => name.endsWith(" receive"))
    .flatMap(([, counts]) => Object.entries(counts))
    .filter(([what]) => !opened.includes(what))
    .reduce((sum, [, count]) => sum + count, 0);
}
"""
#: The ICE user name of each connection that was ever made, "" of one that is closed. Of
#: what was agreed on: an offer alone may be refused yet.
WAYS = """
() => window.links.map((link) => {
  const agreed = link.signalingState === "closed" ? null : link.currentLocalDescription;
  return /a=ice-ufrag:(\\S+)/.exec(agreed?.sdp ?? "")?.[1] ?? "";
})
"""

#: Resolves to them once they are others than before, or after 15 s.
CHANGED = f"""
async (before) => {{
  let now = before;
  for (let look = 0; look < 300 && now.join() === before.join(); look++) {{
    await new Promise((done) => setTimeout(done, 50));
    now = ({WAYS.strip()})();
  }}
  return now;
}}
"""


def documented():
    """Return the lines of the table."""
    text = DOCUMENT.read_text().partition("## Interoperation")[2].partition("\n## ")[0]
    return [line for line in text.splitlines() if line.startswith("|")]


#: Resolves to whether frames came under newer keys than these, from who was met first.
RENEWED = """
async (before) => {
  const newest = () => Object.values(window.generations)[0];
  for (let look = 0; look < 300 && newest() <= before; look++)
    await new Promise((done) => setTimeout(done, 50));
  return newest() > before;
}
"""
FIRST = "() => Object.values(window.generations)[0]"


class Tab:
    """Somebody in a browser, and what became of the frames that they got."""

    def __init__(self, participant, name, engine):
        scripts = [KEEP_COUNTS, KEEP_LINKS]
        self.person = participant(name, engine=engine, scripts=scripts)
        self._refused = 0

    @property
    def refused(self):
        return self._refused + self.person.page.evaluate(REFUSED)

    @property
    def generation(self):
        """The number of the keys under which the first one's frames come."""
        return self.person.page.evaluate(FIRST)

    def gets_newer_keys(self, before):
        return self.person.page.evaluate(RENEWED, before)

    def change_way(self):
        """Look for another way, until there is one; say how."""
        before = self.person.page.evaluate(WAYS)
        self.person.change_network()
        now = self.person.page.evaluate(CHANGED, before)
        assert now != before
        return "yes" if len(now) == len(before) else "another link"

    def come_again(self):
        self._refused = self.refused
        self.person.leave()
        self.person.reload()
        self.person.join()


class Headless:
    """The same without a browser."""

    def __init__(self, headless, name):
        self._links = Links(Witness)
        self.person = headless(name, connections=self._links.connections)

    @property
    def refused(self):
        return self._links.refused.total()

    @property
    def generation(self):
        return self._links[0].generation

    def gets_newer_keys(self, before):
        end = time.monotonic() + 15
        while self.generation <= before and time.monotonic() < end:
            time.sleep(0.05)
        return self.generation > before

    def change_way(self):
        before = len(self._links)
        self.person.change_network()
        self._links.wait_for(before + 1)
        return "another link"

    def come_again(self):
        self.person.leave()
        self.person.join()


@pytest.fixture
def enter(participant, headless):
    def enter(name, platform):
        if platform == "headless":
            return Headless(headless, name)
        return Tab(participant, name, platform.lower())

    return enter


def show_screens(one, other):
    for who, sees in ((one, other), (other, one)):
        who.share()
        sees.expect_sees_screen(who)
        who.stop_sharing()


def leave_alone(third, *others):
    """Let somebody leave who gets no further key; say whether there is one."""
    before = [each.generation for each in others]
    third.leave()
    for each in others:
        each.person.expect_gone(third)
    newer = [each.gets_newer_keys(n) for each, n in zip(others, before, strict=True)]
    return "yes" if all(newer) else "no"


@pytest.mark.timeout(180)
@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_two_see_and_hear_each_other_through_everything(enter, pair):
    one, other = (
        enter(name, of) for name, of in zip(("ada", "bob"), pair, strict=True)
    )
    ada, bob = one.person, other.person
    third = enter("eve", "headless").person
    expect_mesh_complete(ada, bob, third, frames=10)
    renewed = leave_alone(third, one, other)
    expect_mesh_complete(ada, bob, frames=20)
    show_screens(ada, bob)
    restarted = one.change_way()
    expect_mesh_complete(ada, bob, frames=10)
    other.come_again()
    expect_mesh_complete(ada, bob, frames=10)
    refused = one.refused + other.refused
    cells = (*pair, "both ways", "both ways", renewed, restarted, "yes", str(refused))
    assert f"| {' | '.join(cells)} |" == documented()[len(HEAD) + PAIRS.index(pair)]


@pytest.mark.timeout(300)
def test_all_three_go_through_everything_in_one_call(enter):
    people = [enter(of.lower(), of) for of in PLATFORMS]
    persons = [each.person for each in people]
    fourth = enter("eve", "headless").person
    expect_mesh_complete(*persons, fourth, frames=10)
    assert leave_alone(fourth, *people) == "yes"
    expect_mesh_complete(*persons, frames=20)
    chromium, firefox, headless = people
    for one, other in ((0, 1), (1, 2), (2, 0)):
        show_screens(persons[one], persons[other])
    chromium.change_way()  # to a browser by another way, to a headless by another link
    expect_mesh_complete(*persons, frames=10)
    firefox.come_again()
    expect_mesh_complete(*persons, frames=10)
    headless.come_again()
    expect_mesh_complete(*persons, frames=10)
    assert [each.refused for each in people] == [0, 0, 0]


def test_table_has_every_pair_and_nothing_else():
    head, lines = documented()[: len(HEAD)], documented()[len(HEAD) :]
    assert tuple(head) == HEAD
    assert [tuple(line.split(" | ")[:2]) for line in lines] == [
        (f"| {one}", other) for one, other in PAIRS
    ]
