"""Why a link has no way: the table."""

import pytest

from client_py.core.state import Cause
from client_py.core.verdict import Gathered, cause, has_relay
from protocol.messages import IceServer

STUN = IceServer(("stun:stun.example",))
TURN = IceServer(
    ("turn:turn.example?transport=udp", "turns:turn.example:443?transport=tcp"),
    "name",
    "word",
)
BOTH = (STUN, TURN)
ASKED = Gathered()
DONE = Gathered(finished=True)
UDP, TCP = "turn:turn.example?transport=udp", "turns:turn.example:443?transport=tcp"


@pytest.mark.parametrize(
    ("servers", "gathered", "verdict"),
    [
        ((), DONE, Cause.NO_RELAY),
        ((STUN,), DONE, Cause.NO_RELAY),
        (BOTH, ASKED, Cause.NONE),  # still asking
        (BOTH, DONE, Cause.RELAY_AWAY),
        (BOTH, DONE.with_refusal(UDP, 701), Cause.RELAY_AWAY),
        (BOTH, DONE.with_refusal(UDP, 401), Cause.RELAY_REFUSED),
        (BOTH, ASKED.with_refusal(UDP, 401), Cause.RELAY_REFUSED),
        (BOTH, DONE.with_refusal(TCP, 486), Cause.RELAY_REFUSED),
        (BOTH, DONE.with_refusal("stun:stun.example", 400), Cause.RELAY_AWAY),
        (BOTH, DONE.with_relay("udp"), Cause.NONE),  # so it is the other side
        (BOTH, DONE.with_relay("unknown"), Cause.NONE),
        (BOTH, DONE.with_relay("tls"), Cause.UDP_BLOCKED),
        (BOTH, DONE.with_relay("tcp").with_refusal(UDP, 701), Cause.UDP_BLOCKED),
        (BOTH, DONE.with_relay("tcp").with_relay("udp"), Cause.NONE),
        (BOTH, DONE.with_relay("udp").with_refusal(TCP, 401), Cause.NONE),
    ],
)
def test_what_was_gathered_says_what_is_missing(
    servers: tuple[IceServer, ...], gathered: Gathered, verdict: Cause
) -> None:
    assert cause(servers, gathered) is verdict


@pytest.mark.parametrize(
    ("servers", "relayed"), [((), False), ((STUN,), False), (BOTH, True)]
)
def test_only_turn_is_a_relay(servers: tuple[IceServer, ...], relayed: bool) -> None:
    assert has_relay(servers) is relayed
