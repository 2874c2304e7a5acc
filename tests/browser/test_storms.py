"""Many who come, or go, within the same second."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from .page import KEEP_LINKS

TABS = ("ada", "bob", "cleo", "dan")
OTHERS = ("eve", "fay", "gus", "hal")
AT_ONCE = 5  # seconds: far below the grace of somebody who lost the network

# Eight who connect at once have both cores to themselves: else they wait for each other
# until the first ones try anew.
pytestmark = pytest.mark.alone

STANDING = "() => links.filter(link => link.connectionState === 'connected').length"


@contextmanager
def all_at_once(people, act):
    """Have headless people do this in threads of their own, beside what tabs do."""
    with ThreadPoolExecutor(len(people)) as threads:
        begun = [threads.submit(act, each) for each in people]
        yield
        for each in begun:
            each.result()


@pytest.fixture
def crowd(tertulia_cast, negotiations):
    """Eight who all click *Join* within a second: four tabs, four without one."""
    cast = tertulia_cast
    scripts = [KEEP_LINKS, negotiations.script]
    tabs = [cast.tab(name, join=False, quality="low", scripts=scripts) for name in TABS]
    others = [cast.headless(name, join=False, camera=False) for name in OTHERS]
    for tab in tabs:
        tab.control("display-name").fill(tab.name)
    with all_at_once(others, lambda each: each.join()):
        for tab in tabs:
            # By the page itself: what Playwright waits for takes longer than a second.
            tab.control("join").dispatch_event("click")
    for tab in tabs:
        tab.expect_phase("joined")
    return tabs, others


def test_eight_join_within_a_second_and_seven_leave_within_another(crowd, negotiations):
    (ada, *tabs), others = crowd
    everybody = [ada, *tabs, *others]
    for one in everybody:
        for other in everybody:
            if one is not other:
                one.expect_connected(other, within=40)
    ada.expect_sees(tabs[-1], frames=3)
    # An offer or an answer of each to each of seven: so none collided, and of all 28
    # pairs none made two offers.
    assert negotiations(ada, *tabs) == [7] * 4
    with all_at_once(others, lambda each: each.leave()):
        for tab in tabs:
            tab.control("leave").dispatch_event("click")
    ada.expect_alone(within=AT_ONCE)
    for tab in tabs:
        tab.expect_phase("left")
    assert ada.page.evaluate(STANDING) == 0
