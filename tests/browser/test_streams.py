"""Browsers without transforms of frames, where older streams do the same.

A real Chromium, from which the transforms are taken before anything of the page runs.
"""

import pytest
from playwright.sync_api import expect

from client_py.core.slot import Slot
from client_py.testing import expect_mesh_complete
from tests.links import Links, Witness

from .page import NO_FRAMES, NO_TRANSFORMS

#: What leads a sender's frames was never asked for: the worker gets other streams.
_UNLED = """
RTCRtpSender.prototype.createEncodedStreams = () => {
  const { readable, writable } = new TransformStream();
  return { readable, writable };
};
"""


@pytest.mark.alone  # frames that come in parts, for want of time, can't be opened
@pytest.mark.parametrize("others", [[NO_TRANSFORMS], []], ids=["the same", "ordinary"])
def test_an_older_browser_calls_sealed(participant, headless, others):
    witness = Links(Witness)
    eve = headless("eve", connections=witness.connections)
    ada = participant("ada", scripts=[NO_TRANSFORMS])
    bob = participant("bob", scripts=others)
    expect_mesh_complete(ada, bob, eve, frames=10)
    for one, other in ((ada, bob), (bob, ada)):
        one.expect_tile(other, e2ee="on")
    ada.camera_off()
    eve.expect_sees_nothing_of(ada)
    ada.camera_on()
    ada.share()
    bob.expect_sees_screen(ada, frames=3)
    eve.expect_sees_screen(ada, frames=3)
    eve.expect_sees(ada, frames=5)
    assert witness.refused == {}
    assert witness.opened > 100


def test_what_no_stream_leads_stays_where_it_is(participant, headless):
    """Such a sender holds its frames back; it doesn't send them plain.

    The page can't tell, and ends a link whose frames were encoded and came by nowhere.
    """
    witness = Links(Witness)
    eve = headless("eve", connections=witness.connections)
    ada = participant("ada", scripts=[NO_TRANSFORMS, _UNLED])
    ada.expect_tile(eve, e2ee="failed")  # so it stood, and frames would have left
    expect(ada.page.get_by_text("doesn’t encrypt what it sends")).to_be_visible()
    for link in witness:
        assert link.kept == {slot: [] for slot in Slot}
    assert witness.opened == 0


def test_a_browser_that_can_lead_no_frames_says_so(participant):
    ada = participant("ada", scripts=[NO_FRAMES], join=False)
    ada.control("display-name").fill("ada")
    ada.control("join").click()
    ada.expect_phase("failed")
    expect(ada.control("failed-e2ee-unsupported")).to_be_visible()
