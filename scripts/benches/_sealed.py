"""Calls of a page with itself, whose frames go through a worker: ours or another's."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

from _npm import install
from _report import Row, progress, row
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
RUNS = 3
ONE_WAY = 10  # what is looked for is small
SECONDS = 5.0
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
    bare: int = -1  # the link whose frames go through no worker


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


def install_peer() -> None:
    """Install what ours is compared with, once."""
    if all(path.exists() for path in WORKERS.values()):
        return
    install(PACKAGES, WANTED)


def latencies(browser: Browser, address: str, engine: str) -> list[Row]:
    """Return what workers keep a frame for, in a call of four, and what they add."""
    kinds = ("ours", "livekit")
    took: dict[tuple[str, str, str], list[float]] = {}
    grown: dict[str, list[float]] = {kind: [] for kind in kinds}
    # Without a device for sound Firefox sounds nothing.
    shape = Shape(links=3, sound=engine == "chromium")
    for run in range(RUNS):
        for kind in kinds if run % 2 else reversed(kinds):
            with calling(browser, address, kind, shape, timed=True) as page:
                page.evaluate("() => took()")  # what came before was the beginning
                wait(page, SECONDS)
                times = page.evaluate("() => took()")
            for way in ("send", "receive"):
                held = sorted(times[way])
                for name, value in (
                    ("p50", median(held)),
                    ("p99", held[int(0.99 * len(held))]),
                ):
                    took.setdefault((kind, way, name), []).append(value)
            grown[kind].append(max(times["grown"]))
            progress(f"e2ee {engine}, {kind}: {took[kind, 'send', 'p50'][-1]:.3f} ms")
    rows = [
        row(
            f"{way}, {name}, {engine.title()}",
            "ms",
            took["ours", way, name],
            took["livekit", way, name],
            "LiveKit",
        )
        for way in ("send", "receive")
        for name in ("p50", "p99")
    ]
    name = f"a frame grows by, {engine.title()}"
    return [*rows, row(name, "bytes", grown["ours"], grown["livekit"], "LiveKit")]


def one_way(browser: Browser, address: str) -> list[Row]:
    """Return by how much later a picture comes to the other end's decoder.

    Each picture goes over two links at once, one with a worker and one without, so that
    what the machine does besides is the same for both. Chromium's alone: no other
    browser hands out pictures before it shows them.
    """
    later: dict[tuple[str, str], list[float]] = {}
    for run in range(ONE_WAY):
        bare = run % 2
        for kind in ("ours", "identity"):
            shape = Shape(links=2, sound=False, bare=bare)
            with calling(browser, address, kind, shape) as page:
                page.evaluate("() => compared(2000)")  # buffers take time to shrink
                took = page.evaluate(f"() => compared({1e3 * SECONDS})")
            added = sorted(each[1 - bare] - each[bare] for each in took)
            later.setdefault((kind, "p50"), []).append(median(added))
            later.setdefault((kind, "p99"), []).append(added[int(0.99 * len(added))])
            progress(f"e2ee one way, {kind}: + {later[kind, 'p50'][-1]:.2f} ms")
    return [
        row(
            f"a picture comes later by, {name}",
            "ms",
            later["ours", name],
            later["identity", name],
            "frames passed on",
        )
        for name in ("p50", "p99")
    ]


def worker_share(browser: Browser, address: str, shape: Shape) -> list[Row]:
    """Return how much of a core one end's worker takes for so many others."""
    kinds = ("ours", "livekit", "identity", "plain")
    share: dict[str, list[float]] = {kind: [] for kind in kinds}
    rate: dict[str, list[float]] = {kind: [] for kind in kinds}
    for run in range(RUNS):
        for kind in kinds if run % 2 else reversed(kinds):
            with calling(browser, address, kind, shape) as page:
                wait(page, 1.0)
                start, spent = monotonic(), worker_seconds(browser)
                decoded = page.evaluate("() => decoded()")
                wait(page, SECONDS)
                seconds = monotonic() - start
                # The far ends have a worker of their own, and as much to do.
                half = (worker_seconds(browser) - spent) / 2
                pictures = page.evaluate("() => decoded()") - decoded
            share[kind].append(100 * half / seconds)
            rate[kind].append(pictures / seconds / shape.links)
            progress(f"e2ee worker, {kind}: {share[kind][-1]:.1f} % of a core")
    ours, others = share["ours"], f"{shape.links} others"
    return [
        row(f"worker, {others}", "%", ours, share["livekit"], "LiveKit"),
        row(f"worker, {others}", "%", ours, share["identity"], "frames passed on"),
        row(f"pictures, {others}", "fps", rate["ours"], rate["plain"], "no worker"),
    ]
