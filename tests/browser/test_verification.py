"""Two people compare their codes in the page."""

import re
from contextlib import AsyncExitStack

import pytest
from playwright.sync_api import expect

from client_py.core import event as e
from client_py.core.keeper import Forgetful
from client_py.core.wake import Sign
from client_py.headless.crypto import HeadlessCrypto
from client_py.headless.main import participant as headless_person
from client_py.testing.headless import Background

from .page import KEEP_WORKERS


def open_dialog(person, other):
    """Open the dialog about somebody by keyboard, from their tile."""
    button = person.tile(other).get_by_test_id("tile-verify")
    button.focus()
    person.page.keyboard.press("Enter")
    dialog = person.page.get_by_test_id("verification")
    expect(dialog).to_be_visible()
    return dialog


def encryption(person, other, state):
    expect(person.tile(other)).to_have_attribute("data-e2ee", state)


def test_two_people_see_one_code_and_verify_each_other(participants):
    ada, bob = participants("ada", "bob")
    encryption(ada, bob, "on")
    encryption(bob, ada, "on")
    mark = ada.tile(bob).get_by_role("img", name="End-to-end encrypted through")
    expect(mark).to_be_visible()
    here, there = open_dialog(ada, bob), open_dialog(bob, ada)
    for test_id, form in (
        ("pair-emoji", r"(\S+ *[A-Za-z].*){7}"),
        ("pair-digits", r"[\d ]{12,}"),
    ):
        text = here.get_by_test_id(test_id).inner_text()
        assert re.search(form, text, re.DOTALL)
        expect(there.get_by_test_id(test_id)).to_have_text(text, use_inner_text=True)
    expect(here.get_by_test_id("pair-emoji").get_by_role("listitem")).to_have_count(7)
    for dialog in (here, there):
        dialog.get_by_test_id("show-room-code").click()
    room = here.get_by_test_id("room-code").inner_text()
    assert len(re.sub(r"\D", "", room)) == 30
    expect(there.get_by_test_id("room-code")).to_have_text(room)
    here.get_by_test_id("codes-match").click()
    expect(here.get_by_test_id("verification-waiting")).to_have_text(
        "Waiting for bob to say the same."
    )
    encryption(ada, bob, "on")
    there.get_by_test_id("codes-match").click()
    encryption(ada, bob, "verified")
    encryption(bob, ada, "verified")
    for dialog in (here, there):
        expect(dialog.get_by_test_id("verification-state")).to_have_text(
            "End-to-end encrypted and verified"
        )
        expect(dialog.get_by_test_id("codes-match")).to_be_hidden()
    ada.page.keyboard.press("Escape")
    expect(here).to_be_hidden()
    expect(ada.tile(bob).get_by_test_id("tile-verify")).to_be_focused()
    ada.expect_sees(bob)


def test_codes_that_differ_end_the_link_aloud(participants):
    ada, bob = participants("ada", "bob")
    encryption(ada, bob, "on")
    open_dialog(ada, bob).get_by_test_id("codes-differ").click()
    for one, other in ((ada, bob), (bob, ada)):
        encryption(one, other, "failed")
        expect(one.page.get_by_text("somebody may be in between")).to_be_visible()
        expect(one.tile(other).get_by_text("Held back")).to_be_visible()


def test_the_dialog_opens_from_the_list_of_people(participants):
    ada, bob = participants("ada", "bob")
    ada.page.keyboard.press("p")
    row = ada.page.get_by_test_id("person").filter(has_text="bob")
    row.get_by_test_id("person-verify").click()
    dialog = ada.page.get_by_test_id("verification")
    expect(dialog.get_by_role("heading")).to_have_text("Encryption with bob")
    bob.leave()
    expect(dialog).to_be_hidden()


