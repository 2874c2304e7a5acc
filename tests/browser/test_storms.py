"""Some who come, or go, within the same second.

Four, for a machine of two cores: eight are in tests/sessions/test_simulation.py.
"""

import pytest

from .page import KEEP_LINKS

NAMES = ("ada", "bob", "cleo", "dan")
AT_ONCE = 5  # seconds: far below the grace of somebody who lost the network
STANDING = "() => links.filter(link => link.connectionState === 'connected').length"

pytestmark = pytest.mark.alone


def at_once(people, button):
    """Have them all click, by the page itself: what Playwright waits for takes long."""
    for person in people:
        person.control(button).dispatch_event("click")


@pytest.fixture
def crowd(tertulia_cast, negotiations):
    """Some before the door."""
    scripts = [KEEP_LINKS, negotiations.script]
    people = [tertulia_cast.tab(name, join=False, scripts=scripts) for name in NAMES]
    for person in people:
        person.control("display-name").fill(person.name)
    return people


def test_all_join_within_a_second_and_all_but_one_leave_within_another(
    crowd, negotiations
):
    ada, *others = crowd
    at_once(crowd, "join")
    for one in crowd:
        one.expect_phase("joined")
        for other in crowd:
            if one is not other:
                one.expect_sees(other, frames=3)
    # An offer or an answer of each to each of the others: so none collided, and of all
    # six pairs none made two offers.
    assert negotiations(*crowd) == [3] * 4
    at_once(others, "leave")
    ada.expect_alone(within=AT_ONCE)
    for other in others:
        other.expect_phase("left")
    assert ada.page.evaluate(STANDING) == 0
