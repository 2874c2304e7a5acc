"""What goes wrong says so, and there is a way on."""

import json
import re

import pytest
from playwright.sync_api import expect

from client_py.testing import expect_mesh_complete

from .page import FORBIDDEN, NOTHING_KEPT
from .seat import take_seat


def refusing(method, name, message="by the test"):
    """Let a method of mediaDevices refuse until the page's ``kinder`` is set."""
    return f"""
    (() => {{
      const real = navigator.mediaDevices.{method};
      navigator.mediaDevices.{method} = function (...asked) {{
        if (window.kinder) return real.apply(this, asked);
        return Promise.reject(new DOMException("{message}", "{name}"));
      }};
    }})();
    """


def test_browser_that_forbids_connections_says_what_to_do(participant):
    ada = participant("ada", join=False, scripts=[FORBIDDEN])
    ada.expect_phase("failed")
    expect(ada.control("failed-connections-forbidden")).to_be_visible()
    expect(ada.control("failed-reload")).to_be_visible()


def test_without_permission_one_joins_all_the_same_and_retries(participant):
    ada = participant("ada", media="denied", join=False)
    notice = ada.control("media-notice").get_by_test_id("notice")
    expect(notice).to_have_attribute("data-kind", "permission-denied")
    expect(notice).to_have_attribute("data-device", "both")
    expect(notice).to_contain_text("not allowed here")
    ada.join()
    bob = participant("bob")
    bob.expect_connected(ada)
    bob.expect_tile(ada, audio="muted", video="off")
    ada.expect_sees(bob, frames=5)
    ada.page.context.grant_permissions(["camera", "microphone"])
    ada.open_panel("settings")
    ada.control("call-media-notice").get_by_test_id("retry-media").click()
    bob.expect_tile(ada, audio="on", video="on")
    expect(ada.control("call-media-notice")).to_be_empty()
    video = bob.tile(ada).locator("video")
    assert len(bob.look(video, 5, 10).pictures) == 5  # the browser's fake camera


@pytest.mark.parametrize(
    ("error", "message", "kind"),
    [
        ("NotFoundError", "", "not-found"),
        ("NotReadableError", "", "in-use"),
        ("AbortError", "", "in-use"),
        ("NotAllowedError", "Permission denied", "permission-denied"),
        ("NotAllowedError", "Permission denied by system", "system-denied"),
    ],
)
def test_a_device_that_cannot_be_had_is_told_and_tried_again(
    participant, error, message, kind
):
    ada = participant(
        "ada",
        media="devices",
        join=False,
        scripts=[refusing("getUserMedia", error, message)],
    )
    notice = ada.control("media-notice").get_by_test_id("notice")
    expect(notice).to_have_attribute("data-kind", kind)
    ada.page.evaluate("() => { window.kinder = true; }")
    notice.get_by_test_id("retry-media").click()
    expect(notice).to_have_count(0)
    expect(ada.control("preview-frame")).to_have_attribute("data-video", "on")
    ada.join()
    ada.expect_tile(ada, audio="on", video="on")


def test_a_cancelled_share_changes_nothing(participant):
    ada = participant(
        "ada", media="devices", scripts=[refusing("getDisplayMedia", "NotAllowedError")]
    )
    ada.control("share-screen").click()
    expect(ada.control("share-screen")).to_have_attribute("aria-pressed", "false")
    expect(ada.page.locator("body")).to_have_attribute("data-sharing", "off")
    expect(ada.control("toast")).to_have_count(0)
    assert ada.snapshot["screen"]["state"] == "off"


def test_a_share_that_the_system_denies_is_told(participant):
    denied = refusing(
        "getDisplayMedia", "NotAllowedError", "Permission denied by system"
    )
    ada = participant("ada", media="devices", scripts=[denied])
    ada.control("share-screen").click()
    told = ada.control("toast").filter(has_text="Your system keeps the screen")
    expect(told).to_be_visible()


def test_a_camera_that_is_pulled_out_is_told_and_replaced(participants):
    ada, bob = participants("ada", "bob", media="devices")
    ada.expect_connected(bob)
    video = ada.tile(ada).locator("video")
    video.evaluate(
        """video => {
          const [track] = video.srcObject.getVideoTracks();
          track.stop();
          track.dispatchEvent(new Event("ended"));
        }"""
    )
    expect(ada.control("toast").filter(has_text="camera went away")).to_be_visible()
    bob.expect_tile(ada, video="on")
    track = "video => video.srcObject?.getVideoTracks()[0].readyState"
    expect(video).to_have_js_property("readyState", 4)
    assert video.evaluate(track) == "live"
    assert len(bob.look(bob.tile(ada).locator("video"), 5, 10).pictures) == 5


def test_a_room_that_never_was_is_gone(participant, tertulia_server):
    ada = participant("ada", join=False, visit=False)
    ada.allow("404")
    ada.visit(tertulia_server.url + "/r/no-such-room")
    ada.control("display-name").fill("ada")
    ada.control("join").click()
    ada.expect_phase("failed")
    expect(ada.control("failed-room-not-found")).to_be_visible()
    ada.control("failed-create-room").click()
    ada.expect_phase("lobby")
    expect(ada.page).not_to_have_url(re.compile("no-such-room"))
    ada.join()
    ada.expect_alone()