def test_a_room_without_encryption_says_so(tertulia_server, participant):
    room = tertulia_server.create_room(e2ee=False)
    ada, bob = participant("ada", room=room), participant("bob", room=room)
    ada.expect_sees(bob)
    encryption(ada, bob, "off")
    mark = ada.tile(bob).get_by_role("img", name="Not end-to-end encrypted")
    expect(mark).to_be_visible()
    dialog = open_dialog(ada, bob)
    expect(dialog.get_by_test_id("codes-match")).to_be_hidden()
    expect(dialog.get_by_test_id("verification-state")).to_have_text(
        "Not end-to-end encrypted"
    )


def verify(one, other):
    """Have two people find that their codes are the same."""
    for person, peer in ((one, other), (other, one)):
        dialog = open_dialog(person, peer)
        dialog.get_by_test_id("codes-match").click()
    for person, peer in ((one, other), (other, one)):
        encryption(person, peer, "verified")
        person.page.keyboard.press("Escape")


SAME_DEVICE = "the same device that you verified before"


@pytest.mark.timeout(120)
@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_after_a_reload_one_is_the_same_device_as_before(participant, engine):
    ada, bob = participant("ada"), participant("bob", engine=engine)
    encryption(ada, bob, "on")
    verify(ada, bob)
    bob.reload()
    bob.join()
    for one, other in ((ada, bob), (bob, ada)):
        encryption(one, other, "verified")
        mark = one.tile(other).get_by_role("img", name=SAME_DEVICE)
        expect(mark).to_be_visible()
        one.expect_sees(other)


@pytest.mark.timeout(120)
def test_another_tab_of_the_same_browser_is_somebody_new(participant, tertulia_cast):
    ada = participant("ada")
    twin = tertulia_cast.enter(ada.page.context, "twin")
    encryption(ada, twin, "on")
    encryption(twin, ada, "on")
    ada.expect_sees(twin, frames=5)  # a tab behind another one draws few


def test_a_browser_that_keeps_nothing_calls_all_the_same(participant):
    forgetful = "Object.defineProperty(window, 'indexedDB', { value: undefined });"
    ada, bob = participant("ada", scripts=[forgetful]), participant("bob")
    encryption(ada, bob, "on")
    encryption(bob, ada, "on")
    verify(ada, bob)


@pytest.mark.timeout(150)
def test_who_comes_back_on_another_device_is_held_back_until_i_say_so(participant):
    ada, bob = participant("ada"), participant("bob")
    encryption(ada, bob, "on")
    verify(ada, bob)
    bob.close()
    other = participant("bob")
    tile = ada.tile(other)
    expect(tile).to_have_attribute("data-alarm", "other-device")
    encryption(ada, other, "failed")
    expect(ada.page.get_by_text("Sound and picture are held back")).to_be_visible()
    words = "This is not the device that you verified as bob"
    expect(tile.get_by_test_id("tile-held")).to_have_text(words)
    expect(tile.get_by_test_id("tile-held")).to_be_visible()
    expect(tile.locator("video")).to_be_hidden()
    other.expect_sees_nothing_of(ada)
    dialog = open_dialog(ada, other)
    expect(dialog.get_by_test_id("verification-state")).to_have_text(words)
    expect(dialog.get_by_test_id("pair-digits")).to_be_visible()
    dialog.get_by_test_id("accept-device").click()
    encryption(ada, other, "on")
    expect(tile).to_have_attribute("data-alarm", "")
    ada.page.keyboard.press("Escape")
    ada.expect_sees(other)
    other.expect_sees(ada)


