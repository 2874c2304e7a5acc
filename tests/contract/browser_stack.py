"""The page as a platform: its adapters run in Chromium, the tests here.

One browser with one page serves a session, on a loop of its own, since each test
has another one. ``far_end`` is the part in the page; the client comes from the
sources as they are, and only Python itself from the build.
"""

import asyncio
import io
import itertools
import json
import re
import socket
import threading
import zipfile
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any, TypeVar

from playwright.async_api import Browser, ConsoleMessage, Page, async_playwright
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from client_py.core import event, picture, ports
from client_py.core.encoding import Encoding
from client_py.core.errors import MediaError, NegotiationError, SignalingError
from client_py.core.outgoing import Outgoing
from client_py.core.ports import LinkStats, PeerEvent
from client_py.core.slot import Slot
from client_py.core.state import Device, MediaProblem, Problem
from client_py.testing.browsers import QUIET, executable
from protocol.messages import Candidate, Description, IceServer
from tests.contract.server import serving
from tests.contract.stack import FRAMES, PATIENCE, sdp_kinds, spoilt_sdp

T = TypeVar("T")

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
CLIENT = ("protocol", "e2ee", "client_py/core", "client_py/browser")
START = 60.0  # seconds for a browser with Python in it, on a busy machine
TOLERANCE = 2.0  # Hz

LOOK = (ROOT / "client_py" / "testing" / "look.js").read_text()
LISTEN = "(voice) => window.listen(voice)"
ASK = "(text) => window.python.then((python) => python.ask(text))"
CANCEL = "(number) => window.python.then((python) => python.cancel(number))"

REFUSALS: dict[str, Callable[[str], BaseException]] = {
    "AssertionError": AssertionError,
    "CancelledError": asyncio.CancelledError,
    "MediaError": lambda problem: MediaError(MediaProblem(problem)),
    "NegotiationError": NegotiationError,
    "SignalingError": lambda problem: SignalingError(Problem(problem)),
}
EVENTS: dict[str, Callable[..., Any]] = {
    "CandidateGathered": lambda plain: ports.CandidateGathered(Candidate(*plain)),
    "CandidateRefused": ports.CandidateRefused,
    "Closed": ports.Closed,
    "ConnectionStateChanged": ports.ConnectionStateChanged,
    "DevicesChanged": lambda plain: event.DevicesChanged(
        tuple(Device(*each) for each in plain)
    ),
    "ChooseOutput": event.ChooseOutput,
    "NegotiationNeeded": ports.NegotiationNeeded,
    "OutputFailed": event.OutputFailed,
    "PlaybackBlocked": event.PlaybackBlocked,
    "RelayGathered": ports.RelayGathered,
    "SourceEnded": lambda slot: event.SourceEnded(Slot(slot)),
    "SourceInterrupted": lambda slot: event.SourceInterrupted(Slot(slot)),
    "SourceResumed": lambda slot: event.SourceResumed(Slot(slot)),
    "TextReceived": ports.TextReceived,
    "TrackReceived": lambda slot: ports.TrackReceived(Slot(slot), None),
}


