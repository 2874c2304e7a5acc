"""What the policy makes of statistics that browsers gave (``recordings/record.py``)."""

import json
from pathlib import Path

import pytest

from client_py.core.outgoing import Outgoing
from client_py.core.uplink import Sending, Uplink
from protocol.messages import ParticipantId

BOB = ParticipantId("bob")
RECORDINGS = Path(__file__).parent / "recordings"


def replay(name: str) -> list[int]:
    """Return how high the camera is sent after each look of a recorded call."""
    uplink = Uplink()
    uplink.follow([BOB], Sending(camera=360))
    heights = []
    for row in json.loads((RECORDINGS / name).read_text()):
        uplink.look({BOB: Outgoing(**row)})
        camera = uplink.shapes[BOB].camera
        heights.append(camera.height if camera.active else 0)
    return heights


@pytest.mark.parametrize("name", ["chromium-free.json", "firefox-free.json"])
def test_a_call_that_nothing_bounds_is_left_alone(name: str) -> None:
    assert replay(name) == [360] * 30
