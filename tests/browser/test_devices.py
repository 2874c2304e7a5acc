"""Devices that come, go, are taken and give nothing, at a desk of the page's own."""

import json
from pathlib import Path

import pytest
from playwright.sync_api import expect

DESK = Path(__file__).with_name("desk.js").read_text()
BUILT_IN = [
    ("built-in-mic", "audioinput", "Built-in microphone"),
    ("built-in-cam", "videoinput", "Built-in camera"),
    ("built-in-out", "audiooutput", "Built-in speakers"),
]
CAMERA = ("usb-cam", "videoinput", "USB camera")
MICROPHONE = ("headset-mic", "audioinput", "Headset microphone")
SPEAKER = ("headset-out", "audiooutput", "Headset")

#: Keeps every context for sound in ``window.contexts``.
KEEP_CONTEXTS = """
window.contexts = [];
window.AudioContext = class extends AudioContext {
  constructor(...given) { super(...given); window.contexts.push(this); }
};
"""
#: The way to choose an output device that Firefox has.
PICKER = """
navigator.mediaDevices.selectAudioOutput = async () => {
  await new Promise((looked) => setTimeout(looked));
  if (!window.picks) throw new DOMException("by the test", "NotAllowedError");
  window.desk.devices.push(window.picks);
  return window.picks;
};
"""


def lay(person, *devices):
    """Let exactly these be plugged in."""
    person.page.evaluate("(devices) => desk.lay(...devices)", devices)


def laid(*devices):
    return f"{DESK}\nwindow.desk.lay(...{json.dumps(devices)});"


def toast(person, text):
    return person.control("toast").filter(has_text=text)


def expect_open(person, slot, device):
    """The source of a slot is live, and of this device: ``""`` for the default."""
    person.page.wait_for_function(
        """([slot, device]) => {
          const source = window.tertulia?.snapshot()?.[slot];
          return source?.state === "live" && source.device === device;
        }""",
        arg=[slot, device],
    )


def expect_picture_of(person, device):
    """My own picture comes from this device."""
    video = person.tile(person).locator("video")
    person.page.wait_for_function(
        """([video, device]) => {
          const [track] = video.srcObject?.getVideoTracks() ?? [];
          return track?.readyState === "live"
            && track.getSettings().deviceId === device;
        }""",
        arg=[video.element_handle(), device],
    )


@pytest.fixture
def at_desk(participant):
    """Return somebody in the call, with these devices and what a script does."""

    def sit(*devices, scripts=(), **how):
        return participant(
            "ada", media="devices", scripts=[laid(*devices), *scripts], **how
        )

    return sit


def test_a_camera_is_replaced_and_used_again_under_another_id(at_desk):
    ada = at_desk(*BUILT_IN, CAMERA)
    ada.open_panel("settings")
    select = ada.control("call-camera-select")
    select.select_option(CAMERA[0])
    expect_picture_of(ada, CAMERA[0])
    lay(ada, *BUILT_IN)
    expect(toast(ada, "camera went away")).to_be_visible()
    expect_open(ada, "camera", "")
    expect_picture_of(ada, BUILT_IN[1][0])
    expect(select).to_have_value("")
    kept = "() => JSON.parse(localStorage['tertulia.preferences']).camera"
    chosen = {"on": True, "device": CAMERA[0], "label": CAMERA[2]}
    assert ada.page.evaluate(kept) == chosen
    lay(ada, *BUILT_IN, ("usb-cam-again", *CAMERA[1:]))
    expect(toast(ada, "is back, and used again: USB camera")).to_be_visible()
    expect_picture_of(ada, "usb-cam-again")
    expect(select).to_have_value("usb-cam-again")


def test_a_camera_that_another_program_holds_gives_way(at_desk):
    ada = at_desk(*BUILT_IN, CAMERA)
    ada.camera_off()
    ada.page.evaluate("(id) => desk.busy.push(id)", BUILT_IN[1][0])
    ada.camera_on()
    expect(toast(ada, "Another program holds the camera")).to_be_visible()
    expect_picture_of(ada, CAMERA[0])


