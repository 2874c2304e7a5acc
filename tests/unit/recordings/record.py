"""Records what one end of a call of two sends, for tests/unit/test_recorded.py.

    PYTHONPATH=. python tests/unit/recordings/record.py chromium free

Once a second the page's own getStats, summed up as ``client_py/browser/out.py`` does;
its pictures fill any bitrate. ``free``: nothing bounds the call but the machine.
``capped``: from the tenth second to the forty-fifth the line is one of 300 kbit/s.
``busy``: as long other programs want the processor. Each end is in a namespace of
tests/network, so it takes root.
"""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from playwright.sync_api import sync_playwright

from client_py.testing.server import Server
from tests.network.caller import Caller
from tests.network.coturn import Relay
from tests.network.namespace import remove_leftovers
from tests.network.site import SERVER, Nat, Public, Site

BOUND, END = 10, 70  # looks, and a bound holds for half of them
CAP = 300  # kbit/s

_LOOK = """
async () => {
  await new Promise(done => setTimeout(done, 1000));
  const link = window.connections.find(each => each.connectionState === "connected");
  if (!link) return null;
  const report = await link.getStats();
  const row = { timestamp: 0, packets: 0, lost: 0, size: 0, trip: 0, available: 0,
                frames: 0, encode_time: 0, source_rate: 0, limited: "" };
  for (const s of report.values()) {
    if (s.type === "outbound-rtp") {
      row.timestamp = Math.max(row.timestamp, s.timestamp / 1000);
      row.packets += s.packetsSent ?? 0;
      row.size += (s.bytesSent ?? 0) + (s.headerBytesSent ?? 0);
      if (s.kind === "video" && s.framesEncoded > row.frames) {
        row.frames = s.framesEncoded;
        row.encode_time = s.totalEncodeTime ?? 0;
        row.limited = s.qualityLimitationReason ?? "";
      }
    } else if (s.type === "remote-inbound-rtp") {
      row.lost += s.packetsLost ?? 0;
      row.trip = Math.max(row.trip, s.roundTripTime ?? 0);
    } else if (s.type === "media-source" && s.kind === "video")
      row.source_rate = Math.max(row.source_rate, s.framesPerSecond ?? 0);
    else if (s.type === "transport" && report.has(s.selectedCandidatePairId)) {
      const pair = report.get(s.selectedCandidatePairId);
      row.available = pair.availableOutgoingBitrate ?? 0;
      row.trip = pair.currentRoundTripTime ?? row.trip;
    }
  }
  return row;
}
"""


@contextmanager
def free(site: Site) -> Iterator[None]:
    """Bind nothing."""
    yield


@contextmanager
def capped(site: Site) -> Iterator[None]:
    """Have a site's line let little through."""
    site.narrow(up=CAP, down=CAP)
    yield
    site.narrow()


@contextmanager
def busy(site: Site) -> Iterator[None]:
    """Have programs want the processor, four for each core."""
    spin = [sys.executable, "-c", "while True: pass"]
    programs = [subprocess.Popen(spin) for _ in range(4 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for each in programs:
            each.kill()
            each.wait()


BOUNDS = {"free": free, "capped": capped, "busy": busy}


def rows(look: Callable[[], object], site: Site, how: str) -> Iterator[object]:
    """Yield what each look shows, the bound put on and taken off meanwhile."""
    yield from (look() for _ in range(BOUND))
    with BOUNDS[how](site):
        yield from (look() for _ in range(END // 2))
    yield from (look() for _ in range(END // 2 - BOUND))


def main(engine: str, how: str) -> None:
    remove_leftovers()
    with ExitStack() as stack:
        data = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        playwright = stack.enter_context(sync_playwright())
        public = Public()
        stack.callback(public.remove)
        sites = [Site(public, number) for number in (1, 2)]
        relay = Relay(public.namespace, data)
        stack.callback(relay.close)
        # Browsers tell their addresses to nobody: STUN has to.
        urls = ",".join(relay.urls)
        about = {"TERTULIA_HOST": SERVER, "TERTULIA_TURN_URLS": urls}
        about["TERTULIA_TURN_SECRET"] = relay.secret
        server = Server(data, about, port=443)
        public.namespace.inside(server.start)
        stack.callback(server.stop)
        room = public.namespace.inside(server.create_room)
        people = []
        for site, name in zip(sites, ("ada", "bob"), strict=True):
            stack.callback(site.remove)
            site.become(Nat.NONE)
            caller = Caller(site, playwright, data, fingerprint=relay.fingerprint)
            stack.callback(caller.close)
            screen = {"width": 1600, "height": 1000}
            made = {"engine": engine, "media": "restless", "viewport": screen}
            people.append(caller.tab(room, name, quality="sd", **made))
        ada, bob = people
        bob.expect_connected(ada, within=30)
        found = list(rows(lambda: ada.page.evaluate(_LOOK), sites[0], how))
    sys.stdout.write("[\n" + ",\n".join(map(json.dumps, found)) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
