"""The relay is no way into anybody's network, and serves only those who may."""

import ssl
import time

import pytest
from aioice.stun import TransactionFailed

from server.ice import ice_servers
from tests.network.coturn import TLS_PORT
from tests.network.probe import STUN_PORT
from tests.network.site import RELAY, SERVER, Nat
from tests.services.allocation import allocated


def relayed(rig, peer=None, *, secret="", age=0.0, **how):
    """Ask for a relayed address from the first site, and to be let to a peer."""
    then = time.time() - age
    urls, secret = rig.relay.urls, secret or rig.relay.secret
    [_, turn] = ice_servers(urls, secret, "room", "somebody", then)
    relay = RELAY, TLS_PORT if how.get("trusted") else STUN_PORT
    site = rig.sites[0]
    site.become(Nat.PRESERVING)
    return site.host.inside(lambda: allocated(relay, turn, peer, **how))


def test_the_servers_credentials_are_the_relays(rig):
    host, port = relayed(rig)
    assert host == RELAY
    assert 49152 <= port <= 49999


@pytest.mark.parametrize("trust", [None, "authority"])
def test_relay_is_reached_over_tcp_and_tls(rig, trust):
    trusted = ssl.create_default_context(cafile=rig.relay.authority) if trust else None
    assert relayed(rig, kind="tcp", trusted=trusted)[0] == RELAY


def test_relay_of_an_unknown_authority_is_not_trusted(rig):
    with pytest.raises(ssl.SSLCertVerificationError):
        relayed(rig, kind="tcp", trusted=ssl.create_default_context())


def test_credentials_of_another_secret_are_refused(rig):
    with pytest.raises(TransactionFailed) as refused:
        relayed(rig, secret="another")
    assert refused.value.response.attributes["ERROR-CODE"][0] == 401


def test_credentials_that_ran_out_are_refused(rig):
    with pytest.raises(TransactionFailed) as refused:
        relayed(rig, age=7 * 3600.0)
    assert refused.value.response.attributes["ERROR-CODE"][0] == 401


def test_relay_sends_to_the_public_segment(rig):
    assert relayed(rig, SERVER)


@pytest.mark.parametrize(
    "peer",
    ["127.0.0.1", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254"]
    + ["100.64.0.1", "224.0.0.1", "0.0.0.0"],
)
def test_relay_sends_to_no_private_address(rig, peer):
    with pytest.raises(TransactionFailed) as refused:
        relayed(rig, peer)
    assert refused.value.response.attributes["ERROR-CODE"][0] == 403