class FarPage:
    """The page. ``port`` is that of its origin, where nobody listens for long."""

    def __init__(self) -> None:
        self.complaints: list[str] = []
        self.things: dict[int, Thing] = {}
        self._numbers = itertools.count()
        # Bound and not listening, it keeps the port free for one server at a time.
        self._reserved = socket.socket()
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(("127.0.0.1", 0))
        self.port: int = self._reserved.getsockname()[1]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)
        self._page: Page
        self._browser: Browser

    def start(self) -> None:
        """Open the browser and start Python in it."""
        self._thread.start()
        starting = asyncio.run_coroutine_threadsafe(self._start(), self._loop)
        starting.result(START)

    def stop(self) -> None:
        """Close everything."""
        stopping = asyncio.run_coroutine_threadsafe(self._stop(), self._loop)
        stopping.result(START)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        self._reserved.close()

    def make(self, kind: str, *arguments: Any) -> Coroutine[Any, Any, "Thing"]:
        """Make a thing in the page."""
        thing = self.thing()
        return self._made(thing, kind, *arguments)

    def thing(self) -> "Thing":
        """Return a thing that the page makes when it is first needed."""
        thing = Thing(self, next(self._numbers))
        self.things[thing.number] = thing
        return thing

    async def settle(self) -> None:
        """Let go of everything that a test made; nothing may be left of it."""
        left = await Thing(self, -1).ask("settle")
        self.things.clear()
        complaints, self.complaints = self.complaints, []
        assert not complaints, "\n".join(complaints)
        assert left == 0, f"{left} proxies are left that nobody owns"

    async def ask(self, **what: Any) -> Any:
        """Have the page do something; return or raise what came of it."""
        answer = json.loads(await self._here(self._ask(what)))
        for number, known, emitted in answer["events"]:
            if number in self.things:
                events = self.things[number].events
                events[known:] = [EVENTS[name](*plain) for name, *plain in emitted]
        if "refused" in answer:
            name, why = answer["refused"]
            raise REFUSALS[name](why)
        return answer["value"]

    async def look(self, selector: str, most: int) -> list[picture.Identity | None]:
        """Return what the next pictures of an element say."""
        how = {
            "columns": picture.COLUMNS,
            "rows": picture.ROWS,
            "share": picture.SHARE,
            "most": most,
            "milliseconds": 1000 * PATIENCE,
        }
        seen = await self._here(self._page.eval_on_selector(selector, LOOK, how))
        return [picture.read([cells]) for cells in seen["pictures"]]

    async def listen(self, selector: str) -> float:
        """Return the pitch of an element in Hz, 0 for silence."""
        return float(await self._here(self._page.eval_on_selector(selector, LISTEN)))

    # -- on the page's own loop

    async def _here(self, there: Coroutine[Any, Any, T]) -> T:
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(there, self._loop)
        )

    async def _made(self, thing: "Thing", kind: str, *arguments: Any) -> "Thing":
        await thing.ask("make", kind, *arguments)
        return thing

    async def _ask(self, what: dict[str, Any]) -> str:
        number = next(self._numbers)
        known = {each.number: len(each.events) for each in self.things.values()}
        text = json.dumps({"id": number, "what": what, "known": known})
        asking = asyncio.ensure_future(self._page.evaluate(ASK, text))
        try:
            return str(await asyncio.shield(asking))
        except asyncio.CancelledError:
            await self._page.evaluate(CANCEL, number)
            await asking
            raise

    async def _start(self) -> None:
        self._playwright = await async_playwright().start()
        self._browser = await self._playwright.chromium.launch(
            executable_path=executable("chromium"), args=[*QUIET]
        )
        self._page = await self._browser.new_page()
        self._page.on("console", self._hear)
        self._page.on("pageerror", lambda error: self.complaints.append(str(error)))
        async with serving(_site(), self.port) as origin:
            await self._page.goto(origin)
            await self._page.evaluate("() => window.python.then(() => null)")
        # Sound may play once somebody has done something.
        await self._page.mouse.click(1, 1)

    async def _stop(self) -> None:
        await self._browser.close()
        await self._playwright.stop()

    def _hear(self, message: ConsoleMessage) -> None:
        # Of requests that fail, as they have to, Chromium tells by itself.
        if message.type == "warning" and not message.text.startswith("WebSocket"):
            self.complaints.append(message.text)


class Thing:
    """Something in the page, and what it emitted."""

    def __init__(self, page: FarPage, number: int) -> None:
        self.number = number
        self.events: list[Any] = []
        self.page = page

    async def ask(self, what: str, *arguments: Any) -> Any:
        """Have it do something."""
        return await self.page.ask(on=self.number, do=what, arguments=arguments)

    async def until(self, fulfilled: Callable[[list[Any]], bool]) -> None:
        """Wait until the events fulfil this."""
        async with asyncio.timeout(PATIENCE):
            while not fulfilled(self.events):
                await self.ask("emitted", len(self.events))


