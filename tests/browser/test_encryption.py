"""Calls that are encrypted from end to end, as people see it."""

import re

import pytest
from playwright.sync_api import expect

from client_py.core.address import secret_of
from client_py.testing import expect_mesh_complete
from client_py.testing.server import Room
from tests.attacks.peer import HostileFrames, again, flipped
from tests.links import Links

from .page import DEAF, KEEP_LINKS, KEEP_WORKERS, UNOPENED

#: Takes the way through the worker from all that comes.
LOSE_TRANSFORMS = """
() => {
  for (const link of links)
    for (const receiver of link.getReceivers()) receiver.transform = null;
}
"""


def tile(person, other):
    return person.page.locator(f'[data-testid=tile][data-participant="{other.id}"]')


def test_everybody_sees_that_the_call_is_encrypted(participants):
    people = participants("ada", "bob", headless="carol")
    expect_mesh_complete(*people, frames=10)
    ada, bob, carol = people
    for person, other in ((ada, bob), (bob, ada), (ada, carol), (ada, ada)):
        expect(tile(person, other)).to_have_attribute("data-e2ee", "on")
    codes = {each.snapshot["room_code"] for each in people}
    assert len(codes) == 1
    assert re.fullmatch(r"(\d{5} ){5}\d{5}", codes.pop())


def test_the_server_never_gets_the_secret(participants, room, tertulia_server):
    ada, bob = participants("ada", "bob")
    expect_mesh_complete(ada, bob, frames=5)
    assert secret_of(room.link) not in tertulia_server.log
    assert secret_of(ada.page.url) == secret_of(room.link)


def test_a_server_reads_nothing_of_what_is_said_and_shown(participant, headless):
    carried: list[str] = []

    def record(socket):
        for way in ("framesent", "framereceived"):
            socket.on(way, lambda frame: carried.append(str(frame)))

    ada = participant("ada", join=False)
    ada.page.on("websocket", record)
    ada.join()
    bob = headless("bob")
    expect_mesh_complete(ada, bob, frames=5)
    ada.say("the treasure is under the oak")
    bob.say("under the blackthorn")
    bob.expect_reads("the treasure is under the oak", by=ada)
    ada.expect_reads("under the blackthorn", by=bob)
    ada.mute()
    ada.camera_off()
    bob.expect_hears_nothing_of(ada)
    bob.expect_sees_nothing_of(ada)
    everything = "".join(carried).replace(" ", "")
    assert '"type":"joined"' in everything and "bob" in everything  # it is recorded
    for secret in ("treasure", "blackthorn", '"microphone":true', '"type":"chat"'):
        assert secret not in everything, secret


def test_a_link_without_its_key_says_what_is_missing(participant, room):
    ada = participant("ada", room=Room(room.link.partition("#")[0]), join=False)
    ada.control("display-name").fill("ada")
    ada.control("join").click()
    ada.expect_phase("failed")
    expect(ada.page.get_by_test_id("failed-secret-missing")).to_be_visible()


def test_a_spoilt_key_says_so(participant, room):
    ada = participant("ada", room=Room(room.link[:-1]), join=False)
    ada.control("display-name").fill("ada")
    ada.control("join").click()
    ada.expect_phase("failed")
    expect(ada.page.get_by_test_id("failed-secret-spoilt")).to_be_visible()


def test_a_room_may_be_made_without_encryption(participant, tertulia_server):
    room = tertulia_server.create_room(e2ee=False)
    ada, bob = (participant(name, room=room) for name in ("ada", "bob"))
    expect_mesh_complete(ada, bob, frames=5)
    expect(tile(ada, bob)).to_have_attribute("data-e2ee", "off")


@pytest.mark.plain("Ada's browser seals nothing")
def test_frames_that_a_browser_sends_in_plain_are_never_shown(participant):
    ada = participant("ada", scripts=[DEAF])
    bob = participant("bob")
    ada.expect_tile(bob, e2ee="failed")
    expect(ada.page.get_by_text("doesn’t encrypt what it sends")).to_be_visible()
    assert tile(bob, ada).locator("video").evaluate("it => it.videoWidth") == 0


def ends_for_it_opens_nothing(person, other):
    """Expect the link to be cut, because frames come past what opens them."""
    words = f"This browser plays what {other.name} sends without decrypting it"
    expect(person.page.get_by_text(words)).to_be_visible()
    expect(tile(person, other)).to_have_attribute("data-e2ee", "failed")
    expect(tile(person, other)).to_have_attribute("data-connection", "unreachable")
    expect(tile(person, other).locator("video")).to_be_hidden()


