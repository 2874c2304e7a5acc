"""Counts what is asked under ``/api`` and at the login; no bad Host comes in."""

from typing import Final

from starlette.types import ASGIApp, Receive, Scope, Send

from protocol.codes import ErrorCode
from server.denial import deny
from server.errors import TooMany
from server.gate import Door, Gate
from server.origin import host_of
from server.reply import failure

_API: Final = "/api/"
_DOORS: Final = {
    ("POST", "/api/session"): Door.SESSION,
    ("POST", "/api/rooms"): Door.ROOM,
    ("POST", "/api/ice"): Door.TRIAL,
    ("GET", "/login"): Door.LOGIN,
    ("HEAD", "/login"): Door.LOGIN,
    ("GET", "/login/callback"): Door.LOGIN,
    ("HEAD", "/login/callback"): Door.LOGIN,
    ("POST", "/logout"): Door.LOGIN,
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
            await self._refuse_host(scope, receive, send)
        elif scope["type"] == "websocket" or (door := _door(scope)) is None:
            await self._app(scope, receive, send)
        else:
            try:
                self._gate.ask(door, scope)
            except TooMany as crowd:
                response = failure(crowd.code, str(crowd), crowd.status)
                response.headers["Retry-After"] = str(crowd.retry_after)
                await response(scope, receive, send)
            else:
                await self._app(scope, receive, send)

    async def _refuse_host(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await deny(scope, send, 400, b"no valid Host\n")
        else:
            response = failure(ErrorCode.BAD_REQUEST, "no valid Host", 400)
            await response(scope, receive, send)


def _door(scope: Scope) -> Door | None:
    """Return what a request is counted as; pages and their parts aren't."""
    other = Door.LOOKUP if scope["path"].startswith(_API) else None
    return _DOORS.get((scope["method"], scope["path"]), other)
