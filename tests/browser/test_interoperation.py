"""Every two platforms, sealed, in both directions; the table of docs/SECURITY.md.

Each pair shows cameras, screens and sound, changes its keys because a third person
leaves, and one of them comes in again.
"""

import re
from pathlib import Path

import pytest

from client_py.testing import expect_mesh_complete

PLATFORMS = ("Chromium", "Firefox", "headless")
PAIRS = [
    (one, other) for place, one in enumerate(PLATFORMS) for other in PLATFORMS[place:]
]
DOCUMENT = Path(__file__).parents[2] / "docs" / "SECURITY.md"


@pytest.fixture
def person(participant, headless):
    def enter(name, platform):
        if platform == "headless":
            return headless(name)
        return participant(name, engine=platform.lower())

    return enter


def expect_screens(one, other):
    for who, sees in ((one, other), (other, one)):
        who.share()
        sees.expect_sees_screen(who)
        who.stop_sharing()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_two_see_and_hear_each_other_through_new_keys_and_a_return(person, pair):
    ada, bob = (person(name, of) for name, of in zip(("ada", "bob"), pair, strict=True))
    third = person("eve", "headless")
    expect_mesh_complete(ada, bob, third, frames=10)
    third.leave()  # they never get another key of these two
    for one in (ada, bob):
        one.expect_gone(third)
    expect_mesh_complete(ada, bob, frames=20)
    expect_screens(ada, bob)
    bob.leave()
    ada.expect_alone()
    if pair[1] != "headless":
        bob.reload()
    bob.join()
    expect_mesh_complete(ada, bob, frames=10)


@pytest.mark.timeout(180)
def test_all_three_are_in_one_call(person):
    people = [person(of.lower(), of) for of in PLATFORMS]
    expect_mesh_complete(*people, frames=20)


def test_table_has_every_pair():
    text = DOCUMENT.read_text().partition("## Interoperation")[2]
    rows = re.findall(r"^\| (\w+) \| (\w+) \|", text, re.MULTILINE)
    assert rows == PAIRS
