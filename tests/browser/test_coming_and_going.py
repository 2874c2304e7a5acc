"""Leaving, closing, reloading, coming again; and who is refused."""

import contextlib

import pytest
from playwright.sync_api import expect

from client_py.testing import expect_mesh_complete

from .page import KEEP_LINKS
from .seat import leave_seat, take_seat

AT_ONCE = 5  # seconds: far below the grace of somebody who lost the network


def remember(person):
    """Leave a mark in the page that a reload would wipe out."""
    person.page.evaluate("() => { window.mark = true; }")


def same_page(person):
    return person.page.evaluate("() => window.mark === true")


def test_whoever_leaves_is_gone_for_the_others_at_once(participants):
    ada, bob = participants("ada", "bob")
    ada.expect_sees(bob, frames=3)
    bob.leave()
    ada.expect_gone(bob, within=AT_ONCE)
    ada.expect_alone()
    expect(bob.control("left")).to_be_visible()
    expect(bob.control("call-duration")).not_to_be_empty()
    expect(ada.control("toast").filter(has_text="bob left")).to_be_visible()


def test_whoever_closes_the_tab_is_gone_for_the_others_at_once(participants):
    ada, bob = participants("ada", "bob")
    ada.expect_connected(bob)
    bob.close()
    ada.expect_gone(bob, within=AT_ONCE)


def test_whoever_reloads_comes_back_without_a_ghost(participants):
    ada, bob = participants("ada", "bob")
    ada.expect_connected(bob)
    bob.reload()
    ada.expect_alone(within=AT_ONCE)
    bob.join()
    expect_mesh_complete(ada, bob)
    expect(ada.control("tile")).to_have_count(2)
    expect(bob.control("tile")).to_have_count(2)


def test_whoever_closes_firefox_is_gone_for_the_others_at_once(participants):
    ada, bob = participants("ada", firefox="bob")
    ada.expect_connected(bob)
    bob.close()
    ada.expect_gone(bob, within=AT_ONCE)


def test_a_second_call_needs_no_second_page(participants):
    ada, bob = participants("ada", "bob")
    ada.expect_connected(bob)
    remember(ada)
    ada.leave()
    ada.join()
    expect_mesh_complete(ada, bob)
    ada.leave()
    ada.control("left-create-room").click()
    ada.expect_phase("lobby")
    ada.control("join").click()
    ada.expect_phase("joined")
    ada.expect_alone()
    ada.expect_sees(ada, frames=3)
    assert ada.page.url.split("?")[0] != ada.room.link
    assert same_page(ada)


def test_back_and_forward_go_between_home_and_room(participant, tertulia_server):
    ada = participant("ada", join=False, visit=False)
    ada.visit(tertulia_server.url + "/")
    remember(ada)
    body = ada.page.locator("body")
    ada.control("create-room").click()
    expect(body).to_have_attribute("data-room", "open")
    room = ada.page.url
    ada.join()
    ada.page.go_back()
    expect(body).to_have_attribute("data-room", "none")
    expect(ada.control("create-room")).to_be_visible()
    ada.page.go_forward()
    expect(body).to_have_attribute("data-room", "open")
    ada.expect_phase("lobby")
    assert ada.page.url == room
    ada.join()
    ada.expect_alone()
    assert same_page(ada)


def test_an_invitation_leads_into_the_room(participant, tertulia_server):
    ada = participant("ada")
    bob = participant("bob", join=False, visit=False)
    bob.visit(tertulia_server.url + "/")
    bob.control("invite-input").fill("  not/a room! ")
    bob.control("open-link").click()
    expect(bob.control("invite-problem")).not_to_be_empty()
    bob.control("invite-input").fill(ada.room.link)
    bob.control("open-link").click()
    expect(bob.control("display-name")).to_be_visible()
    assert bob.page.url == ada.room.link
    bob.visit()
    bob.join()
    expect_mesh_complete(ada, bob)


def test_eight_sit_and_the_ninth_is_refused_until_one_leaves(participant, room):
    with contextlib.ExitStack() as seats:
        taken = [
            seats.enter_context(take_seat(room, f"guest {number}"))
            for number in range(7)
        ]
        ada = participant("ada")
        expect(ada.page.locator("body")).to_have_attribute("data-count", "8")
        bob = participant("bob", join=False)
        bob.allow("409")
        bob.control("display-name").fill("bob")
        bob.control("join").click()
        bob.expect_phase("failed")
        expect(bob.control("failed-room-full")).to_be_visible()
        expect(bob.page.get_by_role("heading", level=1)).to_be_focused()
        leave_seat(taken[0])
        expect(ada.page.locator("body")).to_have_attribute("data-count", "7")
        bob.control("failed-rejoin").click()
        bob.expect_phase("joined")
        bob.expect_sees(ada, frames=5)
        ada.expect_sees(bob, frames=5)


def test_eight_are_in_one_call(participants, headless):
    ada, bob = participants("ada", "bob")
    names = ("cleo", "dan", "eve", "fay", "gus", "hal")
    others = [headless(name, microphone=False, camera=False) for name in names]
    people = (ada, bob, *others)
    for one in people:
        for other in people:
            if one is not other:
                one.expect_connected(other, within=40)
    ada.expect_sees(bob)
    for other in others:
        other.expect_sees(ada, frames=3)
        other.expect_hears(bob)


# What is held, and the least of it in some animation frames: what is done once a
# second has a task for a moment, too.
_HELD = """() => [
  window.links.filter(link => link.connectionState !== "closed").length,
  window.tertulia.proxies(),
  window.tertulia.tasks(),
  window.tertulia.references(),
]"""
_HELD_AT_REST = """async (frames) => {
  const look = HELD;
  let least = look();
  for (; frames > 0; frames -= 1) {
    await new Promise(requestAnimationFrame);
    const held = look();
    least = least.map((each, at) => Math.min(each, held[at]));
  }
  return least;
}""".replace("HELD", _HELD)


def test_five_calls_leave_no_more_proxies_than_one(participants):
    ada, bob = participants("ada", "bob", scripts=[KEEP_LINKS])

    def call_once_more():
        ada.expect_sees(bob, frames=3)
        ada.share()
        ada.stop_sharing()
        ada.camera_off()
        ada.camera_on()
        ada.leave()
        held = ada.page.evaluate(_HELD_AT_REST, 30)
        ada.join()
        return held

    _, *after_one, references = call_once_more()
    for _ in range(4):
        _, *after_five, no_more = call_once_more()
    assert after_five == after_one
    assert no_more <= references


@pytest.mark.timeout(150)
def test_twenty_joins_and_leaves_leave_nothing_behind(participant):
    ada, bob = participant("ada", scripts=[KEEP_LINKS]), participant("bob")

    def come_and_go():
        ada.expect_sees(bob, frames=1)
        bob.leave()
        ada.expect_alone()
        held = ada.page.evaluate(_HELD_AT_REST, 30)
        bob.join()
        return held

    # Some connections are made before they are needed: the first call uses one.
    come_and_go()
    *after_two, _ = come_and_go()
    held = [come_and_go() for _ in range(26)]
    assert [each for *each, _ in held] == [after_two] * 26
    # The first bring keys of which 32 are kept imported; of the last eight, none.
    references = [each for *_, each in held]
    assert references[-1] - references[-9] < 8
    ada.expect_sees(bob, frames=1)
    spare, *_ = after_two
    together, *_ = ada.page.evaluate(_HELD)
    assert together <= spare + 1
