"""Signaling over HTTP and a WebSocket, as a page of that server would."""

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import quote

import httpx
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, WebSocketException

from client_py.core.errors import SignalingError
from client_py.core.ports import Closed, TextReceived
from client_py.core.refusal import PROBLEMS
from client_py.core.state import Problem
from client_py.core.tasks import Tasks
from client_py.core.wake import Sign, watch_clock
from protocol.codes import MAX_MESSAGE, SUBPROTOCOL, CloseCode

_CLOSED_ABNORMALLY = 1006  # RFC 6455 §7.4.1


class HeadlessSignaling:
    """The way to one server. ``origin`` is its scheme, host and port."""

    def __init__(self, origin: str) -> None:
        self._origin = origin
        self._http = httpx.AsyncClient(base_url=origin, trust_env=False)
        self._session = ""
        self._wire: _Wire | None = None
        self._tasks = Tasks()
        self._watching: asyncio.Task[None] | None = None

    async def create_room(self, *, e2ee: bool = True) -> str:
        """Make a room and return its id."""
        wanted = {} if e2ee else {"e2ee": False}
        answer = await self._authorized("/api/rooms", wanted)
        return str(answer["room"])

    async def admit(self, room: str, passcode: str = "") -> str:
        """Return a token that opens the room."""
        path = f"/api/rooms/{quote(room, safe='')}/token"
        known = {"passcode": passcode} if passcode else {}
        answer = await self._authorized(path, known)
        return str(answer["token"])

    async def connect(self, emit: Callable[[TextReceived | Closed], None]) -> None:
        """Open the socket."""
        self.close()
        wire = self._wire = _Wire(emit)
        try:
            connection = await connect(
                f"ws{self._origin.removeprefix('http')}/ws",
                origin=self._origin,  # type: ignore[arg-type]
                subprotocols=[SUBPROTOCOL],  # type: ignore[list-item]
                compression=None,
                max_size=MAX_MESSAGE,
                proxy=None,
                ping_interval=None,  # the heartbeat is a message, as in a page
                close_timeout=1,
            )
        except (OSError, TimeoutError, WebSocketException):
            raise SignalingError(Problem.SERVER_UNREACHABLE) from None
        self._tasks.spawn(wire.read(connection))
        self._tasks.spawn(wire.write(connection))

    def watch(self, wake: Callable[[Sign], None] | None) -> None:
        """Call ``wake`` when the machine slept."""
        if self._watching is not None:
            self._watching.cancel()
            self._watching = None
        if wake is not None:
            self._watching = self._tasks.spawn(watch_clock(wake))

    def send(self, text: str) -> None:
        """Send a text; nothing when the socket is not open."""
        if self._wire is not None:
            self._wire.send(text)

    def close(self) -> None:
        """Let go of the socket, after what was sent; emit nothing more."""
        if self._wire is not None:
            self._wire.close()
            self._wire = None

    async def settle(self) -> None:
        """Close everything and wait until it is closed."""
        self.close()
        self.watch(None)
        await self._tasks.settle()
        await self._http.aclose()

    async def _authorized(self, path: str, body: dict[str, Any]) -> Any:
        """POST with a session token, with a new one if the old was refused."""
        if self._session:
            try:
                return await self._post(path, self._session, body)
            except SignalingError as error:
                if error.problem is not Problem.TOKEN_EXPIRED:
                    raise
        answer = await self._post("/api/session", "", {})
        self._session = str(answer["token"])
        return await self._post(path, self._session, body)

    async def _post(self, path: str, token: str, body: dict[str, Any]) -> Any:
        headers = {"origin": self._origin}
        if token:
            headers["authorization"] = f"Bearer {token}"
        try:
            response = await self._http.post(path, json=body, headers=headers)
            answer = response.json()
        except (httpx.HTTPError, ValueError):
            raise SignalingError(Problem.SERVER_UNREACHABLE) from None
        if response.is_error:
            code = answer.get("error", {}).get("code", "")
            raise SignalingError(PROBLEMS.get(code, Problem.INTERNAL))
        return answer


class _Wire:
    """One socket: a task that reads it and a task that writes it."""

    def __init__(self, emit: Callable[[TextReceived | Closed], None]) -> None:
        self._emit = emit
        self._closing = False
        self._outbox: asyncio.Queue[str | None] = asyncio.Queue()

    def send(self, text: str) -> None:
        self._outbox.put_nowait(text)

    def close(self) -> None:
        self._closing = True
        self._outbox.put_nowait(None)

    async def read(self, connection: ClientConnection) -> None:
        try:
            async for text in connection:
                if isinstance(text, str):
                    self._tell(TextReceived(text))
        except ConnectionClosed:
            pass  # its code is told below
        code = connection.close_code
        self._tell(Closed(_CLOSED_ABNORMALLY if code is None else code))
        self._outbox.put_nowait(None)

    async def write(self, connection: ClientConnection) -> None:
        try:
            while (text := await self._outbox.get()) is not None:
                await connection.send(text)
        except ConnectionClosed:
            pass  # the reader tells
        await connection.close(CloseCode.HUNG_UP)

    def _tell(self, event: TextReceived | Closed) -> None:
        if not self._closing:
            self._emit(event)
