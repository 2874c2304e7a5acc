"""What befalls the network in the middle of a call, and what people get of it."""

import math
import time

import pytest

from tests.browser.page import UNREACHABLE
from tests.network.caller import routes
from tests.network.reception import (
    counts,
    drawn,
    expect_newer,
    longest_gap,
    receive,
    watch,
)
from tests.network.site import Line, Nat

SWITCHES = 20
SOON = 4.0  # seconds, for 19 of 20
_PATIENCE = 30.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


def in_a_call(rig, meeting):
    """Return Ada at the one site and Bob at the other, who sees her."""
    room, here, there, *_ = meeting
    for site in rig.sites:
        site.become(Nat.PRESERVING)
    bob, ada = there.tab(room, "bob"), here.tab(room, "ada")
    ada.expect_connected(bob, within=_PATIENCE)
    bob.expect_connected(ada, within=_PATIENCE)
    bob.expect_sees(ada, frames=10, within=_PATIENCE)
    return ada, bob


def test_another_network_is_taken_within_four_seconds(rig, meeting, record_property):
    ada, bob = in_a_call(rig, meeting)
    ada.allow(UNREACHABLE)  # a request that is under way goes with the interface
    watch(ada, bob)
    took = []
    for _ in range(SWITCHES):
        longest_gap(ada, bob)
        rig.sites[0].move()
        ways = [(ada, bob, drawn(bob)), (bob, ada, drawn(ada))]
        for person, other, before in ways:
            expect_newer(person, other, before, within=15)
        took.append(longest_gap(ada, bob))
        ada.expect_phase("joined")
        ada.expect_connected(bob)
        bob.expect_connected(ada)
    took.sort()
    record_property("gaps", " ".join(f"{each:.1f}" for each in took))
    assert took[math.ceil(0.95 * SWITCHES) - 1] <= SOON  # the 95th percentile


def test_a_tenth_that_is_lost_is_hardly_heard_or_seen(rig, meeting, record_property):
    ada, bob = in_a_call(rig, meeting)
    clean = receive(bob, 8)
    rig.sites[0].become(Nat.PRESERVING, line=Line(loss=0.1))
    receive(bob, 5)  # the sender has to hear of it
    lossy = receive(bob, 15)
    record_property("clean", clean.words)
    record_property("lossy", lossy.words)
    assert rig.sites[0].dropped() > 100
    assert lossy.concealed <= 0.03
    assert lossy.rate >= 0.7 * clean.rate


def test_relay_that_dies_is_named_and_taken_again(rig, meeting, record_property):
    room, here, there, *_ = meeting
    for site in rig.sites:
        site.become(Nat.SYMMETRIC)
    ada, bob = here.tab(room, "ada"), there.tab(room, "bob")
    ada.expect_sees(bob, frames=10, within=_PATIENCE)
    assert any(each.relayed for end in (ada, bob) for each in routes(end))
    rig.relay.close()
    died = time.monotonic()
    try:
        ada.expect_tile(bob, trying="wait", within=6)
        ada.expect_tile(bob, cause="relay-away", within=40)
        record_property("named", round(time.monotonic() - died, 1))
    finally:
        rig.relay.start()
    started = time.monotonic()
    ada.expect_sees(bob, frames=10, within=60)
    record_property("back", round(time.monotonic() - started, 1))
    assert counts(bob).frames
