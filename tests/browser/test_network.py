"""What a whole call asks of the network, and of the page's own policy."""

from collections import Counter

import pytest

from client_py.testing import expect_mesh_complete

_VIOLATIONS = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.effectiveDirective}: ${event.blockedURI}`);
});
"""


@pytest.mark.parametrize("engine", ["chromium", "firefox"])
def test_a_call_asks_for_nothing_twice_and_breaks_no_rule(participant, engine):
    asked = Counter()
    refused = []
    sockets = []
    ada = participant(
        "ada", engine=engine, join=False, visit=False, scripts=[_VIOLATIONS]
    )
    ada.page.on("request", lambda each: asked.update([f"{each.method} {each.url}"]))
    ada.page.on(
        "response",
        lambda each: refused.append(each.url) if each.status >= 400 else None,
    )
    ada.page.on("websocket", lambda each: sockets.append(each))
    ada.visit()
    ada.join()
    bob = participant("bob")
    expect_pictures(ada, bob)
    ada.share()
    bob.expect_sees_screen(ada, frames=3)
    for panel in ("chat", "people", "settings", "links"):
        ada.open_panel(panel)
    ada.leave()
    ada.join()
    expect_pictures(ada, bob)
    repeated = {
        each: times
        for each, times in asked.items()
        # Each call needs a pass and a socket of its own.
        if times > 1 and not each.endswith(("/token", "/ws"))
    }
    assert not repeated
    room = ada.room.link.partition("#")[0].replace("/r/", "/api/rooms/")
    assert asked[f"POST {room}/token"] == 2
    assert not refused
    assert ada.page.evaluate("() => window.violations") == []
    if engine == "chromium":
        assert len(sockets) == 2


def expect_pictures(ada, bob):
    ada.expect_sees(bob, frames=5)
    bob.expect_sees(ada, frames=5)


def test_nothing_comes_from_anywhere_else(participants):
    ada, bob = participants("ada", "bob")
    expect_mesh_complete(ada, bob, frames=3)
    origin = ada.room.link.split("/r/")[0]
    loaded = ada.page.evaluate(
        "() => performance.getEntriesByType('resource').map(each => each.name)"
    )
    assert [each for each in loaded if not each.startswith(origin)] == []
