"""A server that says what a test says, over real sockets on this machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp
from starlette.websockets import WebSocket, WebSocketDisconnect

from protocol.codes import SUBPROTOCOL


class ScriptedServer:
    """Speaks the HTTP and the WebSocket of Tertulia, and nothing more.

    ``refuse`` holds a status and an error code for each request to come.
    """

    def __init__(self) -> None:
        self.refuse: list[tuple[int, str]] = []
        self.sessions = 0
        self.authorizations: list[str] = []
        self.origin = ""
        self.heard: asyncio.Queue[str] = asyncio.Queue()
        self.closed: asyncio.Queue[int] = asyncio.Queue()
        self.sockets: asyncio.Queue[WebSocket] = asyncio.Queue()
        self.app = Starlette(
            routes=[
                Route("/api/session", self._session, methods=["POST"]),
                Route("/api/rooms", self._room, methods=["POST"]),
                Route("/api/rooms/{room}/token", self._token, methods=["POST"]),
                WebSocketRoute("/ws", self._socket),
            ]
        )

    async def _session(self, request: Request) -> JSONResponse:
        self.sessions += 1
        return JSONResponse({"token": f"session-{self.sessions}", "expires_in": 3600})

    async def _room(self, request: Request) -> JSONResponse:
        return self._answer(request, {"room": "made"}, 201)

    async def _token(self, request: Request) -> JSONResponse:
        room = request.path_params["room"]
        return self._answer(request, {"token": f"of {room}", "expires_in": 60}, 200)

    def _answer(
        self, request: Request, content: dict[str, object], status: int
    ) -> JSONResponse:
        self.authorizations.append(request.headers.get("authorization", ""))
        if self.refuse:
            status, code = self.refuse.pop(0)
            content = {"error": {"code": code, "message": "as told"}}
        return JSONResponse(content, status)

    async def _socket(self, websocket: WebSocket) -> None:
        if websocket.headers.get("origin") != self.origin:
            await websocket.close()
            return
        assert SUBPROTOCOL in websocket.scope["subprotocols"]
        await websocket.accept(SUBPROTOCOL)
        self.sockets.put_nowait(websocket)
        try:
            while True:
                self.heard.put_nowait(await websocket.receive_text())
        except WebSocketDisconnect as gone:
            self.closed.put_nowait(gone.code)


@asynccontextmanager
async def serving(app: ASGIApp, port: int = 0) -> AsyncIterator[str]:
    """Serve an application, on a free port unless told; yield its origin."""
    config = uvicorn.Config(
        app,
        port=port,
        ws="websockets-sansio",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    async with running(config) as origin:
        yield origin


@asynccontextmanager
async def running(config: uvicorn.Config) -> AsyncIterator[str]:
    """Serve what uvicorn is configured to; yield its origin."""
    server = uvicorn.Server(config)
    task = asyncio.ensure_future(server.serve())
    while not server.started:
        assert not task.done(), "the server could not start"
        await asyncio.sleep(0)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        await task
