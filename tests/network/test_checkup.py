"""The connection test behind walls: what it finds there is what a call would find."""

import pytest

from tests.checkup import outcomes, verdict
from tests.network.site import Nat, Wall

WITHIN = 60_000  # milliseconds: each way that is blocked is waited for

pytestmark = pytest.mark.long

PASSES = dict.fromkeys(("browser", "server", "socket", "call"), "passed")


@pytest.mark.parametrize(
    ("wall", "ways"),
    [
        pytest.param(Wall.OPEN, {"stun", "udp", "tcp", "tls"}, id="open"),
        pytest.param(Wall.NO_UDP, {"tcp", "tls"}, id="no-udp"),
        pytest.param(Wall.ONLY_443, {"tls"}, id="only-443"),
    ],
)
def test_it_names_the_ways_that_a_wall_leaves(rig, meeting, wall, ways):
    room, here, *_ = meeting
    rig.sites[0].become(Nat.PRESERVING, wall)
    ada = here.tab(room, "ada", join=False, visit=False)
    ada.visit(ada.room.link.partition("/r/")[0] + "/check")
    assert verdict(ada, WITHIN) == ("ready" if "udp" in ways else "only-relay")
    found = outcomes(ada)
    assert {each: found[each] for each in PASSES} == PASSES
    of_stun = {"stun": found["stun"]}
    of_relays = {each: found[f"relay-{each}"] for each in ("udp", "tcp", "tls")}
    assert of_stun | of_relays == {
        each: "passed" if each in ways else "failed"
        for each in ("stun", "udp", "tcp", "tls")
    }
