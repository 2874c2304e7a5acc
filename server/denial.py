"""Refusing a WebSocket's handshake by a plain HTTP response."""

from starlette.types import Scope, Send

from server.headers import Headers, security_headers


async def deny(
    scope: Scope, send: Send, status: int, body: bytes, more: Headers | None = None
) -> None:
    """Answer instead of accepting (ASGI: the WebSocket denial response)."""
    headers = [
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"cache-control", b"no-store"),
        *security_headers(scope),
        *(more or ()),
    ]
    kind = "websocket.http.response"
    await send({"type": f"{kind}.start", "status": status, "headers": headers})
    await send({"type": f"{kind}.body", "body": body})
