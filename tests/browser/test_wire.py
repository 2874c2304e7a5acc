"""What leaves a browser, as somebody takes it down who gets every frame.

Nothing leaves in plain, and nothing that its receiver can't open, whatever people do.
"""

import re

import pytest
from playwright.sync_api import expect

from client_py.core.slot import Slot
from client_py.core.state import Encryption
from client_py.headless.frames import FrameLink
from client_py.testing import expect_mesh_complete
from tests.links import Links, Witness

from .page import DEAF, KEEP_LINKS, KEEP_SHIELDS, KEEP_WORKERS, LATE

# On a machine without time frames come in parts, and such a frame can't be opened.
pytestmark = pytest.mark.alone

BLACK = 20  # of 255; black itself is 16 (ITU-R BT.601)
SILENT = 0.001
ENCRYPTION = {
    Encryption.ON: "End-to-end encrypted through the link",
    Encryption.FAILED: "Encryption failed: nothing is sent",
}
ENCODE = """
() => {
  const standing = links.find((each) => each.connectionState === "connected");
  const [, camera] = standing.getSenders();
  const parameters = camera.getParameters();
  parameters.encodings[0].active = %s;
  return camera.setParameters(parameters);
}
"""


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_whatever_people_do_every_frame_is_sealed(participant, headless, engine):
    witness = Links(FrameLink)
    eve = headless("eve", connections=witness.connections)
    ada = participant("ada", engine=engine)
    expect_mesh_complete(ada, eve)
    bob = participant("bob")  # for whom all keys are renewed
    expect_mesh_complete(ada, bob, eve, frames=5)
    bob.leave()
    ada.expect_gone(bob)
    eve.expect_sees(ada, frames=20)
    # What stops in a slot stays in the witness's buffer until more comes there; so the
    # keys of now are those that it was sealed under.
    ada.mute()
    eve.expect_hears_nothing_of(ada)
    ada.unmute()
    eve.expect_hears(ada)
    ada.camera_off()
    eve.expect_sees_nothing_of(ada)
    ada.camera_on()
    eve.expect_sees(ada, frames=5)
    ada.share()
    eve.expect_sees_screen(ada, frames=3)
    ada.stop_sharing()
    ada.open_panel("settings")
    ada.control("call-quality-select").select_option("sd")
    eve.expect_sees(ada, frames=5)
    ada.leave()
    ada.join()
    expect_mesh_complete(ada, eve, frames=5)
    assert witness.refused == {}
    assert witness.opened > 200


def brightest(pictures):
    luma = [each.to_ndarray(format="gray") for each in pictures]
    return max((int(each.max()) for each in luma), default=0)


def test_a_worker_that_dies_lets_nothing_through_and_says_so(participant, headless):
    witness = Links(Witness)
    eve = headless("eve", connections=witness.connections)
    ada = participant("ada", scripts=[KEEP_WORKERS, KEEP_SHIELDS])
    expect_mesh_complete(ada, eve)
    before = witness.opened
    ada.page.evaluate("() => { trail.length = 0; workers[0].terminate(); }")
    ada.page.wait_for_function("() => workers.length === 2", timeout=20_000)
    ada.expect_tile(eve, e2ee="on")
    expect_mesh_complete(ada, eve, frames=10)
    assert witness.refused == {}
    assert witness.opened > before
    trail = ada.page.evaluate("trail")  # it is drawn again without a change, too
    assert ENCRYPTION[Encryption.FAILED] in trail
    assert trail[-1] == ENCRYPTION[Encryption.ON]


def test_frames_that_are_sent_again_are_sealed_and_can_be_seen(participant, headless):
    """T18: an encoder that rests and begins anew goes through what it went through."""
    witness = Links(Witness)
    eve = headless("eve", connections=witness.connections)
    ada = participant("ada", scripts=[KEEP_LINKS])
    expect_mesh_complete(ada, eve)
    for active in ("false", "true"):
        ada.page.evaluate(ENCODE % active)
    eve.expect_sees(ada, frames=10)
    ada.camera_off()
    eve.expect_sees_nothing_of(ada)
    ada.camera_on()
    eve.expect_sees(ada, frames=10)
    assert witness.refused == {}


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_a_transform_that_is_late_costs_the_call_and_no_frame(
    participant, headless, engine
):
    """T18: Chromium heeds none, Firefox sends plainly what comes before it."""
    witness = Links(Witness)
    eve = headless("eve", connections=witness.connections)
    ada = participant("ada", engine=engine, scripts=[LATE])
    if engine == "chromium":
        ada.expect_tile(eve, e2ee="failed")
        expect(ada.page.get_by_text("doesn’t encrypt what it sends")).to_be_visible()
        assert witness.opened == 0
    else:
        expect_mesh_complete(ada, eve)
    for link in witness:
        assert brightest(link.pictures(Slot.CAMERA)) <= BLACK
        assert link.loudness(Slot.MICROPHONE) < SILENT


def test_a_worker_that_misses_its_transforms_costs_the_call_and_no_frame(
    participant, headless
):
    """T18: an event that comes before its handler is lost, and the frames wait."""
    witness = Links(Witness)
    eve = headless("eve", connections=witness.connections)
    ada = participant("ada", visit=False, join=False)

    def spoil(route):
        body = route.fetch().text()
        handler = "(self).onrtctransform = transform"
        assert handler in body
        route.fulfill(
            body=body.replace(handler, "(self).missed = transform"),
            content_type="text/javascript",
        )

    ada.page.route(re.compile(r"/assets/worker\.\w+\.js$"), spoil)
    ada.visit()
    ada.join()
    ada.expect_tile(eve, e2ee="failed")
    expect(ada.page.get_by_text("doesn’t encrypt what it sends")).to_be_visible()
    assert (witness.opened, witness.refused) == (0, {})


def test_a_browser_that_seals_nothing_sends_only_darkness_and_silence(
    participant, headless
):
    """So that what stands above can fail. Nothing of her leaves, and she is told."""
    witness = Links(Witness)
    eve = headless("eve", connections=witness.connections)
    ada = participant("ada", scripts=[DEAF])
    expect(ada.page.get_by_text("doesn’t encrypt what it sends")).to_be_visible()
    ada.expect_tile(eve, e2ee="failed")
    assert witness.refused["plain"]
    assert witness.opened == 0
    (link,) = witness
    pictures = link.pictures(Slot.CAMERA)
    assert len(pictures) >= 5
    assert brightest(pictures) <= BLACK
    assert len(link.kept[Slot.MICROPHONE]) >= 5
    assert link.loudness(Slot.MICROPHONE) < SILENT


def test_who_is_not_encrypted_shows_nothing_later_either(participant, headless):
    witness = Links(Witness)
    eve = headless("eve", connections=witness.connections)
    ada = participant("ada", scripts=[DEAF])
    ada.expect_tile(eve, e2ee="failed")
    ada.camera_off()
    ada.camera_on()
    ada.share()
    expect(ada.page.get_by_text("doesn’t encrypt what it sends")).to_be_visible()
    (link,) = witness
    for slot in (Slot.CAMERA, Slot.SCREEN):
        assert brightest(link.pictures(slot)) <= BLACK
