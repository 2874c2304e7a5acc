"""Who gets through which network, and by which way."""

import os

import pytest

from tests.network.caller import routes
from tests.network.site import Nat, Wall

#: How often each case is run; scripts and CI may ask for more.
RUNS = int(os.environ.get("TERTULIA_NETWORK_RUNS", "1"))

pytestmark = pytest.mark.parametrize("run", range(RUNS))

DIRECT = ""
_PATIENCE = 30.0  # seconds: a relay over TLS is the last thing that ICE tries


def see_each_other(ada, bob):
    ada.expect_sees(bob, frames=5, within=_PATIENCE)
    bob.expect_sees(ada, frames=5, within=_PATIENCE)


@pytest.mark.parametrize(
    ("kinds", "wall", "ways"),
    [
        pytest.param((Nat.NONE, Nat.NONE), Wall.OPEN, {DIRECT}, id="none"),
        pytest.param(
            (Nat.PRESERVING, Nat.PRESERVING), Wall.OPEN, {DIRECT}, id="preserving"
        ),
        pytest.param(
            (Nat.SYMMETRIC, Nat.PRESERVING),
            Wall.OPEN,
            {DIRECT, "udp"},
            id="one-symmetric",
        ),
        pytest.param(
            (Nat.SYMMETRIC, Nat.SYMMETRIC), Wall.OPEN, {"udp"}, id="both-symmetric"
        ),
        pytest.param(
            (Nat.PRESERVING, Nat.PRESERVING), Wall.NO_UDP, {"tcp"}, id="no-udp"
        ),
        pytest.param(
            (Nat.PRESERVING, Nat.PRESERVING), Wall.ONLY_443, {"tls"}, id="only-443"
        ),
    ],
)
def test_tabs_reach_each_other(rig, meeting, kinds, wall, ways, run):
    for site, nat in zip(rig.sites, kinds, strict=True):
        site.become(nat, wall)
    room, here, there = meeting
    ada = here.tab(room, "ada")
    bob = there.tab(room, "bob")
    see_each_other(ada, bob)
    [hers], [his] = routes(ada), routes(bob)
    assert min(hers.frames, his.frames) > 0
    # Each end knows for sure only whether it sends by a relay of its own.
    used = {each.relay_protocol for each in (hers, his) if each.local == "relay"}
    assert (used or {DIRECT}) <= ways


@pytest.mark.parametrize("nat", [Nat.NONE, Nat.PRESERVING])
def test_tab_and_headless_reach_each_other_directly(
    rig, meeting_without_relay, nat, run
):
    # aioice takes the first pair that answers, a relay's as well as a direct one; only
    # without a relay does it always go directly.
    for site in rig.sites:
        site.become(nat)
    room, here, there = meeting_without_relay
    ada = here.tab(room, "ada")
    bob = there.headless(room, "bob")
    see_each_other(ada, bob)
    [route] = routes(ada)
    assert route.frames > 0
    assert not route.relayed
