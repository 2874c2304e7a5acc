"""What befalls people in a call, and how soon the others are rid of it."""

import time

import pytest
from playwright.sync_api import Error

from client_py.testing import expect_mesh_complete

from .page import KEEP_LINKS, UNREACHABLE

pytestmark = pytest.mark.alone

_GONE = """
([who, connection]) => {
  const tile = document.querySelector(`[data-testid=tile][data-participant="${who}"]`);
  return (tile?.dataset.connection ?? null) === connection;
}
"""

_BACK = """
([name, before]) => {
  const tile = document.querySelector(`[data-testid=tile][data-name="${name}"]`);
  return tile?.dataset.connection === "connected"
    && tile.dataset.participant !== before;
}
"""


def seconds_until(watcher, who, connection, within):
    """Return how long it takes until somebody's tile is marked so, or gone for None.

    ``who`` is an id: whoever is in trouble can't be asked any more.
    """
    began = time.monotonic()
    watcher.page.wait_for_function(
        _GONE, arg=[who, connection], polling=50, timeout=1000 * within
    )
    return time.monotonic() - began


def test_closed_tab_is_gone_within_half_a_second(participants, record_property):
    ada, bob, cleo = participants("ada", "bob", "cleo")
    expect_mesh_complete(ada, bob, cleo)
    who = cleo.id
    cleo.close()
    took = seconds_until(ada, who, None, within=0.5)
    record_property("gone", round(took, 2))
    seconds_until(bob, who, None, within=0.5)


def test_crashed_tab_is_gone_within_a_second(participants, machine, record_property):
    ada, bob = participants("ada", "bob")
    cleo = machine.tab("cleo")  # no other test is to inherit what is left of it
    expect_mesh_complete(ada, bob, cleo)
    who = cleo.id
    cleo.allow("crash")
    with cleo.page.expect_event("crash"), pytest.raises(Error):
        cleo.page.goto("chrome://crash")
    took = seconds_until(ada, who, None, within=1)
    record_property("gone", round(took, 2))
    ada.expect_sees(bob, frames=5)


def test_killed_browser_is_marked_in_one_second_and_gone_in_six(
    participants, machine, record_property
):
    ada, bob = participants("ada", "bob")
    cleo = machine.tab("cleo")
    expect_mesh_complete(ada, bob, cleo)
    who = cleo.id
    machine.kill()
    marked = seconds_until(ada, who, "reconnecting", within=1)
    gone = marked + seconds_until(ada, who, None, within=6 - marked)
    record_property("marked", round(marked, 2))
    record_property("gone", round(gone, 2))
    seconds_until(bob, who, None, within=1)
    ada.expect_sees(bob, frames=5)


@pytest.mark.parametrize(
    "asleep", [20, pytest.param(60, marks=pytest.mark.long)], ids="{} s".format
)
def test_machine_that_slept_is_back_within_three_seconds(
    participants, machine, record_property, asleep
):
    ada, bob = participants("ada", "bob")
    cleo = machine.tab("cleo")
    cleo.allow(UNREACHABLE)
    expect_mesh_complete(ada, bob, cleo)
    who = cleo.id
    machine.sleep()
    began = time.monotonic()
    marked = seconds_until(ada, who, "reconnecting", within=5)
    gone = marked + seconds_until(ada, who, None, within=18)
    ada.page.wait_for_timeout(1000 * (asleep - (time.monotonic() - began)))
    machine.wake()
    woken = time.monotonic()
    ada.page.wait_for_function(_BACK, arg=["cleo", who], polling=50, timeout=3000)
    back = time.monotonic() - woken
    for name, seconds in (("marked", marked), ("gone", gone), ("back", back)):
        record_property(name, round(seconds, 2))
    expect_mesh_complete(ada, bob, cleo)


#: Ends the microphone as a headset that is pulled does; tells how long every link is
#: without one, in milliseconds.
_PULL = """
() => new Promise(replaced => {
  const microphones = () => window.links
    .filter(link => link.connectionState === "connected")
    .map(link => link.getSenders().find(each => each.track?.kind === "audio")?.track);
  const [pulled] = microphones();
  const began = performance.now();
  pulled.stop();
  pulled.dispatchEvent(new Event("ended"));
  const look = () => {
    const live = microphones().every(
      track => track && track !== pulled && track.readyState === "live");
    if (live) replaced(performance.now() - began);
    else setTimeout(look, 10);
  };
  look();
})
"""

_HEARD = """
async () => {
  let packets = 0;
  for (const link of window.links)
    for (const stats of (await link.getStats()).values())
      if (stats.type === "inbound-rtp" && stats.kind === "audio")
        packets += stats.packetsReceived;
  return packets;
}
"""


def test_pulled_microphone_is_replaced_within_a_second(participant, record_property):
    ada, bob, cleo = (
        participant(name, media="devices", scripts=[KEEP_LINKS])
        for name in ("ada", "bob", "cleo")
    )
    for other in (bob, cleo):
        ada.expect_connected(other)
        other.page.wait_for_function(f"async () => await ({_HEARD})() > 100")
    took = ada.page.evaluate(_PULL)
    record_property("replaced", round(took))
    assert took <= 1000
    for other in (bob, cleo):
        other.expect_tile(ada, audio="on")
        before = other.page.evaluate(_HEARD)
        other.page.wait_for_function(
            f"async before => await ({_HEARD})() > before + 50", arg=before
        )
