"""Time from opening a link to Python being ready, against stock ``loadPyodide``.

Ours is the lobby of a room with its camera, with the client imported and started.
The peer's page does nothing but load Pyodide as npm ships it, from the same server
and as tightly packed. Cold is a browser that was never here, warm the second visit.
"""

import dataclasses
import os
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep
from typing import Any

import uvicorn
from _report import Row, progress, report, row
from _rig import ROOT, chromium, join, lobby, new_room
from playwright.sync_api import Browser, BrowserContext

sys.path[:0] = [str(ROOT), str(ROOT / "scripts")]

from page.publication import Publication  # noqa: E402

from server.__main__ import configuration  # noqa: E402
from server.app import create_app  # noqa: E402
from server.settings import Settings  # noqa: E402

RUNS = 5
PATIENCE = 60.0  # seconds
REST = 2.0  # seconds between two visits: caches are written meanwhile
STOCK = "stock loadPyodide"
STOCK_FILES = (
    "pyodide.mjs",
    "pyodide.asm.mjs",
    "pyodide.asm.wasm",
    "pyodide-lock.json",
    "python_stdlib.zip",
)
STOCK_PAGE = b"""<!doctype html><title>Stock</title><p>Stock</p>
<script type="module" src="/stock/start.js"></script>
"""
STOCK_START = b"""import { loadPyodide } from "/stock/pyodide.mjs";
await loadPyodide({ indexURL: "/stock/" });
performance.mark("tertulia:python-ready");
"""
MEASURED = """() => {
  const [ready] = performance.getEntriesByName("tertulia:python-ready");
  const [paint] = performance.getEntriesByName("first-contentful-paint");
  if (!ready || !paint) return null;
  let bytes = 0;
  for (const type of ["navigation", "resource"])
    for (const entry of performance.getEntriesByType(type))
      // A request to the API answers anew each time, and is no part of the page.
      if (!entry.name.includes("/api/")) bytes += entry.transferSize;
  return [ready.startTime, paint.startTime, bytes];
}"""

#: Somebody who was here before, and clicks as soon as there is a button.
INVITED = """
localStorage.setItem("tertulia.preferences", JSON.stringify({ name: "Bob" }));
addEventListener("DOMContentLoaded", () =>
  requestAnimationFrame(() => document.querySelector("[data-testid=join]").click()));
"""
FACE = """() => {
  const [face] = performance.getEntriesByName("tertulia:first-remote-frame");
  return face ? face.startTime : null;
}"""

Visit = tuple[float, float, float]  # ready, first paint, bytes


def add_stock(page: Path) -> None:
    """Put the stock distribution beside our page, in a copy of its folder."""
    built = ROOT / "build"
    publication = Publication(page, built / "packed", 11)
    (page / "stock").mkdir()
    stock = built / "pyodide/node_modules/pyodide"
    bodies = {name: (stock / name).read_bytes() for name in STOCK_FILES}
    bodies["start.js"] = STOCK_START
    for name, body in bodies.items():
        publication.put(f"/stock/{name}", f"stock/{name}", body, immutable=True)
    publication.put("/stock", "stock.html", STOCK_PAGE, immutable=False)
    publication.merge(built / "page")
    publication.finish("bench")


@contextmanager
def served(page: Path, data: Path) -> Iterator[str]:
    """Serve a folder of files and the API; yields the address."""
    settings = dataclasses.replace(
        Settings.from_env({**os.environ, "TERTULIA_DATA_DIR": str(data)}),
        page=page,
        port=0,
    )
    server = uvicorn.Server(configuration(create_app(settings), settings))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        sleep(0.05)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://localhost:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def open_until(context: BrowserContext, link: str, measured: str) -> Any:
    """Open a link in a new tab, and return what there is to measure, once it is."""
    tab = context.new_page()
    try:
        tab.goto(link, wait_until="commit")
        end = monotonic() + PATIENCE
        while monotonic() < end:
            # Rarely, so that asking is no load of its own.
            sleep(0.25)
            if answer := tab.evaluate(measured):
                return answer
        raise TimeoutError(link)
    finally:
        sleep(REST)
        tab.close()


def visit(context: BrowserContext, link: str) -> Visit:
    """Open a link and wait until Python is ready."""
    ready, paint, size = open_until(context, link, MEASURED)
    return ready, paint, size


def link_to_face(browser: Browser, address: str) -> tuple[float, float]:
    """Follow an invitation twice; somebody sits in the room and waits."""
    link = new_room(address)
    with browser.new_context() as there, browser.new_context() as invited:
        host = there.new_page()
        lobby(host, link, "Ada")
        join(host)
        host.locator("body[data-phase=joined]").wait_for()
        invited.add_init_script(INVITED)
        cold = open_until(invited, link, FACE)
        return float(cold), float(open_until(invited, link, FACE))


def cold_and_warm(browser: Browser, link: str) -> tuple[Visit, Visit]:
    """Visit twice with a browser that was never there."""
    with browser.new_context() as context:
        return visit(context, link), visit(context, link)


def measure(browser: Browser, address: str) -> list[Row]:
    """Alternate ours and the peer's."""
    link = new_room(address)
    ours, stock, faces = [], [], []
    for number in range(RUNS):
        progress(f"boot: {number + 1} of {RUNS}")
        ours.append(cold_and_warm(browser, link))
        stock.append(cold_and_warm(browser, f"{address}/stock"))
        faces.append(link_to_face(browser, address))

    def compared(name: str, unit: str, which: int, value: int) -> Row:
        mine, theirs = (
            [float(visits[which][value]) for visits in each] for each in (ours, stock)
        )
        return row(name, unit, mine, theirs, STOCK)

    return [
        compared("cold", "ms", 0, 0),
        compared("warm", "ms", 1, 0),
        row("first paint, cold", "ms", [visits[0][1] for visits in ours]),
        row("first paint, warm", "ms", [visits[1][1] for visits in ours]),
        row("link to face, cold", "ms", [cold for cold, _ in faces]),
        row("link to face, warm", "ms", [warm for _, warm in faces]),
        compared("bytes, first visit", "bytes", 0, 2),
        compared("bytes, second visit", "bytes", 1, 2),
    ]


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        page, data = Path(folder, "page"), Path(folder, "data")
        progress("boot: packing the stock page, once")
        add_stock(page)
        with served(page, data) as address, chromium() as browser:
            report("boot", measure(browser, address))


if __name__ == "__main__":
    main()
