"""What the benchmarks of calls share: a server of ours, a browser, a raw page.

The raw page is the floor: the least JavaScript that makes the same call, with no
framework, no server and no signaling but the browser's own BroadcastChannel.
"""

import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT))

from client_py.testing.browsers import (  # noqa: E402
    FAKE_DEVICES,
    NO_QUESTIONS,
    QUIET,
    Browsers,
    executable,
)
from client_py.testing.server import Server, create_room  # noqa: E402

ARGUMENTS = [*QUIET, *FAKE_DEVICES, NO_QUESTIONS]

#: Keeps every connection that a page makes, so that its stats can be asked for.
KEEP_CONNECTIONS = """
window.connections = [];
window.RTCPeerConnection = class extends RTCPeerConnection {
  constructor(...rest) { super(...rest); window.connections.push(this); }
};
"""

#: The width in which a page sends its picture on each link, just now.
WIDTHS_SENT = """
async () => {
  const widths = [];
  for (const connection of window.connections) {
    if (connection.connectionState !== "connected") continue;
    const report = await connection.getStats();
    for (const stats of report.values())
      if (stats.type === "outbound-rtp" && stats.kind === "video" && stats.frameWidth)
        widths.push(stats.frameWidth);
  }
  return widths;
}
"""

#: Frames decoded so far on every link of a page, by a name of the link's own.
FRAMES_DECODED = """
async () => {
  const counts = {};
  for (const [number, connection] of window.connections.entries()) {
    if (connection.connectionState !== "connected") continue;
    const report = await connection.getStats();
    for (const stats of report.values())
      if (stats.type === "inbound-rtp" && stats.kind === "video" && stats.framesDecoded)
        counts[`${number} ${stats.id}`] = stats.framesDecoded;
  }
  return counts;
}
"""

RAW_PAGE = (Path(__file__).parent / "_raw.html").read_bytes()


@contextmanager
def our_server() -> Iterator[str]:
    """Serve Tertulia on a free port; yields its address."""
    with tempfile.TemporaryDirectory() as data:
        server = Server(Path(data))
        server.start()
        try:
            yield server.url
        finally:
            server.stop()


@contextmanager
def raw_server() -> Iterator[str]:
    """Serve the raw page on a free port; yields its address."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.send_header("content-type", "text/html; charset=utf-8")
            self.end_headers()
            self.wfile.write(RAW_PAGE)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}"
    finally:
        server.shutdown()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start Chromium with fake devices."""
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=executable("chromium"), args=ARGUMENTS
        )
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def browsers() -> Iterator[Browsers]:
    """Start each engine that is asked for, as the tests do."""
    with sync_playwright() as playwright:
        started = Browsers(playwright)
        try:
            yield started
        finally:
            started.close()


def new_room(address: str, *, e2ee: bool = True) -> str:
    """Make a room and return its link."""
    return create_room(address, e2ee=e2ee).link


def lobby(page: Page, link: str, name: str) -> None:
    """Bring a page to where a click on *Join* is all that is missing."""
    page.goto(link)
    page.locator("body[data-ready=yes]").wait_for()
    page.locator("#preview-frame[data-video=on]").wait_for()
    page.get_by_test_id("display-name").fill(name)


def join(page: Page) -> None:
    """Click *Join*, noting when in the page's own time."""
    page.evaluate(
        "() => { performance.mark('click');"
        " document.querySelector('[data-testid=join]').click(); }"
    )


def between(page: Page, first: str, last: str) -> float:
    """Return the milliseconds between two marks, waiting for the last."""
    page.wait_for_function(
        "name => performance.getEntriesByName(name).length", arg=last, polling=20
    )
    return float(
        page.evaluate(
            "([a, b]) => performance.getEntriesByName(b)[0].startTime"
            " - performance.getEntriesByName(a).at(-1).startTime",
            [first, last],
        )
    )
