"""Counts what is asked for under ``/api``, and lets no request with a bad Host in."""

from typing import Final

import msgspec
from starlette.types import ASGIApp, Receive, Scope, Send

from protocol.codes import ErrorCode
from server.denial import deny
from server.errors import TooMany
from server.gate import Door, Gate
from server.headers import Headers
from server.origin import host_of

_API: Final = "/api/"
_DOORS: Final = {
    ("POST", "/api/session"): Door.SESSION,
    ("POST", "/api/rooms"): Door.ROOM,
}


class Turnstile:
    """ASGI middleware before the application proper.

    Counting before anything is looked up makes a room that isn't there cost as
    much as one that is: who tries ids learns nothing, and not for long.
    """

    def __init__(self, app: ASGIApp, gate: Gate) -> None:
        self._app = app
        self._gate = gate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
        elif not host_of(scope):  # RFC 9112 §3.2
            await _refuse(scope, send, 400, ErrorCode.BAD_REQUEST, "no valid Host")
        elif scope["type"] == "websocket" or not scope["path"].startswith(_API):
            await self._app(scope, receive, send)
        else:
            door = _DOORS.get((scope["method"], scope["path"]), Door.LOOKUP)
            try:
                self._gate.ask(door, scope)
            except TooMany as crowd:
                retry = (b"retry-after", str(crowd.retry_after).encode())
                await _refuse(
                    scope, send, crowd.status, crowd.code, str(crowd), [retry]
                )
            else:
                await self._app(scope, receive, send)


async def _refuse(
    scope: Scope,
    send: Send,
    status: int,
    code: ErrorCode,
    text: str,
    more: Headers | None = None,
) -> None:
    if scope["type"] == "websocket":
        await deny(scope, send, status, f"{text}\n".encode(), more)
        return
    body = msgspec.json.encode({"error": {"code": code.value, "message": text}})
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
        *(more or ()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
