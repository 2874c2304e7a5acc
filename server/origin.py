"""Which web pages may talk to this server.

Browsers say where a page came from; a page of another site must not open sockets
here in the name of whoever looks at it (OWASP: cross-site WebSocket hijacking).
"""

import re
from typing import Final

from starlette.types import Scope

_HOST: Final = re.compile(r"(\[[0-9a-f:]{2,45}\]|[a-z0-9_.-]{1,253})(:\d{1,5})?")
_LOCAL: Final = re.compile(r"http://(localhost|127\.0\.0\.1|\[::1\])(:\d{1,5})?")
_SCHEMES: Final = {"ws": "http", "wss": "https"}


class Origins:
    """Decides by the exact ``Origin``; without a list, our own host's is right."""

    def __init__(self, allowed: tuple[str, ...], *, test_mode: bool = False) -> None:
        self.listed = allowed
        self._test_mode = test_mode

    def admit(self, scope: Scope) -> bool:
        """Whether the page that asks may."""
        origin = header(scope, b"origin").lower()
        if self._test_mode and _LOCAL.fullmatch(origin):
            return True
        if self.listed:
            return origin in self.listed
        host = host_of(scope)
        # A proxy may end TLS in front of us: https on our host is ours as well.
        return bool(host) and origin in (own_origin(scope), f"https://{host}")


def host_of(scope: Scope) -> str:
    """Return the request's host, with its port; empty if it is not one."""
    host = header(scope, b"host").lower()
    return host if _HOST.fullmatch(host) else ""


def own_origin(scope: Scope) -> str:
    """Return the origin that the request was sent to."""
    scheme = _SCHEMES.get(scope["scheme"], scope["scheme"])
    return f"{scheme}://{host_of(scope)}"


def public_origin(scope: Scope, listed: tuple[str, ...]) -> str:
    """Return the origin that the browser sees: behind a proxy, a listed one."""
    host = host_of(scope)
    for origin in listed:
        if origin.partition("://")[2].lower() == host:
            return origin
    return own_origin(scope)


def header(scope: Scope, name: bytes) -> str:
    """Return a header that may stand once; empty if it stands never or twice."""
    values = [value for key, value in scope["headers"] if key == name]
    return values[0].decode("latin-1") if len(values) == 1 else ""
