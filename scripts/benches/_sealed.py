"""Calls of a page with itself, whose frames go through a worker: ours or another's."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent.parent
PACKAGES = ROOT / "build" / "bench-e2ee"
WANTED = ("livekit-client@2.23.0",)
LIVEKIT = "node_modules/livekit-client/dist/livekit-client.e2ee.worker.mjs"

WORKERS = {
    "ours": ROOT / "e2ee" / "worker.js",
    "livekit": PACKAGES / LIVEKIT,
    "identity": HERE / "_identity.js",
}
_THREAD = "DedicatedWorker"  # as Chromium names it, cut by Linux


@contextmanager
def site() -> Iterator[str]:
    """Serve the page and the workers, apart from all others: so its clock is fine."""
    served = {f"/{kind}.js": path.read_bytes() for kind, path in WORKERS.items()}
    served["/timed.js"] = (HERE / "_timed.js").read_bytes()
    for kind in WORKERS:
        imports = f'import "/{kind}.js";\nimport "/timed.js";\n'
        served[f"/timed-{kind}.js"] = imports.encode()
    page = (HERE / "_sealed.html").read_bytes()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            script = served.get(self.path)
            self.send_response(200)
            kind = "text/javascript" if script else "text/html; charset=utf-8"
            self.send_header("content-type", kind)
            self.send_header("cross-origin-opener-policy", "same-origin")
            self.send_header("cross-origin-embedder-policy", "require-corp")
            self.end_headers()
            self.wfile.write(script or page)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://localhost:{server.server_port}/"
    finally:
        server.shutdown()


@dataclass(frozen=True)
class Shape:
    """So many links, and their pictures."""

    links: int
    width: int = 320
    height: int = 180
    rate: int = 20
    sound: bool = True


@contextmanager
def calling(
    browser: Browser, address: str, kind: str, shape: Shape, *, timed: bool = False
) -> Iterator[Page]:
    """Call until pictures come on every link; yields the page."""
    with browser.new_context() as context:
        page = context.new_page()
        page.goto(address)
        page.mouse.click(1, 1)  # or there is no sound
        name = f"timed-{kind}" if timed else kind
        page.evaluate(
            "how => start(how)", {"kind": kind, "worker": f"/{name}.js", **vars(shape)}
        )
        page.wait_for_function(
            "async least => (await decoded()) >= least",
            arg=10 * shape.links,
            polling=200,
        )
        yield page
        page.evaluate("() => stop()")


def worker_seconds(browser: Browser) -> float:
    """Return the seconds of CPU that workers of a browser used so far, of both ends."""
    session = browser.new_browser_cdp_session()
    processes = session.send("SystemInfo.getProcessInfo")["processInfo"]
    session.detach()
    spent = 0
    for process in processes:
        for task in Path(f"/proc/{process['id']}/task").glob("*"):
            if (task / "comm").read_text().startswith(_THREAD):
                spent += int((task / "schedstat").read_text().split()[0])
    return spent / 1e9


def wait(page: Page, seconds: float) -> None:
    """Let the measured time pass."""
    page.evaluate("ms => new Promise(done => setTimeout(done, ms))", 1e3 * seconds)
