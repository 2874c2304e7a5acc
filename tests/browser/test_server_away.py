"""The server goes away and comes back: those who talk go on talking."""

from playwright.sync_api import expect

from client_py.testing import expect_mesh_complete
from tests.browser.page import KEEP_LINKS, UNREACHABLE

#: Frames decoded so far on every link, in the order in which the links were made.
_DECODED = """
async () => {
  const counts = [];
  for (const link of window.links) {
    let count = 0;
    for (const stats of (await link.getStats()).values())
      if (stats.type === "inbound-rtp" && stats.kind === "video")
        count += stats.framesDecoded ?? 0;
    counts.push(count);
  }
  return counts;
}
"""

_WATCH = """
video => {
  window.longest = 0;
  let last = performance.now();
  const step = () => {
    const now = performance.now();
    window.longest = Math.max(window.longest, now - last);
    last = now;
    video.requestVideoFrameCallback(step);
  };
  video.requestVideoFrameCallback(step);
}
"""


def test_a_pair_goes_on_while_the_server_is_dead(mortal_server, participants):
    room = mortal_server.create_room()
    ada, bob = people = participants("ada", "bob", room=room)
    expect_mesh_complete(*people, frames=5)
    for one, other in ((ada, bob), (bob, ada)):
        one.allow(UNREACHABLE)
        one.tile(other).locator("video").evaluate(_WATCH)
    mortal_server.kill()
    for one, other in ((ada, bob), (bob, ada)):
        one.expect_phase("reconnecting")
        expect(one.control("banner")).not_to_be_empty()
        one.expect_sees(other, frames=30)
        one.expect_hears(other)
    gaps = [one.page.evaluate("() => window.longest") for one in people]
    assert max(gaps) < 1500, f"pictures stood still for {gaps} ms"
    mortal_server.start()
    for one in people:
        one.expect_phase("joined", within=30)
        expect(one.control("banner")).to_be_empty()
    expect_mesh_complete(*people)
    for one in people:
        expect(one.control("tile")).to_have_count(2)


def test_three_are_who_they_were_and_no_link_is_remade(
    mortal_server, participants, negotiations
):
    room = mortal_server.create_room()
    people = participants(
        "ada", "bob", "cleo", room=room, scripts=[KEEP_LINKS, negotiations.script]
    )
    expect_mesh_complete(*people, frames=5)
    for one in people:
        one.allow(UNREACHABLE)
    ids = [_ids(one) for one in people]
    links, described = _links(people), negotiations(*people)
    decoded = [one.page.evaluate(_DECODED) for one in people]
    mortal_server.kill()
    for one in people:
        one.expect_phase("reconnecting")
    mortal_server.start()
    for one in people:
        one.expect_phase("joined", within=30)
    expect_mesh_complete(*people)
    assert [_ids(one) for one in people] == ids
    assert _links(people) == links
    assert negotiations(*people) == described
    for before, one in zip(decoded, people, strict=True):
        after = one.page.evaluate(_DECODED)
        media = [pair for pair in zip(before, after, strict=True) if any(pair)]
        assert len(media) == 2
        assert all(then < now for then, now in media)
    people[0].say("and on we go")
    people[2].open_panel("chat")
    people[2].expect_reads("and on we go", by=people[0])


def _ids(one):
    shown = one.page.evaluate("() => tertulia.snapshot().participants")
    return sorted(each["id"] for each in shown)


def _links(people):
    return [one.page.evaluate("() => window.links.length") for one in people]


def test_what_is_done_without_the_server_is_done_when_it_is_back(
    mortal_server, participants
):
    room = mortal_server.create_room()
    ada, bob = participants("ada", "bob", room=room)
    bob.expect_connected(ada)
    for one in (ada, bob):
        one.allow(UNREACHABLE)
    mortal_server.kill()
    ada.expect_phase("reconnecting")
    ada.mute()
    ada.say("written while nobody could carry it")
    mortal_server.start()
    for one in (ada, bob):
        one.expect_phase("joined", within=30)
    bob.expect_tile(ada, audio="muted")
    bob.open_panel("chat")
    bob.expect_reads("written while nobody could carry it", by=ada)


def test_a_joiner_waits_for_a_server_that_is_not_there_yet(mortal_server, participant):
    room = mortal_server.create_room()
    ada = participant("ada", join=False, room=room)
    expect(ada.page.locator("body")).to_have_attribute("data-ready", "yes")
    ada.allow(UNREACHABLE)
    mortal_server.kill()
    ada.control("display-name").fill("ada")
    ada.control("join").click()
    ada.expect_phase("failed", within=30)
    expect(ada.control("failed-server-unreachable")).to_be_visible()
    expect(ada.control("retry-in")).not_to_be_empty()
    mortal_server.start()
    ada.expect_phase("joined", within=30)
    ada.expect_alone()


def test_a_drained_server_is_found_again(mortal_server, participant):
    room = mortal_server.create_room()
    ada = participant("ada", room=room)
    ada.allow(UNREACHABLE)
    mortal_server.restart()
    ada.expect_phase("joined", within=30)
    bob = participant("bob", room=room)
    expect_mesh_complete(ada, bob)