class BrowserEnd:
    """An end in the page."""

    def __init__(self, thing: Thing) -> None:
        self._thing = thing
        self._ask = thing.ask
        self.until = thing.until

    @property
    def events(self) -> list[PeerEvent]:
        return self._thing.events

    async def signaling_state(self) -> str:
        return str(await self._ask("signaling_state"))

    async def set_local_description(self) -> Description:
        return Description(*await self._ask("set_local_description"))

    async def set_remote_description(self, description: Description) -> None:
        plain = description.kind, description.sdp
        await self._ask("set_remote_description", *plain)

    async def add_ice_candidate(self, candidate: Candidate) -> None:
        await self._ask(
            "add_ice_candidate",
            candidate.candidate,
            candidate.sdp_mid,
            candidate.sdp_m_line_index,
            candidate.username_fragment,
        )

    async def use_ice_server(self, server: IceServer) -> None:
        kept = await self._ask("use_ice_server", *astuple(server))
        closed = await self.signaling_state() == "closed"
        assert kept == ("" if closed else server.username)

    async def audio_level(self, slot: Slot) -> float:
        return float(await self._ask("audio_level", slot))

    async def restart_ice(self) -> None:
        await self._ask("restart_ice")

    async def shape(self, slot: Slot, encoding: Encoding) -> None:
        await self._ask("shape", slot, *astuple(encoding))

    async def get_stats(self) -> LinkStats:
        *plain, outgoing = await self._ask("get_stats")
        return LinkStats(*plain, outgoing=Outgoing(*outgoing))

    async def close(self) -> None:
        await self._ask("close")

    async def close_over(self, step: str) -> None:
        await self._ask("close_over", step)

    async def send(self, slot: Slot, name: str | None) -> None:
        await self._ask("send", slot, slot.kind, name)

    async def send_kind(self, slot: Slot, kind: str) -> None:
        await self._ask("send", slot, kind, "anyone")

    async def frames(self, slot: Slot) -> int:
        return int(await self._ask("frames", slot))

    async def shows(self, slot: Slot, name: str) -> None:
        page, selector = self._thing.page, await self._ask("show", slot)
        async with asyncio.timeout(PATIENCE):
            if slot.kind == "video":
                seen: set[picture.Identity] = set()
                while len(seen) < FRAMES:
                    looked = await page.look(selector, FRAMES - len(seen))
                    seen |= {each for each in looked if each and each.name == name}
            else:
                pitch = 0.0
                while abs(pitch - picture.tone(name)) > TOLERANCE:
                    pitch = await page.listen(selector)


class BrowserStack:
    """Connections of the page."""

    rollback = True

    def __init__(self, page: FarPage) -> None:
        self._page = page

    def kinds(self, description: Description) -> list[str]:
        return sdp_kinds(description)

    def spoil(self, offer: Description, how: str) -> Description:
        return spoilt_sdp(offer, how)

    async def connection(self, *, initiator: bool) -> BrowserEnd:
        return BrowserEnd(await self._page.make("end", initiator))


@asynccontextmanager
async def browser_stack(page: FarPage) -> AsyncIterator[BrowserStack]:
    """Yield the page's connections; leave nothing behind."""
    try:
        yield BrowserStack(page)
    finally:
        await page.settle()


@contextmanager
def far_page() -> Iterator[FarPage]:
    """Yield a page with the client's ports in it."""
    page = FarPage()
    page.start()
    try:
        yield page
    finally:
        page.stop()


def _site() -> Starlette:
    """Return what serves the page: Python as it was built, the rest from here."""
    built = ROOT / "build" / "page"
    manifest = built / "manifest.json"
    assert manifest.exists(), "there is no Python: run scripts/page/build.py"
    assets = json.loads(manifest.read_text())["files"]
    urls = {
        part: next(url for url in assets if re.match(pattern, url))
        for part, pattern in {
            "glue": r"/assets/pyodide\.\w+\.mjs$",
            "wasm": r"/assets/pyodide\.\w+\.wasm$",
            "library": r"/assets/library\.\w+\.zip$",
        }.items()
    }
    index = (HERE / "far_end.html").read_text()
    for part, url in urls.items():
        index = index.replace(f"{{{part}}}", url)
    files: dict[str, tuple[bytes, str]] = {
        "/": (index.encode(), "text/html"),
        "/python.js": ((ROOT / "www" / "python.js").read_bytes(), "text/javascript"),
        "/client.zip": (_client(), "application/zip"),
    }
    for url in urls.values():
        entry = assets[url]
        files[url] = ((built / entry["file"]).read_bytes(), entry["type"])

    async def serve(request: Request) -> Response:
        body, kind = files.get(request.url.path, (b"", ""))
        return Response(body, 200 if kind else 404, media_type=kind or None)

    return Starlette(routes=[Route("/{path:path}", serve)])


def _client() -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(HERE / "far_end.py", "far_end.py")
        archive.write(ROOT / "client_py" / "__init__.py", "client_py/__init__.py")
        for folder in CLIENT:
            for path in (ROOT / folder).rglob("*.py"):
                archive.write(path, path.relative_to(ROOT).as_posix())
    return packed.getvalue()
