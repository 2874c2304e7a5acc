"""The security headers of every response."""

from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from server.origin import host_of

# CSP 3 §6.7.2.8 counts a WebSocket to our own host as 'self', older browsers don't:
# hence the two explicit sources, in both schemes as a proxy may end TLS before us.
_POLICY: Final = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval'; "
    "connect-src 'self'{sockets}; worker-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; media-src 'self' blob: mediastream:; "
    "manifest-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'"
)
_OWN: Final = (
    "camera",
    "microphone",
    "display-capture",
    "autoplay",
    "speaker-selection",
    "fullscreen",
    "picture-in-picture",
    "screen-wake-lock",
    "clipboard-write",
)
_NOBODY: Final = (
    "accelerometer",
    "browsing-topics",
    "geolocation",
    "gyroscope",
    "hid",
    "magnetometer",
    "midi",
    "payment",
    "publickey-credentials-get",
    "serial",
    "usb",
    "xr-spatial-tracking",
)
_PERMISSIONS: Final = ", ".join(
    [*(f"{name}=(self)" for name in _OWN), *(f"{name}=()" for name in _NOBODY)]
)
_FIXED: Final = [
    (b"permissions-policy", _PERMISSIONS.encode()),
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
]


class SecurityHeaders:
    """ASGI middleware that adds the headers to whatever is answered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # An accepted socket sends no response: spare it the detour.
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = [(b"content-security-policy", _policy(scope)), *_FIXED]

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                message["headers"] = [*message.get("headers", ()), *headers]
            await send(message)

        await self._app(scope, receive, send_with_headers)


def _policy(scope: Scope) -> bytes:
    host = host_of(scope)
    sockets = f" ws://{host} wss://{host}" if host else ""
    return _POLICY.format(sockets=sockets).encode()
