"""The way of a WebSocket past what is made for responses."""

from collections.abc import Awaitable

from starlette.types import ASGIApp, Receive, Scope, Send


class SocketDoor:
    """An ASGI application that leads to the endpoint at ``/ws``, or to all the rest.

    What stands between is made for responses, and each of it would be kept in
    memory for as long as the socket is open. What it would do for a handshake, the
    endpoint does: it counts, looks at the Host, and refuses with security headers.
    """

    def __init__(self, app: ASGIApp, endpoint: ASGIApp) -> None:
        self._app = app
        self._endpoint = endpoint

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        here = scope["type"] == "websocket" and scope["path"] == "/ws"
        return (self._endpoint if here else self._app)(scope, receive, send)
