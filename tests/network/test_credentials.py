"""Credentials for the relay that end in the middle of a call."""

import re
import time

import pytest

from client_py.testing import Server
from tests.network.caller import routes
from tests.network.reception import drawn, expect_newer
from tests.network.site import BRIEF_SERVER, Nat

LIFE = 30  # seconds, the shortest that a server gives
KEPT = 80  # seconds that the relay promises at first: browsers ask again after half
_PATIENCE = 30.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


def ends(log):
    """Return when the credentials of every allocation in a log end, in Unix time."""
    return [
        int(line.group(1))
        for line in re.finditer(r"user <(\d+):[^>]*>.*ALLOCATE processed, success", log)
    ]


def prolonged(log):
    """Return when the credentials of those allocations end that got more time."""
    return [
        int(line.group(1))
        for line in re.finditer(r"refreshed, .*<(\d+):[^>]*>, lifetime=[1-9]", log)
    ]


@pytest.fixture
def forgetful(rig):
    """The relay, of which one has to ask for more time soon."""
    rig.relay.close()
    rig.relay.start(f"max-allocate-lifetime={KEPT}")
    yield rig.relay
    rig.relay.close()
    rig.relay.start()


@pytest.fixture
def short_lived(rig, tmp_path):
    """A server whose credentials last for no longer than they must."""
    server = Server(
        tmp_path,
        {
            "TERTULIA_HOST": BRIEF_SERVER,
            "TERTULIA_TURN_URLS": ",".join(rig.relay.urls),
            "TERTULIA_TURN_SECRET": rig.relay.secret,
            "TERTULIA_TURN_LIFE": str(LIFE),
        },
        port=443,
    )
    rig.public.namespace.inside(server.start)
    yield server
    server.stop()


def test_relayed_call_outlives_its_first_credentials(
    rig, forgetful, short_lived, callers, record_property
):
    for site in rig.sites:
        site.become(Nat.SYMMETRIC)
    room = rig.public.namespace.inside(short_lived.create_room)
    joined = time.time()
    ada, bob = callers[0].tab(room, "ada"), callers[1].tab(room, "bob")
    ada.expect_sees(bob, frames=10, within=_PATIENCE)
    assert any(each.relayed for end in (ada, bob) for each in routes(end))
    first = ends(forgetful.log)
    assert first
    while time.time() < max(first):
        ada.expect_sees(bob, frames=10)
        bob.expect_sees(ada, frames=10)
    # More time is asked for by the same name, though it would open nothing new.
    ended = len(forgetful.log)
    while not {*first} & {*prolonged(forgetful.log[ended:])}:
        assert time.time() < joined + KEPT, "nobody asked for more time"
        ada.expect_sees(bob, frames=10)
        bob.expect_sees(ada, frames=10)
    record_property("asked", round(time.time() - max(first), 1))
    ada.expect_sees(bob, frames=10)
    bob.expect_sees(ada, frames=10)
    record_property("outlived", round(time.time() - joined, 1))
    # A relay that lost its allocations asks for new ones, with credentials of today.
    before = len(forgetful.log)
    forgetful.close()
    forgetful.start()
    restarted = time.time()
    for one, other, number in [(ada, bob, drawn(bob)), (bob, ada, drawn(ada))]:
        expect_newer(one, other, number, within=60)
        one.expect_sees(other, frames=10, within=_PATIENCE)
    record_property("back", round(time.time() - restarted, 1))
    second = ends(forgetful.log[before:])
    assert second
    assert min(second) > restarted
    for caller in callers:
        assert caller.clear() == []
