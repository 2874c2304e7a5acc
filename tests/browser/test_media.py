"""Mute, camera, quality and devices, as the others notice them."""

import pytest
from playwright.sync_api import expect


@pytest.fixture
def pair(participants, negotiations):
    ada, bob = participants("ada", "bob", scripts=[negotiations.script])
    ada.expect_sees(bob, frames=3)
    bob.expect_sees(ada, frames=3)
    return ada, bob


#: Notes every width that the others' pictures have.
NOTE_WIDTHS = """
window.widths = [];
addEventListener("resize", event => {
  const video = event.target;
  if (video.videoWidth && video.closest?.("[data-self=no]"))
    widths.push(video.videoWidth);
}, true);
"""


def own_track(person, kind="Video"):
    video = person.tile(person).locator("video")
    return video.evaluate_handle(f"video => video.srcObject.get{kind}Tracks()[0]")


def test_a_picture_begins_small_and_grows(participants):
    """The newcomer's, and that of the one who was there."""
    for person in participants("ada", "bob", scripts=[NOTE_WIDTHS]):
        person.page.wait_for_function("() => widths.at(-1) === 320")
        assert person.page.evaluate("() => widths[0]") < 320


def test_mute_and_unmute_are_noticed_and_renegotiate_nothing(pair, negotiations):
    ada, bob = pair
    before = negotiations(*pair)
    bob.expect_hears(ada)
    ada.mute()
    bob.expect_tile(ada, audio="muted")
    bob.expect_hears_nothing_of(ada)
    ada.unmute()
    bob.expect_tile(ada, audio="on")
    bob.expect_hears(ada)
    bob.expect_sees(ada, frames=5)
    assert negotiations(*pair) == before


def test_a_camera_that_is_off_is_closed_and_comes_back(pair, negotiations):
    ada, bob = pair
    before = negotiations(*pair)
    track = own_track(ada)
    ada.camera_off()
    bob.expect_sees_nothing_of(ada)
    bob.expect_hears(ada)
    assert track.evaluate("track => track.readyState") == "ended"
    expect(ada.tile(ada)).to_have_attribute("data-video", "off")
    ada.camera_on()
    bob.expect_sees(ada)
    assert own_track(ada).evaluate("track => track.readyState") == "live"
    assert negotiations(*pair) == before


def test_another_quality_changes_the_picture_and_renegotiates_nothing(
    participants, negotiations
):
    # No more is sent than the other end shows: a window for all of 1280×720.
    ada, bob = pair = participants(
        "ada", "bob", viewport={"width": 1920, "height": 1080}
    )
    before = negotiations(*pair)
    video = bob.tile(ada).locator("video")
    for quality, width in (("hd", 1280), ("sd", 640), ("low", 320)):
        ada.open_panel("settings")
        ada.control("call-quality-select").select_option(quality)
        expect(video).to_have_js_property("videoWidth", width, timeout=20_000)
        bob.expect_sees(ada, frames=3)
    assert negotiations(*pair) == before


def test_a_device_is_chosen_among_several(participant):
    ada = participant("ada", media="devices")
    track = own_track(ada)
    ada.open_panel("settings")
    cameras = ada.control("call-camera-select").locator("option")
    expect(cameras).not_to_have_count(1)
    chosen, label = cameras.nth(1).get_attribute("value"), cameras.nth(1).inner_text()
    ada.control("call-camera-select").select_option(chosen)
    ada.page.wait_for_function("track => track.readyState === 'ended'", arg=track)
    settings = own_track(ada).evaluate("track => track.getSettings().deviceId")
    assert settings == chosen
    assert ada.snapshot["camera"] == {
        "state": "live",
        "problem": "",
        "device": chosen,
        "preferred": {"id": chosen, "label": label},
    }


def test_somebody_headless_notices_mute_and_camera(participant, headless):
    ada, bob = participant("ada"), headless("bob")
    bob.expect_sees(ada, frames=5)
    ada.mute()
    bob.expect_hears_nothing_of(ada)
    ada.camera_off()
    bob.expect_sees_nothing_of(ada)
    ada.camera_on()
    bob.expect_sees(ada, frames=5)
    bob.camera_off()
    ada.expect_sees_nothing_of(bob)
    bob.mute()
    ada.expect_hears_nothing_of(bob)
    bob.camera_on()
    ada.expect_sees(bob, frames=5)