class Changeling:
    """Somebody without a browser who turns into another one, in the middle of a call.

    Their ``Keeper``, and their ``Identity``.
    """

    def __init__(self, name, room, connections):
        self.name = name
        self._made = Forgetful(HeadlessCrypto())
        self._face = None
        self._background = Background()
        self._stack = AsyncExitStack()
        entering = headless_person(
            room.link, name, connections=connections, keeper=self, timeout=60
        )
        self._person = self._do(self._stack.enter_async_context(entering))

    async def identity(self, room):
        self._face = await self._made.identity(room)
        return self

    async def known(self, room):
        return {}

    def remember(self, room, key, name):
        pass

    @property
    def public(self):
        return self._face.public

    async def sign(self, message):
        return await self._face.sign(message)

    @property
    def id(self):
        return self._person.snapshot.participants[0].id

    def verify(self):
        """Say that the code is the same as the other one's."""

        async def compare():
            await self._person.until(lambda now: now.participants[1].code)
            other = self._person.snapshot.participants[1]
            self._person.post(e.CompareCodes(other.id, True, other.code))

        self._do(compare())

    def turn(self):
        """Be another one, and have every link made anew."""

        async def turn():
            self._face = await self._made.identity("another room")
            self._person.post(e.Woken(Sign.NETWORK))

        self._do(turn())

    def close(self):
        self._do(self._stack.aclose())
        self._background.close()

    def _do(self, work):
        return self._background.run(work, 60)


@pytest.fixture
def changeling(room, tertulia_connections):
    made = Changeling("bob", room, tertulia_connections())
    yield made
    made.close()


def is_told_aloud(person, words):
    toast = person.page.locator(".toast").filter(has_text=words)
    expect(toast).to_be_visible()
    expect(toast).to_have_attribute("data-kind", "error")


def test_another_key_on_the_link_of_who_was_verified_ends_it_aloud(
    participant, changeling
):
    ada = participant("ada")
    encryption(ada, changeling, "on")
    open_dialog(ada, changeling).get_by_test_id("codes-match").click()
    changeling.verify()
    encryption(ada, changeling, "verified")
    ada.page.keyboard.press("Escape")
    changeling.turn()
    words = (
        "The device that says it is bob is not the one you verified. "
        "The link to it is cut. Ask them in another way."
    )
    is_told_aloud(ada, words)
    encryption(ada, changeling, "failed")
    expect(ada.tile(changeling).locator("video")).to_be_hidden()
    expect(ada.tile(changeling)).to_have_attribute("data-connection", "unreachable")


def test_another_key_on_the_link_of_who_was_not_verified_is_held_back_aloud(
    participant, changeling
):
    ada = participant("ada")
    encryption(ada, changeling, "on")
    ada.expect_sees(changeling, frames=5)
    changeling.turn()
    words = (
        "The device that says it is bob is not the one of a moment ago. "
        "Sound and picture are held back. Compare the codes."
    )
    is_told_aloud(ada, words)
    tile = ada.tile(changeling)
    expect(tile).to_have_attribute("data-alarm", "other-key")
    encryption(ada, changeling, "failed")
    expect(tile.get_by_test_id("tile-held")).to_have_text(
        "This is not the device that bob had a moment ago"
    )
    expect(tile.locator("video")).to_be_hidden()


@pytest.mark.timeout(120)
def test_a_code_that_changes_while_it_is_compared_is_told_and_not_drawn_over(
    participant,
):
    ada, bob = participant("ada"), participant("bob", scripts=[KEEP_WORKERS])
    encryption(ada, bob, "on")
    bob.expect_sees(ada, frames=5)  # a worker that dies takes with it what it counted
    dialog = open_dialog(ada, bob)
    before = dialog.get_by_test_id("pair-digits").inner_text()
    bob.page.evaluate('workers[0].dispatchEvent(new Event("error"))')
    expect(dialog.get_by_test_id("code-changed")).to_be_visible()
    expect(dialog.get_by_test_id("codes-match")).to_be_hidden()
    encryption(ada, bob, "on")
    dialog.get_by_test_id("show-new-code").click()
    expect(dialog.get_by_test_id("code-changed")).to_be_hidden()
    expect(dialog.get_by_test_id("pair-digits")).not_to_have_text(before)
    expect(dialog.get_by_test_id("codes-match")).to_be_visible()