def test_a_link_that_was_spoilt_in_pasting_ends_where_one_may_begin_anew(
    participant, tertulia_server
):
    ada = participant("ada", join=False, visit=False)
    ada.allow("404")
    ada.visit(tertulia_server.url + "/r/abc.")
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "yes")
    ada.expect_phase("failed")
    expect(ada.control("failed-room-not-found")).to_be_visible()
    assert ada.snapshot["camera"]["state"] == "off"
    ada.control("failed-create-room").click()
    ada.join()
    ada.expect_alone()


def test_a_session_that_ran_out_is_renewed_in_silence(participant, room):
    session = {"token": "an.old.one", "expires": 4102444800000}
    stale = f"localStorage.setItem('tertulia.session', '{json.dumps(session)}');"
    ada = participant("ada", join=False, scripts=[stale])
    ada.allow("401")
    ada.join()
    ada.expect_alone()


def test_a_pass_that_the_server_no_longer_takes_says_so(participant):
    spoil = """
    (() => {
      const real = WebSocket.prototype.send;
      WebSocket.prototype.send = function (text) {
        if (!window.kinder && text.includes('"hello"'))
          text = text.replace(/"token":"[^"]*"/, '"token":"spoiled"');
        return real.call(this, text);
      };
    })();
    """
    ada = participant("ada", join=False, scripts=[spoil])
    ada.control("display-name").fill("ada")
    ada.control("join").click()
    ada.expect_phase("failed")
    expect(ada.control("failed-token-expired")).to_be_visible()
    ada.page.evaluate("() => { window.kinder = true; }")
    ada.control("failed-rejoin").click()
    ada.expect_phase("joined")


def test_a_browser_without_what_is_needed_is_told_so(participant):
    ada = participant("ada", join=False, scripts=["delete window.RTCPeerConnection;"])
    ada.expect_phase("failed")
    expect(ada.control("failed-unsupported-browser")).to_be_visible()
    expect(ada.control("missing-features")).to_contain_text("RTCPeerConnection")


def test_a_browser_that_tells_of_no_frames_shows_them_all_the_same(participant):
    delete = "delete HTMLVideoElement.prototype.requestVideoFrameCallback;"
    ada, bob = participant("ada", scripts=[delete]), participant("bob")
    bob.expect_sees(ada, frames=5)
    ada.expect_connected(bob)
    video = ada.tile(bob).locator("video")
    expect(video).to_have_js_property("readyState", 4)
    ada.expect_hears(bob)


def test_a_page_that_lost_its_parts_says_so(participant):
    ada = participant("ada", join=False, visit=False)
    ada.page.route("**/assets/*.wasm", lambda route: route.abort())
    ada.allow("ERR_FAILED", "TypeError", "WebAssembly")
    ada.visit()
    ada.expect_phase("failed")
    expect(ada.control("failed-boot-failed")).to_be_visible()
    ada.page.unroute_all()
    ada.control("failed-reload").click()
    ada.join()


def test_without_a_snapshot_the_page_starts_the_plain_way(participants, participant):
    ada = participant("ada", join=False, visit=False)
    ada.page.route("**/assets/snapshot*", lambda route: route.abort())
    ada.allow("snapshot", "ERR_FAILED")
    ada.visit()
    ada.join()
    bob = participant("bob")
    bob.expect_sees(ada, frames=5)
    assert ada.page.locator("html").get_attribute("data-boot") == "plain"
    assert bob.page.locator("html").get_attribute("data-boot") == "snapshot"


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_where_the_browser_keeps_nothing_one_calls_all_the_same(participant, engine):
    ada = participant("ada", engine=engine, join=False, scripts=[NOTHING_KEPT])
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "yes")
    assert ada.page.locator("html").get_attribute("data-boot") == "snapshot"
    ada.join()
    bob = participant("bob")
    expect_mesh_complete(ada, bob, frames=5)
    ada.leave()
    ada.join()
    expect_mesh_complete(ada, bob, frames=5)


def test_one_person_may_sit_there_twice(participant, tertulia_cast):
    ada = participant("ada")
    twin = tertulia_cast.enter(ada.page.context, "twin")
    expect_mesh_complete(ada, twin, frames=5)


def test_whoever_comes_back_elsewhere_lets_go_of_the_old_seat(participant, room):
    frames = []
    ada = participant("ada", join=False, visit=False)
    ada.page.on(
        "websocket",
        lambda socket: socket.on("framereceived", lambda text: frames.append(text)),
    )
    ada.visit()
    ada.join()
    joined = next(each for each in map(json.loads, frames) if each["type"] == "joined")
    session = ada.page.evaluate("() => localStorage.getItem('tertulia.session')")
    token = json.loads(session)["token"]
    with take_seat(room, "ada", session=token, resume=joined["resume"]):
        ada.expect_phase("left")
        expect(ada.control("left-elsewhere")).to_be_visible()
        expect(ada.control("rejoin")).to_have_accessible_name("Join here instead")
