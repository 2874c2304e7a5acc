"""``Signaling`` over ``fetch`` and the browser's ``WebSocket``.

boot.js asked for the first admission while Python was still loading; it is used
once, while it is fresh. Tokens travel in headers and in the first message. A session
is in ``localStorage``; one for a single room, of who came with a token in the
address, is in ``sessionStorage`` and goes with the tab.
"""

import asyncio
import json
from collections.abc import Callable
from typing import Any

from js import Date, WebSocket, document, fetch, location, navigator, window
from pyodide.ffi import JsException, to_js

from client_py.browser.dom import Listeners
from client_py.browser.storage import LOCAL, TAB, Storage
from client_py.core.errors import SignalingError
from client_py.core.ports import Closed, TextReceived
from client_py.core.refusal import PROBLEMS
from client_py.core.state import Problem
from client_py.core.wake import Sign, watch_clock
from protocol.codes import SUBPROTOCOL, CloseCode
from protocol.messages import IceServer

_SESSION_KEY = "tertulia.session"  # shared with boot.js
_FRESH = 60_000  # milliseconds that a token must still be good for


Body = dict[str, Any]


class BrowserSignaling:
    """The way to the server that this page came from."""

    def __init__(self, boot: Any) -> None:
        self._boot = boot
        self._listeners = Listeners()
        self._signs = Listeners()  # that it is worth trying again
        self._watching: asyncio.Future[None] | None = None
        self._socket: Any = None
        self._opened: asyncio.Future[bool] | None = None

    async def create_room(self, *, e2ee: bool = True) -> str:
        """Make a room and return its id."""
        wanted = {} if e2ee else {"e2ee": False}
        answer = await self._authorized("/api/rooms", wanted)
        return str(answer["room"])

    async def admit(self, room: str, passcode: str = "") -> str:
        """Return a token that opens the room."""
        if token := await self._admitted_early(room):
            return token
        known = {"passcode": passcode} if passcode else {}
        answer = await self._authorized(f"/api/rooms/{room}/token", known, room)
        return str(answer["token"])

    async def connect(self, emit: Callable[[TextReceived | Closed], None]) -> None:
        """Open the socket."""
        scheme = "wss" if location.protocol == "https:" else "ws"
        opened: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._opened = opened

        def got_open(event: Any) -> None:
            if not opened.done():
                opened.set_result(True)

        def got_close(event: Any) -> None:
            was_open, code = opened.done(), int(event.code)
            self.close()
            if was_open:
                emit(Closed(code))

        try:
            socket = WebSocket.new(f"{scheme}://{location.host}/ws", SUBPROTOCOL)
        except JsException:
            raise SignalingError(Problem.SERVER_UNREACHABLE) from None
        self._socket = socket
        self._listeners.add(socket, "open", got_open)
        self._listeners.add(socket, "close", got_close)
        self._listeners.add(
            socket, "message", lambda event: emit(TextReceived(str(event.data)))
        )
        try:
            reached = await opened
        except asyncio.CancelledError:
            self.close()
            raise
        if not reached:
            raise SignalingError(Problem.SERVER_UNREACHABLE)

    def watch(self, wake: Callable[[Sign], None] | None) -> None:
        """Call ``wake`` when the network, the page or the machine is back."""
        self._signs.close()
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if wake is None:
            return

        def got_visibility(event: Any) -> None:
            if document.visibilityState == "visible":
                wake(Sign.AWAKE)

        self._signs.add(window, "online", lambda event: wake(Sign.NETWORK))
        self._signs.add(window, "pageshow", lambda event: wake(Sign.AWAKE))
        self._signs.add(document, "visibilitychange", got_visibility)
        self._signs.add(document, "resume", lambda event: wake(Sign.AWAKE))
        self._watch_carrier(lambda: wake(Sign.NETWORK))
        self._watching = asyncio.ensure_future(watch_clock(wake))

    def _watch_carrier(self, moved: Callable[[], None]) -> None:
        """From Wi-Fi to cellular there may be no moment offline, and no ``online``.

        Where the browser tells what carries it (Network Information API), that is
        looked at; its estimates of speed change all the time and say nothing.
        """
        network: Any = getattr(navigator, "connection", None)
        carrier = getattr(network, "type", None)
        if carrier is None:
            return

        def got_change(event: Any) -> None:
            nonlocal carrier
            before, carrier = carrier, network.type
            if carrier not in (before, "none"):
                moved()

        self._signs.add(network, "change", got_change)

    def send(self, text: str) -> None:
        """Send a text; nothing when the socket is not open."""
        if self._socket is not None and self._socket.readyState == WebSocket.OPEN:
            self._socket.send(text)

    def close(self) -> None:
        """Let go of the socket and emit nothing more."""
        self._listeners.close()
        if self._opened is not None and not self._opened.done():
            self._opened.set_result(False)  # nothing else will tell who waits
        if self._socket is not None:
            self._socket.close(int(CloseCode.HUNG_UP))
            self._socket = None

    async def _admitted_early(self, room: str) -> str:
        boot, self._boot = self._boot, None
        if boot is None or not boot.admission or boot.room != room:
            return ""
        admission = await boot.admission
        if not admission.ok:
            if getattr(
                admission, "invited", False
            ):  # a guest's session would open nothing here
                raise SignalingError(PROBLEMS.get(admission.code, Problem.INTERNAL))
            return ""  # ask again: what was wrong then may be right by now
        fresh = Date.now() < admission.expires - _FRESH
        return str(admission.token) if fresh else ""

    async def _authorized(self, path: str, body: Body, room: str = "") -> Any:
        """POST with a session token, with a new one if the old was refused."""
        if visit := _visit(room):
            return await _post(path, visit, body)  # nobody but a backend gives another
        try:
            return await _post(path, await self._session(), body)
        except SignalingError as error:
            if error.problem is not Problem.TOKEN_EXPIRED:
                raise
        LOCAL.remove(_SESSION_KEY)
        return await _post(path, await self._session(), body)

    async def trial_servers(self) -> tuple[IceServer, ...]:
        """Ask for ICE servers to test with; raise ``SignalingError``."""
        answer = await self._authorized("/api/ice", {})
        return tuple(
            IceServer(tuple(each["urls"]), each["username"], each["credential"])
            for each in answer["ice_servers"]
        )

    async def _session(self) -> str:
        session = _kept(LOCAL)
        if session.get("expires", 0) > Date.now() + _FRESH:
            return str(session["token"])
        answer = await _post("/api/session", "", {})
        session = {
            "token": answer["token"],
            "expires": Date.now() + 1000 * answer["expires_in"],
        }
        LOCAL.write(_SESSION_KEY, json.dumps(session))
        return str(answer["token"])


def _kept(storage: Storage) -> dict[str, Any]:
    """Return the session in a storage, or nothing."""
    try:
        session = json.loads(storage.read(_SESSION_KEY) or "{}")
        return {"token": str(session["token"]), **session}
    except (ValueError, KeyError, TypeError):
        return {}  # not ours, or of another version: get a new one


def _visit(room: str) -> str:
    """Return the session that is for this room alone, if there is one."""
    session = _kept(TAB)
    fits = room and session.get("room") == room
    return str(session["token"]) if fits else ""


async def _post(path: str, token: str, wanted: Body) -> Any:
    body = json.dumps(wanted)
    headers = {"content-type": "application/json"}
    if token:
        headers["authorization"] = f"Bearer {token}"
    try:
        response = await fetch(
            path, method="POST", headers=to_js(headers), body=body, cache="no-store"
        )
        answer = json.loads(await response.text())
    except (JsException, ValueError):
        raise SignalingError(Problem.SERVER_UNREACHABLE) from None
    if not response.ok:
        code = answer.get("error", {}).get("code", "")
        raise SignalingError(PROBLEMS.get(code, Problem.INTERNAL))
    return answer
