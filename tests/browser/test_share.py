"""One shares the screen, the others see it."""

from playwright.sync_api import expect


def test_a_screen_is_seen_by_all_while_the_camera_goes_on(participants, negotiations):
    ada, *others = people = participants(
        "ada", "bob", "carol", "dan", scripts=[negotiations.script]
    )
    for other in others:
        other.expect_sees(ada, frames=3)
    before = negotiations(*people)
    ada.share()
    for other in others:
        other.expect_sees_screen(ada, frames=5)
        other.expect_sees(ada, frames=5)
    expect(ada.page.locator("body")).to_have_attribute("data-sharing", "on")
    ada.control("stop-sharing").click()
    for other in others:
        expect(other.screen_tile(ada)).to_have_count(0)
        other.expect_sees(ada, frames=3)
    ada.share()
    for other in others:
        other.expect_sees_screen(ada, frames=3)
    assert negotiations(*people) == before


def test_a_newcomer_sees_the_screen_that_is_shared_already(participant):
    ada = participant("ada")
    ada.share()
    bob = participant("bob")
    bob.expect_sees_screen(ada)
    bob.expect_sees(ada)


def test_two_screens_at_once_are_both_seen(participants):
    ada, bob = participants("ada", "bob")
    ada.share()
    bob.share()
    bob.expect_sees_screen(ada)
    ada.expect_sees_screen(bob)


def test_somebody_headless_shares_and_sees_a_screen(participant, headless):
    ada, bob = participant("ada"), headless("bob")
    bob.share()
    ada.expect_sees_screen(bob)
    bob.stop_sharing()
    expect(ada.screen_tile(bob)).to_have_count(0)
    ada.share()
    bob.expect_sees_screen(ada)
