"""Credentials for the relay that end in the middle of a call."""

import re
import time

import pytest

from client_py.testing import Server
from tests.network.caller import routes
from tests.network.site import BRIEF_SERVER, Nat

LIFE = 30  # seconds, the shortest that a server gives
_PATIENCE = 30.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(240)]


def ends(log):
    """Return when the credentials of every allocation in a log end, in Unix time."""
    return [
        int(line.group(1))
        for line in re.finditer(r"user <(\d+):[^>]*>.*ALLOCATE processed, success", log)
    ]


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
    rig, short_lived, callers, record_property
):
    for site in rig.sites:
        site.become(Nat.SYMMETRIC)
    room = rig.public.namespace.inside(short_lived.create_room)
    joined = time.time()
    ada, bob = (
        caller.tab(room, name)
        for caller, name in zip(callers, ("ada", "bob"), strict=True)
    )
    ada.expect_sees(bob, frames=10, within=_PATIENCE)
    assert any(each.relayed for end in (ada, bob) for each in routes(end))
    first = ends(rig.relay.log)
    assert first
    while time.time() < max(first) + 2:
        ada.expect_sees(bob, frames=10)
        bob.expect_sees(ada, frames=10)
    outlived = time.time() - joined
    # A relay that lost its allocations asks for new ones, with credentials of today.
    before = len(rig.relay.log)
    rig.relay.close()
    rig.relay.start()
    restarted = time.time()
    for one, other in ((ada, bob), (bob, ada)):
        one.page.wait_for_timeout(500)  # what still comes is of before
        one.expect_sees(other, frames=10, within=60)
    record_property("outlived", round(outlived, 1))
    record_property("back", round(time.time() - restarted, 1))
    second = ends(rig.relay.log[before:])
    assert second
    assert min(second) > restarted
    for caller in callers:
        assert caller.clear() == []