def test_a_browser_that_ignores_the_transforms_of_what_comes_plays_nothing_on(
    participant, headless
):
    eve = headless("eve", camera=False)
    ada = participant("ada", scripts=[UNOPENED])
    ends_for_it_opens_nothing(ada, eve)


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_a_receiver_that_loses_its_transform_in_a_call_ends_the_link(
    participant, headless, engine
):
    eve = headless("eve")
    ada = participant("ada", engine=engine, scripts=[KEEP_LINKS])
    expect_mesh_complete(ada, eve, frames=5)
    ada.page.evaluate(LOSE_TRANSFORMS)
    ends_for_it_opens_nothing(ada, eve)


@pytest.mark.parametrize(
    ("trick", "cause", "words"),
    [
        pytest.param(
            *(flipped, "unreadable", "What eve sends can’t be decrypted"),
            marks=pytest.mark.plain("Eve sends what nobody can open"),
        ),
        (again, "repeated", "eve sends only what was sent before"),
    ],
)
def test_who_sends_what_nobody_can_be_shown_is_told_of_by_their_tile(
    participant, headless, trick, cause, words
):
    hostile = Links(HostileFrames)
    ada = participant("ada")
    eve = headless("eve", connections=hostile.connections)
    expect_mesh_complete(ada, eve, frames=5)
    hostile[-1].play(trick)
    ada.expect_tile(eve, cause=cause, e2ee="on")
    note = ada.tile(eve).get_by_test_id("tile-note")
    expect(note).to_have_text(words)
    expect(ada.tile(eve).locator("video")).to_be_hidden()
    hostile[-1].rest()
    ada.expect_tile(eve, cause="")
    ada.expect_sees(eve, frames=5)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("death", ["terminate()", 'dispatchEvent(new Event("error"))'])
def test_a_worker_that_dies_is_replaced_with_all_links_and_keys(participant, death):
    ada, bob = participant("ada", scripts=[KEEP_WORKERS]), participant("bob")
    expect_mesh_complete(ada, bob, frames=5)
    ada.page.evaluate(f"workers[0].{death}")
    ada.page.wait_for_function("() => workers.length === 2", timeout=20_000)
    expect(tile(ada, bob)).to_have_attribute("data-e2ee", "on")
    expect_mesh_complete(ada, bob, frames=10)


def test_a_room_that_is_made_in_the_page_has_a_key_in_its_link(participant, room):
    start = Room(room.link.split("/r/")[0] + "/")
    ada = participant("ada", room=start, join=False)
    ada.page.get_by_test_id("create-room").click()
    expect(ada.page).to_have_url(re.compile(r"/r/[^#]+#key=[\w-]{43}$"))
    ada.page.reload()
    expect(ada.page).to_have_url(re.compile(r"#key=[\w-]{43}$"))
    ada.control("display-name").fill("ada")
    ada.control("join").click()
    ada.expect_phase("joined")


def test_a_room_may_be_made_in_the_page_without_encryption_and_says_so(
    participant, room
):
    start = Room(room.link.split("/r/")[0] + "/")
    ada = participant("ada", room=start, join=False)
    box = ada.page.get_by_role("checkbox", name="Encrypted from end to end")
    expect(box).to_be_checked()
    box.uncheck()
    ada.page.get_by_test_id("create-room").click()
    expect(ada.page).to_have_url(re.compile(r"/r/[^#]+$"))
    said = ada.page.get_by_test_id("lobby-e2ee")
    expect(said).to_have_attribute("data-e2ee", "off")
    bob = participant("bob", room=Room(ada.page.url.partition("?")[0]))
    ada.control("display-name").fill("ada")
    ada.control("join").click()
    ada.expect_phase("joined")
    tiles = bob.page.locator('[data-testid=tile][data-self="no"]')
    expect(tiles).to_have_attribute("data-e2ee", "off")


NO_CURVES = """
const generateKey = SubtleCrypto.prototype.generateKey;
SubtleCrypto.prototype.generateKey = function (algorithm, ...rest) {
  if (algorithm === "Ed25519")
    return Promise.reject(new DOMException("", "NotSupportedError"));
  return generateKey.call(this, algorithm, ...rest);
};
"""


def test_a_browser_without_the_curves_says_that_it_can_t_encrypt(participant):
    ada = participant("ada", scripts=[NO_CURVES], join=False)
    ada.control("display-name").fill("ada")
    ada.control("join").click()
    ada.expect_phase("failed")
    expect(ada.page.get_by_test_id("failed-e2ee-unsupported")).to_be_visible()
