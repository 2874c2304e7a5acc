"""Before the call: what is typed, clicked and chosen is kept."""

from playwright.sync_api import expect

from client_py.testing import expect_mesh_complete

_SLOW = """
(() => {
  // Python waits for its parts until the test lets them through.
  const real = window.fetch;
  const free = new Promise((resolve) => { window.letThrough = resolve; });
  window.fetch = async (...asked) => {
    const response = real(...asked);
    if (String(asked[0]).includes("/assets/")) await free;
    return response;
  };
})();
"""


def test_an_early_click_on_join_counts_once_python_is_there(participant):
    ada = participant("ada", join=False, scripts=[_SLOW])
    ada.control("display-name").fill("ada")
    ada.control("join").click()
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "no")
    expect(ada.control("join")).to_have_attribute("data-pending", "")
    ada.page.evaluate("() => window.letThrough()")
    ada.expect_phase("joined")
    expect(ada.tile(ada)).to_have_attribute("data-name", "ada")
    assert ada.snapshot["name"] == "ada"


def test_who_turns_the_microphone_off_before_python_is_there_is_not_heard(participant):
    bob = participant("bob")
    ada = participant("ada", join=False, scripts=[_SLOW])
    ada.control("display-name").fill("ada")
    ada.control("lobby-toggle-mic").click()
    ada.control("join").click()
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "no")
    ada.page.evaluate("() => window.letThrough()")
    ada.expect_phase("joined")
    bob.expect_sees(ada, frames=5)
    bob.expect_hears_nothing_of(ada)


def test_a_name_that_is_typed_early_stays(participant):
    ada = participant("ada", join=False, scripts=[_SLOW])
    ada.control("display-name").fill("Ada of the early hour")
    ada.page.evaluate("() => window.letThrough()")
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "yes")
    expect(ada.control("display-name")).to_have_value("Ada of the early hour")
    expect(ada.control("display-name")).to_be_focused()


def test_name_and_choices_are_remembered(participant):
    ada = participant("ada", join=False)
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "yes")
    ada.control("quality-select").select_option("hd")
    ada.control("lobby-toggle-camera").click()
    expect(ada.control("preview-frame")).to_have_attribute("data-video", "off")
    ada.join()
    ada.reload()
    expect(ada.control("display-name")).to_have_value("ada")
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "yes")
    expect(ada.control("quality-select")).to_have_value("hd")
    expect(ada.control("lobby-toggle-camera")).to_have_attribute(
        "aria-pressed", "false"
    )
    expect(ada.control("lobby-toggle-mic")).to_have_attribute("aria-pressed", "true")


def test_leaving_turns_nothing_off_for_the_next_visit(participant):
    ada = participant("ada")
    ada.expect_tile(ada, audio="on", video="on")
    ada.leave()
    ada.reload()
    expect(ada.control("preview-frame")).to_have_attribute("data-video", "on")
    expect(ada.control("lobby-toggle-mic")).to_have_attribute("aria-pressed", "true")


def test_a_refusal_turns_nothing_off_for_the_next_visit(participant):
    ada = participant("ada", media="denied", join=False)
    notices = ada.control("media-notice").get_by_test_id("notice")
    expect(notices).to_be_visible()
    ada.page.context.grant_permissions(["camera", "microphone"])
    ada.reload()
    expect(ada.control("preview-frame")).to_have_attribute("data-video", "on")
    expect(notices).to_have_count(0)


def test_what_is_off_in_the_lobby_is_off_in_the_call(participant):
    ada = participant("ada", join=False)
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "yes")
    ada.control("lobby-toggle-mic").click()
    ada.control("lobby-toggle-camera").click()
    expect(ada.control("lobby-toggle-camera")).to_have_attribute(
        "aria-pressed", "false"
    )
    ada.join()
    bob = participant("bob")
    bob.expect_connected(ada)
    bob.expect_tile(ada, audio="muted", video="off")
    ada.camera_on()
    ada.unmute()
    expect_mesh_complete(ada, bob)


def test_the_preview_shows_oneself(participant):
    ada = participant("ada", join=False)
    expect(ada.control("preview-frame")).to_have_attribute("data-video", "on")
    seen = ada.look(ada.control("preview"), 3, 5)
    assert {each.name for each in seen.pictures if each} == {"ada"}


def test_nobody_has_to_give_a_name(participant):
    ada = participant("", join=False)
    ada.control("join").click()
    ada.expect_phase("joined")
    assert ada.snapshot["name"] == "Guest"


def test_names_can_be_alike(participants):
    one, two = participants("ada", "ada")
    expect_mesh_complete(one, two)
    assert one.id != two.id
