"""The worker in a browser, driven from a test."""

import itertools
import threading
from base64 import b64decode, b64encode
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, Page

from e2ee.keyring import key_id
from e2ee.sframe import Header
from e2ee.slot import Slot
from e2ee.suite import Suite, derive

HERE = Path(__file__).parent
FILES = {
    "/worker.js": HERE.parents[1] / "e2ee" / "worker.js",
    "/harness.js": HERE / "harness.js",
}
TYPES = {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".wasm": "application/wasm",
    ".json": "application/json",
}

START = """
async () => {
  window.worker = new Worker("/harness.js", {type: "module"});
  window.waiting = new Map();
  window.told = [];
  worker.onerror = ({message}) => told.push({kind: "error", message});
  worker.onmessage = ({data}) => {
    const key = data.id ?? data.kind;
    if (waiting.has(key)) { waiting.get(key)(data); waiting.delete(key); }
    else told.push(data);
  };
  window.ask = (key, message) => new Promise(resolve => {
    waiting.set(key, resolve);
    worker.postMessage(message);
  });
  window.install = async (message) => {
    const bytes = text => Uint8Array.from(atob(text), each => each.charCodeAt(0));
    for (const one of message.keys) {
      one.key = await crypto.subtle.importKey(
        "raw", bytes(one.key), "AES-GCM", false, ["encrypt", "decrypt"]);
      one.salt = bytes(one.salt);
    }
    worker.postMessage(message);
  };
}
"""


class WorkerPage:
    """One worker. Links are named by the test."""

    def __init__(self, page: Page) -> None:
        self._page = page
        self._numbers = itertools.count()
        page.evaluate(START)
        self.agent: str = page.evaluate("navigator.userAgent")

    def install(
        self,
        way: str,
        link: str,
        generation: int,
        suite: Suite,
        base_key: bytes,
        *,
        counter: int = 0,
    ) -> None:
        """Give the worker the keys of a generation, as keys that stay inside."""
        kids = [key_id(generation, slot) for slot in Slot]
        keys = [_key(suite, base_key, kid, counter) for kid in kids]
        self.give(way, link, generation, keys)

    def install_one(
        self, way: str, link: str, suite: Suite, base_key: bytes, header: Header
    ) -> None:
        """Give the worker one key, whose next frame has this header."""
        key = _key(suite, base_key, header.kid, header.ctr)
        self.give(way, link, 0, [key])

    def give(
        self, way: str, link: str, generation: int, keys: list[dict[str, Any]]
    ) -> None:
        """Give the worker keys."""
        self._page.evaluate(
            "message => install(message)",
            {"kind": way, "link": link, "generation": generation, "keys": keys},
        )

    def say(self, kind: str, link: str, **more: Any) -> None:
        """Send the worker a message that it doesn't answer."""
        self._page.evaluate(
            "message => worker.postMessage(message)",
            {"kind": kind, "link": link, **more},
        )

    def run(
        self, way: str, link: str, slot: int, frames: Sequence[bytes], **more: Any
    ) -> list[bytes]:
        """Put frames through a transform, of more options; return what leaves it."""
        ran = self.ran(way, link, slot, frames, **more)
        return [b64decode(each) for each in ran["frames"]]

    def ran(
        self, way: str, link: str, slot: int, frames: Sequence[bytes], **more: Any
    ) -> Any:
        """The same, with all that the harness says."""
        number = next(self._numbers)
        message = {
            "kind": "run",
            "id": number,
            "options": {"link": link, "slot": int(slot), "way": way, **more},
            "frames": [b64encode(each).decode() for each in frames],
        }
        return self._page.evaluate("([id, it]) => ask(id, it)", [number, message])

    def counts(self, link: str, slot: int, way: str) -> dict[str, int]:
        """Return what became of the frames of a transform."""
        counted = self._page.evaluate("() => ask('counts', {kind: 'count'})")
        found: dict[str, int] = counted["counts"].get(f"{link} {int(slot)} {way}", {})
        return found

    def told(self) -> list[dict[str, Any]]:
        """Return what the worker said by itself."""
        said: list[dict[str, Any]] = self._page.evaluate("() => told")
        return said


def _key(suite: Suite, base_key: bytes, kid: int, counter: int) -> dict[str, Any]:
    key = derive(suite, base_key, kid)
    return {
        "slot": kid & 7,
        "kid": kid,
        "key": b64encode(key.key).decode(),
        "salt": b64encode(key.salt).decode(),
        "counter": counter,
    }


@contextmanager
def origin(files: dict[str, bytes] | None = None) -> Iterator[str]:
    """Serve files, the worker if none are named, on a free port of this machine."""
    served = files or {name: path.read_bytes() for name, path in FILES.items()}

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            body = served.get(self.path)
            kind = TYPES.get(Path(self.path).suffix, "application/octet-stream")
            self.send_response(200 if body or self.path == "/" else 404)
            self.send_header("content-type", "text/html" if body is None else kind)
            self.end_headers()
            self.wfile.write(body or b"<!doctype html>")

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def worker_page(browser: Browser) -> Iterator[WorkerPage]:
    """Open a page with a worker in it."""
    with origin() as address:
        page = browser.new_page()
        try:
            page.goto(address)
            yield WorkerPage(page)
        finally:
            page.close()
