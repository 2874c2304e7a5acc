"""Six machines' worth of network, made for one test session."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from client_py.testing import Room, Server
from client_py.testing.plugin import known
from tests.network.caller import Caller
from tests.network.coturn import Relay
from tests.network.namespace import missing, remove_leftovers
from tests.network.site import PLAIN_SERVER, SERVER, Public, Site

_HERE = Path(__file__).parent
Meeting = tuple[Room, Caller, Caller, Caller, Caller]

_PORT = 443  # the one port that the strictest wall lets through
_THE_ONE = "test_machine_has_what_the_rig_needs"


@dataclass(frozen=True)
class Rig:
    """The public segment with its services, and four sites."""

    public: Public
    relay: Relay
    sites: tuple[Site, ...]


def pytest_collection_modifyitems(config, items):
    """Keep the machine quiet; where the rig can't be built, let one test say why."""
    ours = [each for each in items if _HERE in each.path.parents]
    for item in ours:
        item.add_marker(pytest.mark.alone)
        if not item.get_closest_marker("timeout"):
            item.add_marker(pytest.mark.timeout(120))
    if ours and missing():
        gone = [each for each in ours if each.originalname != _THE_ONE]
        items[:] = [each for each in items if each not in gone]
        config.hook.pytest_deselected(items=gone)


@pytest.fixture(scope="session")
def rig(tmp_path_factory) -> Iterator[Rig]:
    remove_leftovers()
    with ExitStack() as stack:
        public = Public()
        stack.callback(public.remove)
        sites = []
        for number in (1, 2, 3, 4):
            sites.append(Site(public, number))
            stack.callback(sites[-1].remove)
        relay = Relay(public.namespace, tmp_path_factory.mktemp("coturn"))
        stack.callback(relay.close)
        yield Rig(public, relay, tuple(sites))


@pytest.fixture(scope="module")
def public_server(rig, tmp_path_factory) -> Iterator[Server]:
    """A server that is reached at a public address and tells of the relay."""
    server = Server(
        tmp_path_factory.mktemp("public"),
        {
            "TERTULIA_HOST": SERVER,
            "TERTULIA_TURN_URLS": ",".join(rig.relay.urls),
            "TERTULIA_TURN_SECRET": rig.relay.secret,
        },
        port=_PORT,
    )
    rig.public.namespace.inside(server.start)
    yield server
    server.stop()


@pytest.fixture(scope="module")
def callers(
    rig, playwright, pytestconfig, tmp_path_factory
) -> Iterator[tuple[Caller, ...]]:
    """Somebody at each site; their browsers are launched when they are needed."""
    directory = tmp_path_factory.mktemp("callers")
    loop = asyncio.events._get_running_loop()
    made = tuple(
        Caller(site, playwright, directory, fingerprint=rig.relay.fingerprint)
        for site in rig.sites
    )
    with ExitStack() as watched:
        for caller in made:
            watched.enter_context(known(pytestconfig, caller.browsers))
        yield made
    asyncio.events._set_running_loop(loop)
    for caller in made:
        caller.close()


@pytest.fixture(scope="module")
def server_without_relay(rig, tmp_path_factory) -> Iterator[Server]:
    """A server that tells of STUN alone."""
    stun = [each for each in rig.relay.urls if each.startswith("stun:")]
    server = Server(
        tmp_path_factory.mktemp("plain"),
        {"TERTULIA_HOST": PLAIN_SERVER, "TERTULIA_TURN_URLS": ",".join(stun)},
        port=_PORT,
    )
    rig.public.namespace.inside(server.start)
    yield server
    server.stop()


@pytest.fixture
def meeting(rig, public_server, callers) -> Iterator[Meeting]:
    """A new room, and who will meet in it."""
    yield from _meeting(rig, public_server, callers)


@pytest.fixture
def meeting_without_relay(rig, server_without_relay, callers) -> Iterator[Meeting]:
    """The same where nobody is told of a relay."""
    yield from _meeting(rig, server_without_relay, callers)


def _meeting(rig, server, callers):
    yield (rig.public.namespace.inside(server.create_room), *callers)
    complaints = [line for caller in callers for line in caller.clear()]
    if complaints:
        pytest.fail("pages complained:\n" + "\n".join(complaints), pytrace=False)
