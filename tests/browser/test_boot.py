"""boot.js in real browsers: snapshot, fallbacks, and what is kept meanwhile."""

import json
import shutil
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserType, Page, Playwright, Route

from client_py.testing.browsers import FAKE_DEVICES, NO_QUESTIONS, QUIET, executable

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "scripts"))

from page.build import build  # noqa: E402

pytestmark = pytest.mark.timeout(180)

CSP = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
    "connect-src 'self' ws: wss:; worker-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob: mediastream:; "
    "manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
CHROMIUM = [*QUIET, *FAKE_DEVICES, NO_QUESTIONS]
FIREFOX = {
    "media.navigator.streams.fake": True,
    "media.navigator.permission.disabled": True,
}


# What the copy of the client that is built here does first of all.
TELL_RANDOM = """
_start = start

def start() -> None:
    import random
    document.documentElement.dataset.random = str(random.random())
    _start()
"""


class Site(ThreadingHTTPServer):
    """Serves a built page, counts what is asked for, and can spoil the snapshot."""

    daemon_threads = True

    def __init__(self, page: Path) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.page = page
        self.files: dict[str, Any] = json.loads((page / "manifest.json").read_text())[
            "files"
        ]
        self.asked: Counter[str] = Counter()
        self.spoil = ""
        self.open = threading.Event()  # while it is not set, no snapshot comes
        self.open.set()
        self.url = f"http://localhost:{self.server_port}"

    def handle_error(self, *_: object) -> None:
        """Say nothing: a page that closes cuts its connections."""


