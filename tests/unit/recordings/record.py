"""Records what one end of a call of two sends, for tests/unit/test_recorded.py.

    PYTHONPATH=. python tests/unit/recordings/record.py chromium

Once a second the page's own getStats, summed up as ``client_py/browser/out.py`` does.
Nothing bounds the call but the machine; its pictures fill any bitrate. A way that is
capped is still to be recorded: Chromium's network emulation held back nothing of it.
"""

import json
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from client_py.testing.browsers import Browsers
from client_py.testing.server import Server

SECONDS = 30

_KEEP = """
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...rest) { super(...rest); (window.links ??= []).push(this); }
};
"""
_LOOK = """
async () => {
  await new Promise(done => setTimeout(done, 1000));
  const link = window.links.find(each => each.connectionState === "connected");
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


def enter(page: Page, link: str, name: str) -> None:
    page.goto(link.replace("#", f"?media=restless:{name}#"))
    page.get_by_test_id("display-name").fill(name)
    page.get_by_test_id("join").click()
    page.locator("body[data-phase=joined]").wait_for()


def main(engine: str) -> None:
    with sync_playwright() as playwright, tempfile.TemporaryDirectory() as data:
        server, browsers = Server(Path(data)), Browsers(playwright)
        server.start()
        try:
            room = server.create_room()
            pages = []
            for name in ("ada", "bob"):
                context = browsers[engine].new_context(
                    viewport={"width": 1600, "height": 1000}
                )
                context.add_init_script(_KEEP)
                pages.append(context.new_page())
                enter(pages[-1], room.link, name)
            rows = [pages[0].evaluate(_LOOK) for _ in range(SECONDS)]
        finally:
            browsers.close()
            server.stop()
    sys.stdout.write("[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