def test_a_camera_that_is_taken_meanwhile_is_told_until_it_is_given_back(at_desk):
    ada = at_desk(*BUILT_IN)
    ada.open_panel("settings")
    notice = ada.control("call-media-notice").get_by_test_id("notice")
    ada.page.evaluate("(id) => desk.take(id)", BUILT_IN[1][0])
    expect(toast(ada, "Nothing comes from your camera")).to_be_visible()
    expect(notice).to_have_attribute("data-kind", "in-use")
    ada.page.evaluate("(id) => desk.take(id, 'unmute')", BUILT_IN[1][0])
    expect(notice).to_have_count(0)


def test_a_remembered_device_that_is_not_there_leaves_no_blank_field(at_desk):
    preferences = {"microphone": {"on": True, "device": "gone", "label": "Gone"}}
    kept = json.dumps(json.dumps(preferences))
    remember = f"try {{ localStorage['tertulia.preferences'] = {kept}; }} catch {{}}"
    ada = at_desk(*BUILT_IN, scripts=[remember], join=False)
    expect_open(ada, "microphone", "")
    expect(ada.control("microphone-select")).to_have_value("")
    (notice,) = ada.snapshot["notices"]
    assert (notice["kind"], notice["subject"]) == ("device-replaced", "microphone")
    assert ada.snapshot["microphone"]["preferred"] == {"id": "gone", "label": "Gone"}


def test_a_microphone_that_becomes_the_default_is_used(at_desk):
    ada = at_desk(*BUILT_IN)
    expect_open(ada, "microphone", "")
    lay(ada, MICROPHONE, *BUILT_IN)
    expect(toast(ada, "another default microphone now")).to_be_visible()
    expect_open(ada, "microphone", "")


def test_a_muted_microphone_that_is_pulled_out_says_what_comes_of_it(at_desk):
    ada = at_desk(MICROPHONE, *BUILT_IN)
    ada.mute()
    lay(ada, *BUILT_IN)
    expect(toast(ada, "Turned on again, you get another one")).to_be_visible()
    ada.unmute()
    expect_open(ada, "microphone", "")


def test_who_still_is_in_the_lobby_is_told_of_a_device_that_took_over(at_desk):
    ada = at_desk(*BUILT_IN, MICROPHONE, join=False)
    ada.control("microphone-select").select_option(MICROPHONE[0])
    expect_open(ada, "microphone", MICROPHONE[0])
    lay(ada, *BUILT_IN)
    expect_open(ada, "microphone", "")
    expect(toast(ada, "microphone")).to_be_visible()
    expect(ada.control("dock")).not_to_be_visible()


def test_a_device_that_is_plugged_in_at_last_is_used(at_desk):
    ada = at_desk(*BUILT_IN[::2])
    ada.open_panel("settings")
    notice = ada.control("call-media-notice").get_by_test_id("notice")
    expect(notice).to_have_attribute("data-kind", "not-found")
    lay(ada, *BUILT_IN)
    expect_picture_of(ada, BUILT_IN[1][0])
    expect(notice).to_have_count(0)


def test_a_speaker_is_chosen_goes_away_and_is_used_again(at_desk, participant):
    ada, bob = at_desk(*BUILT_IN, SPEAKER), participant("bob")
    ada.expect_connected(bob)
    ada.open_panel("settings")
    voice, select = ada.voice(bob), ada.control("call-speaker-select")
    select.select_option(SPEAKER[0])
    expect(voice).to_have_js_property("sinkId", SPEAKER[0])
    lay(ada, *BUILT_IN)
    expect(toast(ada, "The speaker you chose isn’t there")).to_be_visible()
    expect(voice).to_have_js_property("sinkId", "")
    expect(select).to_have_value("")
    lay(ada, *BUILT_IN, SPEAKER)
    expect(toast(ada, "is back, and used again: Headset")).to_be_visible()
    expect(voice).to_have_js_property("sinkId", SPEAKER[0])
    expect(select).to_have_value(SPEAKER[0])


