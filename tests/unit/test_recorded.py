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


def test_a_narrow_line_is_yielded_to_at_once_and_made_up_for() -> None:
    heights = replay("chromium-capped.json")
    before, capped, after = heights[:10], heights[10:45], heights[45:]
    assert before == [360] * 10
    assert capped[2] < 360
    assert set(capped[5:]) == {180, 270}
    assert after[10:] == [360] * 15


def test_a_machine_that_others_use_costs_a_step_and_no_more() -> None:
    heights = replay("chromium-busy.json")
    assert set(heights) == {360, 270}
    assert heights[-10:] == [360] * 10
