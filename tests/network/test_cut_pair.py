"""One pair's line is cut in the middle of a call, and the others' lines hold."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from tests.network.caller import routes
from tests.network.site import Nat, Site

NAMED = 5.0  # seconds in which everybody has to know
HEALED = 10.0  # seconds in which a relay has to carry them
SETTLED = 60  # frames of a line whose way is found, of 20 a second
_PATIENCE = 30.0


@contextmanager
def cut_between(one: Site, other: Site) -> Iterator[None]:
    """Let no datagram pass between two sites, whoever sends it."""
    drop = "insert rule ip rig pass ip {0} {1} meta l4proto udp drop\n"
    rules = "".join(drop.format(end, other.outside) for end in ("saddr", "daddr"))
    one.router.nft(rules)
    try:
        yield
    finally:
        one.become(Nat.PRESERVING)


def broken(person) -> set[frozenset[str]]:
    """Return the pairs without a line, as somebody sees them."""
    return {
        frozenset((pair["one"], pair["other"]))
        for pair in person.snapshot["pairs"]
        if pair["attempt"] != "nothing" or pair["state"] == "unreachable"
    }


def until_all_see(
    people,
    expected: set[frozenset[str]],
    within: float,
    *,
    unless_relayed: bool = False,
) -> float:
    """Wait until all see these pairs broken; return the seconds that it took.

    Chromium may take to a relay that it knows before anybody can miss the line: then
    nothing was broken, and nothing is to be seen.
    """
    began = time.monotonic()
    waiting = list(people)
    while waiting:
        waiting = [each for each in waiting if broken(each) != expected]
        if unless_relayed and waiting and any_relayed(people):
            break
        passed = time.monotonic() - began
        ways = [routes(person) for person in people] if passed >= within else []
        assert passed < within, f"{waiting} after {passed:.1f} s, by {ways}"
    return time.monotonic() - began


def until_direct(people) -> None:
    """Wait until all lines are direct, and stay so.

    Browsers may begin over a relay, and change to it and back within the first second
    or two; with a cut between routers a relayed line doesn't notice anything.
    """
    deadline = time.monotonic() + _PATIENCE
    while not all(
        not route.relayed and route.frames >= SETTLED
        for person in people
        for route in routes(person)
    ):
        assert time.monotonic() < deadline


def until_relayed(people) -> None:
    """Wait until some line is relayed.

    The end that doesn't hold the relay may know it as nothing but a peer.
    """
    deadline = time.monotonic() + _PATIENCE
    while not any_relayed(people):
        assert time.monotonic() < deadline


def any_relayed(people) -> bool:
    """Whether a relay carries one of the lines."""
    return any(route.relayed for person in people for route in routes(person))


def all_connected(people) -> None:
    for person in people:
        for other in people:
            if other is not person:
                person.expect_connected(other, within=_PATIENCE)


def behind_routers(rig, meeting):
    """Return Ada, Bob, Carol and Dan, who all see each other."""
    room, *callers = meeting
    for site in rig.sites:
        site.become(Nat.PRESERVING)
    names = ("ada", "bob", "carol", "dan")
    people = [
        caller.tab(room, name) for caller, name in zip(callers, names, strict=True)
    ]
    all_connected(people)
    until_all_see(people, set(), _PATIENCE)
    until_direct(people)
    return people


def test_everybody_names_the_pair_and_a_relay_carries_it(rig, meeting, record_property):
    ada, bob, carol, dan = people = behind_routers(rig, meeting)
    pair = {frozenset((ada.id, bob.id))}
    with cut_between(rig.sites[0], rig.sites[1]):
        named = until_all_see(people, pair, NAMED, unless_relayed=True)
        healed = named + until_all_see(people, set(), HEALED)
        record_property("named", round(named, 1))
        record_property("healed", round(healed, 1))
        assert healed < HEALED
        until_relayed((ada, bob))
        ada.expect_sees(bob, frames=5)
        bob.expect_sees(ada, frames=5)
        for other in (carol, dan):
            other.expect_sees(ada, frames=5)
            other.expect_sees(bob, frames=5)


def test_without_a_relay_the_pair_is_named_until_its_line_is_back(
    rig, meeting_without_relay, record_property
):
    ada, bob, carol, dan = people = behind_routers(rig, meeting_without_relay)
    pair = {frozenset((ada.id, bob.id))}
    with cut_between(rig.sites[0], rig.sites[1]):
        record_property("named", round(until_all_see(people, pair, NAMED), 1))
        ada.expect_tile(bob, cause="no-relay", within=_PATIENCE)
        for other in (carol, dan):
            other.expect_sees(ada, frames=5)
            other.expect_sees(bob, frames=5)
            assert broken(other) == pair
    until_all_see(people, set(), _PATIENCE)
    ada.expect_sees(bob, frames=5, within=_PATIENCE)