def test_a_speaker_is_picked_where_the_browser_asks_for_it(at_desk, participant):
    ada = at_desk(*BUILT_IN[:2], scripts=[PICKER])
    bob = participant("bob")
    ada.expect_connected(bob)
    ada.open_panel("settings")
    pick = ada.control("call-pick-speaker")
    pick.click()  # and choose nothing
    id, kind, label = SPEAKER
    device = {"deviceId": id, "kind": kind, "label": label, "groupId": id}
    ada.page.evaluate("(device) => { window.picks = device; }", device)
    pick.click()
    expect(ada.voice(bob)).to_have_js_property("sinkId", SPEAKER[0])
    expect(ada.control("call-speaker-select")).to_have_value(SPEAKER[0])


def test_firefox_has_a_way_to_pick_a_speaker(participant):
    ada = participant("ada", engine="firefox", join=False)
    expect(ada.control("pick-speaker")).to_be_visible()


def test_nobody_is_offered_a_way_that_their_browser_has_not(at_desk):
    ada = at_desk(*BUILT_IN, join=False)
    expect(ada.control("speaker-select")).to_be_visible()
    expect(ada.control("pick-speaker")).to_be_hidden()


def test_a_test_of_the_speaker_leaves_nothing_behind(at_desk):
    ada = at_desk(*BUILT_IN, SPEAKER, scripts=[KEEP_CONTEXTS])
    ada.open_panel("settings")
    ada.control("call-speaker-select").select_option(SPEAKER[0])
    ada.page.evaluate("() => { contexts.length = 0; }")
    ada.control("call-test-speaker").click()
    ada.page.wait_for_function("() => contexts[0]?.state === 'closed'")
    assert ada.page.evaluate("() => [contexts.length, contexts[0].sinkId]") == [
        1,
        SPEAKER[0],
    ]


def test_a_test_that_the_speaker_refuses_says_so(at_desk):
    ada = at_desk(*BUILT_IN, SPEAKER, scripts=[KEEP_CONTEXTS])
    ada.open_panel("settings")
    ada.control("call-speaker-select").select_option(SPEAKER[0])
    ada.page.evaluate("() => { desk.devices.pop(); }")  # and nobody is told
    ada.page.evaluate("() => { contexts.length = 0; }")
    ada.control("call-test-speaker").click()
    expect(toast(ada, "The speaker you chose can’t be used")).to_be_visible()
    assert ada.page.evaluate("() => contexts[0].state") == "closed"
    expect(ada.control("call-speaker-select")).to_have_value("")


def test_a_microphone_that_gives_nothing_is_noticed_until_it_does(at_desk):
    ada = at_desk(*BUILT_IN, scripts=["desk.loudness = 0;"])
    ada.open_panel("settings")
    ada.expect_tile(ada, audio="silent")
    expect(toast(ada, "No sound comes from your microphone")).to_be_visible()
    notice = ada.control("call-media-notice").get_by_test_id("notice")
    expect(notice).to_have_attribute("data-kind", "silent")
    expect(notice.get_by_text("is silent")).to_be_visible()
    ada.page.evaluate("() => desk.loud(0.2)")
    ada.expect_tile(ada, audio="on")
    expect(notice).to_have_count(0)


def test_who_talks_while_muted_is_told_once(at_desk, headless):
    ada, bob = at_desk(*BUILT_IN), headless("bob")
    ada.expect_connected(bob)
    ada.mute()
    told = toast(ada, "You are muted")
    expect(told).to_be_visible()
    told.get_by_test_id("dismiss-toast").click()
    # The others' levels go on to be measured, and so does mine.
    ada.page.wait_for_timeout(3000)
    expect(told).to_have_count(0)
