"""A server that is killed in a call: no picture, no sound and no record is lost."""

import os
import time
from contextlib import contextmanager

import httpx
import pytest

from client_py.core.address import room_link
from client_py.testing import Room, expect_mesh_complete
from e2ee.room import new_secret
from tests.browser.page import KEEP_LINKS, UNREACHABLE

pytestmark = pytest.mark.alone

LONGEST_GAP = 1000  # milliseconds
AWAY = 10.0  # seconds
BACK = 2.0  # seconds; what coming back breaks is seen at once
PATIENCE = 40.0  # seconds; statistics are told every 10 s

#: The longest time in which nothing new came of a picture or a sound, of all that come
#: by their own. Asked of the links themselves: a tab may paint late, and loses nothing
#: by it.
_WATCH_LINKS = """
window.watchLinks = () => {
  const seen = new Map();
  window.gaps = () => {
    const found = { audio: [], video: [] };
    for (const each of seen.values()) {
      found[each.kind].push(each.longest);
      each.longest = 0;
    }
    return found;
  };
  const look = async () => {
    for (const link of window.links) {
      if (link.connectionState !== "connected") continue;
      for (const stats of (await link.getStats()).values()) {
        if (stats.type !== "inbound-rtp") continue;
        const { kind, framesDecoded, packetsReceived } = stats;
        const count = (kind === "video" ? framesDecoded : packetsReceived) ?? 0;
        const key = `${window.links.indexOf(link)} ${stats.id}`;
        const each = seen.get(key);
        if (!each) {
          if (count) seen.set(key, { kind, count, at: stats.timestamp, longest: 0 });
          continue;
        }
        each.longest = Math.max(each.longest, stats.timestamp - each.at);
        if (count > each.count) [each.count, each.at] = [count, stats.timestamp];
      }
    }
    setTimeout(look, 150);  // looking is work for the machine that is looked at
  };
  look();
};
"""


class Host:
    """Somebody who made a room, and reads its log."""

    def __init__(self, http):
        self._http = http
        token = http.post("/api/session", json={}).json()["token"]
        self._bearer = {"authorization": f"Bearer {token}"}
        made = http.post("/api/rooms", json={}, headers=self._bearer).json()["room"]
        self.room = Room(room_link(str(http.base_url), made, new_secret(os.urandom)))

    def log(self):
        answer = self._http.get(f"/api/rooms/{self.room.id}/log", headers=self._bearer)
        return answer.raise_for_status().json()["participations"]

    def until(self, happened):
        """Ask until something is so: what the server knows of itself tells nobody."""
        end = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < end, self.log()
            time.sleep(0.2)

    def samples(self):
        """Return how often links were told of since the server was started."""
        for line in self._http.get("/metrics").text.splitlines():
            name, _, value = line.partition(" ")
            if name == "tertulia_link_round_trip_seconds_count":
                return float(value)
        raise AssertionError("no such metric")


_SCRIPTS = (KEEP_LINKS, _WATCH_LINKS)


@contextmanager
def host_at(server):
    with httpx.Client(base_url=server.url, trust_env=False) as http:
        yield Host(http)


def watched(people):
    for one in people:
        one.allow(UNREACHABLE)
        one.page.evaluate("() => window.watchLinks()")


def longest_gaps(people):
    """Return the longest gap of any picture, and of any sound, in milliseconds."""
    found = [one.page.evaluate("() => window.gaps()") for one in people]
    # The others' screens, which none of them shares, are never decoded or heard.
    for each in found:
        assert [len(each[kind]) for kind in ("video", "audio")] == [len(people) - 1] * 2
    return [
        round(max(max(each[kind]) for each in found)) for kind in ("video", "audio")
    ]


def look_at_each_other(people, seconds):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        people[0].expect_sees(people[-1], frames=10)


@pytest.mark.timeout(240)
def test_a_kill_in_a_call_of_three_loses_no_frame_and_no_record(
    mortal_server, participants, record_property
):
    with host_at(mortal_server) as host:
        names = ("ada", "bob", "cleo")
        people = participants(*names, room=host.room, scripts=_SCRIPTS)
        expect_mesh_complete(*people, frames=5)
        ids = [one.id for one in people]
        host.until(lambda: len(host.log()) == 3)
        began = {each["participation"]: each["joined_at"] for each in host.log()}
        watched(people)
        mortal_server.kill()
        for one in people:
            one.expect_phase("reconnecting")
        mortal_server.start()
        for one in people:
            one.expect_phase("joined", within=30)
        # What was told while somebody wasn't back yet is not of all links.
        early = host.samples()
        look_at_each_other(people, BACK)
        found = longest_gaps(people)
        record_property("longest", found)
        assert max(found) < LONGEST_GAP, f"no new picture, and sound, for {found} ms"
        expect_mesh_complete(*people)
        # Both ends of all three links tell of them.
        host.until(lambda: host.samples() >= early + 6)
        for one in people:
            one.leave()
        host.until(lambda: all(each["left_at"] for each in host.log()))
        log = host.log()
    assert {each["participation"]: each["joined_at"] for each in log} == began
    assert sorted(began) == sorted(ids)
    assert len(log) == 3
    assert [each["reason"] for each in log] == ["left"] * 3
    for each in log:
        others = sorted(set(ids) - {each["participation"]})
        assert sorted(link["peer"] for link in each["links"]) == others


@pytest.mark.timeout(240)
def test_four_see_each_other_while_the_server_is_away_for_long(
    mortal_server, participants, record_property
):
    with host_at(mortal_server) as host:
        names = ("ada", "bob", "cleo", "dan")
        people = participants(*names, room=host.room, scripts=_SCRIPTS)
        expect_mesh_complete(*people, frames=5)
        watched(people)
        mortal_server.kill()
        for one in people:
            one.expect_phase("reconnecting")
        look_at_each_other(people, AWAY)
        mortal_server.start()
        for one in people:
            one.expect_phase("joined", within=30)
        look_at_each_other(people, BACK)
        found = longest_gaps(people)
        record_property("longest", found)
        assert max(found) < LONGEST_GAP, f"no new picture, and sound, for {found} ms"
        expect_mesh_complete(*people, frames=3)
