"""Who gets through which network, and by which way."""

import os
import time
from enum import Enum
from itertools import product

import pytest

from tests.network.caller import routes
from tests.network.site import Nat, Wall

#: How often each case is run; scripts and CI may ask for more.
RUNS = int(os.environ.get("TERTULIA_NETWORK_RUNS", "1"))

pytestmark = pytest.mark.parametrize("run", range(RUNS))

_PATIENCE = 30.0  # seconds: a relay over TLS is the last thing that ICE tries
_SETTLED = 10.0  # seconds: ICE may begin with one way and go over to a better one


class Network(Enum):
    """Where somebody calls from: the router's NAT, and its wall."""

    NONE = Nat.NONE, Wall.OPEN
    PRESERVING = Nat.PRESERVING, Wall.OPEN
    SYMMETRIC = Nat.SYMMETRIC, Wall.OPEN
    NO_UDP = Nat.PRESERVING, Wall.NO_UDP
    ONLY_443 = Nat.PRESERVING, Wall.ONLY_443


#: How an end talks to a relay of its own, the worse the later; not at all where the
#: way is direct, or the other end's relay is enough.
RELAYS = DIRECT, UDP, TCP, TLS = ("", "udp", "tcp", "tls")

#: The worse of the two ends, where nothing is walled off.
WAYS = {
    frozenset({Network.NONE}): {DIRECT},
    frozenset({Network.NONE, Network.PRESERVING}): {DIRECT},
    frozenset({Network.NONE, Network.SYMMETRIC}): {DIRECT},
    frozenset({Network.PRESERVING}): {DIRECT},
    frozenset({Network.PRESERVING, Network.SYMMETRIC}): {DIRECT, UDP},
    frozenset({Network.SYMMETRIC}): {UDP},
}
#: Whoever is behind such a wall has no way but this one, whoever is called.
ONLY = {Network.NO_UDP: TCP, Network.ONLY_443: TLS}

PAIRS = list(product(Network, repeat=2))
#: A call of each kind; the rest takes longer and finds the same, but for a bad day.
USUAL = [(each, each) for each in Network] + [
    (Network.SYMMETRIC, Network.PRESERVING),
    (Network.NONE, Network.ONLY_443),
]


def see_each_other(ada, bob, frames=5):
    ada.expect_sees(bob, frames=frames, within=_PATIENCE)
    bob.expect_sees(ada, frames=frames, within=_PATIENCE)


def fit(networks, ends):
    """Whether the pair that carries a call is one that their networks allow."""
    if len(ends) != 2 or not all(each.frames for each in ends):
        return False
    # Each end knows for sure only whether it sends by a relay of its own.
    own = [each.relay_protocol if each.relays else DIRECT for each in ends]
    if ONLY.keys() & {*networks}:
        pairs = zip(networks, own, strict=True)
        return all(relay == ONLY.get(network, relay) for network, relay in pairs)
    return max(own, key=RELAYS.index) in WAYS[frozenset(networks)]


def become(rig, *networks):
    for site, network in zip(rig.sites, networks, strict=False):
        site.become(*network.value)


@pytest.mark.parametrize(
    "networks",
    [
        pytest.param(
            pair,
            id="-".join(each.name.lower() for each in pair),
            marks=() if pair in USUAL else pytest.mark.long,
        )
        for pair in PAIRS
    ],
)
def test_tabs_reach_each_other(rig, meeting, networks, run):
    become(rig, *networks)
    room, here, there, *_ = meeting
    ada = here.tab(room, "ada")
    bob = there.tab(room, "bob")
    see_each_other(ada, bob)
    end = time.monotonic() + _SETTLED
    while not fit(networks, found := (*routes(ada), *routes(bob))):
        assert time.monotonic() < end, found


#: A call of each kind in which one end is headless: over UDP, the way that it knows.
OPEN = list(product((Network.NONE, Network.PRESERVING, Network.SYMMETRIC), repeat=2))


@pytest.mark.parametrize("newcomer", ["tab", "headless"])
@pytest.mark.parametrize(
    "networks",
    [
        pytest.param(
            pair,
            id="-".join(each.name.lower() for each in pair),
            marks=() if pair in USUAL[1:3] else pytest.mark.long,
        )
        for pair in OPEN
    ],
)
def test_tab_and_headless_keep_each_other_where_a_relay_is(
    rig, meeting, networks, newcomer, run
):
    # aioice takes the first pair that answers, and the browser may change to another
    # one soon after: what counts is that it goes on.
    become(rig, *networks)
    room, here, there, *_ = meeting
    if newcomer == "headless":
        ada = here.tab(room, "ada")
    bob = there.headless(room, "bob")
    if newcomer == "tab":
        ada = here.tab(room, "ada")
    for _ in range(3):
        see_each_other(ada, bob, frames=20)
    if {*networks} == {Network.SYMMETRIC}:
        [route] = routes(ada)
        assert route.relays


@pytest.mark.parametrize("nat", [Nat.NONE, Nat.PRESERVING])
def test_tab_and_headless_reach_each_other_directly(
    rig, meeting_without_relay, nat, run
):
    # aioice takes the first pair that answers, a relay's as well as a direct one; only
    # without a relay does it always go directly.
    for site in rig.sites:
        site.become(nat)
    room, here, there, *_ = meeting_without_relay
    ada = here.tab(room, "ada")
    bob = there.headless(room, "bob")
    see_each_other(ada, bob)
    [route] = routes(ada)
    assert route.frames > 0
    assert not route.relayed