class Handler(BaseHTTPRequestHandler):
    """One request to a ``Site``."""

    server: Site
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked[self.path] += 1
        in_room = self.path.startswith("/r/")
        url = "/" if in_room else self.path.split("?")[0]
        entry = self.server.files.get(url)
        if entry is None:
            self._answer(404, b"", {})
            return
        body = (self.server.page / entry["file"]).read_bytes()
        headers = {"content-type": entry["type"], "cache-control": "no-cache"}
        if in_room:
            body = body.replace(b'data-room="none"', b'data-room="open"', 1)
        packed = entry["encodings"].get("br") if url != "/" else None
        if packed and not (self.server.spoil and "/snapshot." in url):
            body = (self.server.page / packed).read_bytes()
            headers["content-encoding"] = "br"
        if entry["immutable"]:
            headers["cache-control"] = "public, max-age=31536000, immutable"
        if "/snapshot." in url:
            self.server.open.wait(30)
            if self.server.spoil == "missing":
                self._answer(404, b"", {})
                return
            if self.server.spoil == "cut":
                body = body[: len(body) // 2]
            elif self.server.spoil == "changed":
                body = body[:-5000] + bytes([body[-5000] ^ 1]) + body[-4999:]
            elif self.server.spoil == "of another build":
                body = b"\0" * len(body)
        self._answer(200, body, headers)

    def do_POST(self) -> None:
        self.server.asked[self.path] += 1
        self.rfile.read(int(self.headers["content-length"]))
        if self.path == "/api/rooms/gone/token":
            answer: dict[str, Any] = {"error": {"code": "room_not_found"}}
            self._answer(404, json.dumps(answer).encode(), {})
            return
        said = self.headers.get("authorization", "nothing")
        answer = {"token": f"{self.path} for {said}", "expires_in": 600}
        self._answer(200, json.dumps(answer).encode(), {})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.send_header("content-security-policy", CSP)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("root")
    for name in ("client_py", "e2ee", "protocol", "www"):
        shutil.copytree(ROOT / name, root / name)
    with (root / "client_py/browser/main.py").open("a") as file:
        file.write(TELL_RANDOM)
    out = root / "build"
    out.mkdir()
    if (ROOT / "build/pyodide").is_dir():
        (out / "pyodide").symlink_to(ROOT / "build/pyodide")
    build(root, out, quality=1, say=lambda _: None)
    return out / "page"


@pytest.fixture
def site(built: Path) -> Iterator[Site]:
    with Site(built) as site:
        thread = threading.Thread(target=site.serve_forever)
        thread.start()
        yield site
        site.open.set()
        site.shutdown()
        thread.join()


def launched(kind: BrowserType) -> Browser:
    if kind.name == "chromium":
        return kind.launch(executable_path=executable("chromium"), args=CHROMIUM)
    path = executable("firefox")
    channel = "moz-firefox" if path else None
    return kind.launch(
        channel=channel, executable_path=path, firefox_user_prefs=FIREFOX
    )


@pytest.fixture(scope="module", params=["chromium", "firefox"])
def engine(request: pytest.FixtureRequest, playwright: Playwright) -> Iterator[Browser]:
    browser = launched(getattr(playwright, request.param))
    yield browser
    browser.close()


@pytest.fixture
def tab(engine: Browser) -> Iterator[Page]:
    with engine.new_context() as context:
        yield context.new_page()


@contextmanager
def no_python(site: Site) -> Iterator[None]:
    """Keep Python from starting meanwhile."""
    site.open.clear()
    try:
        yield
    finally:
        site.open.set()


def wait_for_python(page: Page) -> str:
    """Wait until the client runs; return which way it was started."""
    page.locator("body[data-ready=yes]").wait_for(timeout=60_000)
    marks = "performance.getEntriesByName('tertulia:python-ready').length"
    assert page.evaluate(marks) == 1
    return str(page.evaluate("document.documentElement.dataset.boot"))


def wait_for_source(page: Page, source: str, state: str) -> None:
    """Wait until the microphone or the camera is in a state."""
    look = "([source, state]) => tertulia.snapshot()[source].state === state"
    page.wait_for_function(look, arg=[source, state])


def prefer(site: Site, page: Page, chosen: Mapping[str, object]) -> None:
    """Have somebody have chosen this on an earlier visit."""
    page.goto(site.url)
    wait_for_python(page)
    kept = json.dumps(chosen)
    page.evaluate("kept => localStorage.setItem('tertulia.preferences', kept)", kept)


def test_python_starts_from_the_snapshot_and_fetches_no_archive(
    site: Site, tab: Page
) -> None:
    problems: list[str] = []
    tab.on("pageerror", lambda error: problems.append(str(error)))
    tab.on("console", lambda said: problems.append(said.text))
    tab.goto(site.url)
    assert wait_for_python(tab) == "snapshot"
    assert problems == []
    assert [path for path in site.asked if path.endswith(".zip")] == []


def test_nothing_is_fetched_twice_and_nothing_again(site: Site, tab: Page) -> None:
    tab.goto(f"{site.url}/r/abc")
    wait_for_python(tab)
    asked = {path: n for path, n in site.asked.items() if path.startswith("/assets/")}
    assert len(asked) > 5
    assert set(asked.values()) == {1}
    again = tab.context.new_page()
    again.goto(f"{site.url}/r/abc")
    wait_for_python(again)
    assert {path: site.asked[path] for path in asked} == asked


KEPT = """
async () => {
  const [url] = await (await caches.open("tertulia.snapshot")).keys();
  return url ? new URL(url.url).pathname : "";
}
"""
ALTER = """
async () => {
  const cache = await caches.open("tertulia.snapshot");
  const [url] = await cache.keys();
  const bytes = new Uint8Array(await (await cache.match(url)).arrayBuffer());
  bytes[bytes.length - 5000] ^= 1;
  await cache.put(url, new Response(bytes));
}
"""


def wait_until_kept(page: Page) -> str:
    """Wait until the snapshot is kept for the next visit; return its address."""
    page.wait_for_function("() => localStorage['tertulia.snapshot']")
    return str(page.evaluate(KEPT))


def test_a_second_visit_has_the_snapshot_unpacked(site: Site, tab: Page) -> None:
    tab.goto(f"{site.url}/r/abc")
    wait_for_python(tab)
    kept = wait_until_kept(tab)
    assert site.asked[kept] == 1
    tab.goto(f"{site.url}/r/abc")
    assert wait_for_python(tab) == "snapshot"
    names = "performance.getEntriesByType('resource').map(({ name }) => name)"
    assert [name for name in tab.evaluate(names) if name.endswith(kept)] == []


def test_a_kept_snapshot_that_was_altered_is_not_used(site: Site, tab: Page) -> None:
    tab.goto(f"{site.url}/r/abc")
    wait_for_python(tab)
    kept = wait_until_kept(tab)
    tab.evaluate(ALTER)
    tab.goto(f"{site.url}/r/abc")
    assert wait_for_python(tab) == "snapshot"
    names = "performance.getEntriesByType('resource').map(({ name }) => name)"
    assert [name for name in tab.evaluate(names) if name.endswith(kept)] != []


@pytest.mark.parametrize("spoil", ["missing", "cut", "changed", "of another build"])
def test_a_spoiled_snapshot_is_done_without(site: Site, tab: Page, spoil: str) -> None:
    site.spoil = spoil
    tab.goto(f"{site.url}/r/abc")
    assert wait_for_python(tab) == "plain"
    assert tab.locator("body").get_attribute("data-phase") == "lobby"


def test_random_numbers_differ_from_page_to_page(site: Site, engine: Browser) -> None:
    # A snapshot's generator is the same for all; what it starts with must not be.
    seen = set()
    for _ in range(2):
        with engine.new_context() as context:
            page = context.new_page()
            page.goto(site.url)
            wait_for_python(page)
            seen.add(page.locator("html").get_attribute("data-random"))
    assert len(seen) == 2 and None not in seen


def test_an_early_click_is_kept_and_shown(site: Site, tab: Page) -> None:
    tab.route_web_socket("**/ws", lambda socket: None)  # who joins waits there
    with no_python(site):
        tab.goto(f"{site.url}/r/abc", wait_until="domcontentloaded")
        tab.locator("#display-name").fill("Ada")
        tab.locator("[data-testid=lobby-toggle-mic]").click()
        tab.locator("[data-testid=join]").click()
        kept = "tertulia.early.gestures.map(({ kind, value }) => [kind, value])"
        assert tab.evaluate(kept) == [["click", "false"], ["submit", ""]]
        join = tab.locator("[data-testid=join][data-pending]")
        assert join.count() == 1
        assert tab.evaluate("tertulia.snapshot()") is None
    wait_for_python(tab)
    assert tab.locator("[data-pending]").count() == 0
    assert tab.locator("#display-name").input_value() == "Ada"
    assert tab.evaluate("tertulia.snapshot().phase") == "joining"


def test_a_click_is_kept_before_any_module_runs(site: Site, tab: Page) -> None:
    held: list[Route] = []
    tab.route("**/assets/boot.*", lambda route: held.append(route))
    tab.goto(f"{site.url}/r/abc", wait_until="commit")
    tab.locator(MICROPHONE).click()
    tab.locator("#quality-select").select_option("hd")
    tab.locator("[data-testid=join]").click()
    assert tab.evaluate("tertulia.boot === undefined")
    [boot] = held
    boot.continue_()
    wait_for_python(tab)
    snapshot = tab.evaluate("tertulia.snapshot()")
    assert snapshot["microphone"]["state"] == "off"
    assert (snapshot["quality"], snapshot["phase"]) == ("hd", "joining")


MICROPHONE = "[data-testid=lobby-toggle-mic]"


@pytest.mark.parametrize("clicks", [1, 2, 3])
def test_early_clicks_leave_the_microphone_as_the_button_shows_it(
    site: Site, tab: Page, clicks: int
) -> None:
    shown = "true" if clicks % 2 == 0 else "false"
    with no_python(site):
        tab.goto(f"{site.url}/r/abc", wait_until="domcontentloaded")
        for _ in range(clicks):
            tab.locator(MICROPHONE).click()
        assert tab.locator(MICROPHONE).get_attribute("aria-pressed") == shown
    wait_for_python(tab)
    wait_for_source(tab, "camera", "live")
    wait_for_source(tab, "microphone", "live" if shown == "true" else "off")
    assert tab.locator(MICROPHONE).get_attribute("aria-pressed") == shown


def test_what_was_off_last_time_is_shown_so_and_an_early_click_turns_it_on(
    site: Site, tab: Page
) -> None:
    prefer(site, tab, {"microphone": {"on": False}, "camera": {"on": False}})
    with no_python(site):
        tab.goto(f"{site.url}/r/abc", wait_until="domcontentloaded")
        camera = tab.locator("[data-testid=lobby-toggle-camera]")
        assert camera.get_attribute("aria-pressed") == "false"
        assert tab.locator(MICROPHONE).get_attribute("aria-pressed") == "false"
        tab.locator(MICROPHONE).click()
    wait_for_python(tab)
    wait_for_source(tab, "microphone", "live")
    assert tab.evaluate("tertulia.snapshot().camera.state") == "off"


def test_an_early_choice_is_kept(site: Site, tab: Page) -> None:
    with no_python(site):
        tab.goto(f"{site.url}/r/abc", wait_until="domcontentloaded")
        tab.locator("#quality-select").select_option("hd")
    wait_for_python(tab)
    wait_for_source(tab, "camera", "live")
    assert tab.evaluate("tertulia.snapshot().quality") == "hd"
    assert tab.locator("#quality-select").input_value() == "hd"


def test_the_own_picture_and_the_admission_need_no_python(
    site: Site, tab: Page
) -> None:
    with no_python(site):
        tab.goto(f"{site.url}/r/abc", wait_until="domcontentloaded")
        media = tab.evaluate(
            "tertulia.boot.media.then(({ microphone, camera, errors }) =>"
            " [microphone.kind, camera.kind, errors])"
        )
        assert media == ["audio", "video", {"microphone": None, "camera": None}]
        tab.locator("#preview").wait_for()
        assert tab.evaluate("document.getElementById('preview').srcObject !== null")
        admission = tab.evaluate("tertulia.boot.admission")
        session = "/api/session for nothing"
        assert admission["ok"]
        assert admission["token"] == f"/api/rooms/abc/token for Bearer {session}"
        kept = json.loads(tab.evaluate("localStorage['tertulia.session']"))
        assert kept["token"] == session
    wait_for_python(tab)


def test_a_session_is_used_again_and_a_refusal_told(site: Site, tab: Page) -> None:
    for _ in range(2):
        tab.goto(f"{site.url}/r/gone")
        wait_for_python(tab)
    assert site.asked["/api/session"] == 1
    admission = tab.evaluate("tertulia.boot.admission")
    assert admission == {"ok": False, "code": "room_not_found"}


def test_the_home_page_asks_for_nothing(site: Site, tab: Page) -> None:
    tab.goto(site.url)
    media = tab.evaluate("tertulia.boot.media")
    assert media["camera"] is None and media["microphone"] is None
    assert tab.evaluate("tertulia.boot.admission") is None
    wait_for_python(tab)
    assert [path for path in site.asked if path.startswith("/api/")] == []


def test_preferences_decide_what_is_asked_for(site: Site, tab: Page) -> None:
    prefer(
        site,
        tab,
        {"name": "Bob", "camera": {"on": False}, "microphone": {"on": True}},
    )
    with no_python(site):
        tab.goto(f"{site.url}/r/abc", wait_until="domcontentloaded")
        tab.locator("#preview").wait_for(state="attached")
        media = tab.evaluate(
            "tertulia.boot.media.then(({ microphone, camera }) =>"
            " [microphone?.kind ?? '', camera?.kind ?? ''])"
        )
        assert media == ["audio", ""]
        assert tab.locator("#display-name").input_value() == "Bob"


def test_a_browser_without_calls_is_told_so(site: Site, tab: Page) -> None:
    tab.add_init_script("delete window.RTCPeerConnection;")
    tab.goto(site.url)
    tab.locator("body[data-phase=failed]").wait_for()
    problem = tab.locator("body").get_attribute("data-problem")
    assert problem == "unsupported-browser"


def test_a_core_that_does_not_come_is_told(site: Site, tab: Page) -> None:
    wasm = next(url for url in site.files if url.endswith(".wasm"))
    del site.files[wasm]
    tab.goto(site.url)
    tab.locator("body[data-problem=boot-failed]").wait_for()
