"""The two cookies of a login. Nothing else here goes by cookies.

Both are short-lived, out of reach of scripts, and taken away once they are used.
"""

from dataclasses import dataclass
from typing import Final, Literal

from starlette.requests import Request
from starlette.responses import Response


@dataclass(frozen=True, slots=True)
class Cookie:
    """One cookie. ``life`` is in seconds."""

    name: str
    life: int
    same_site: Literal["lax", "strict"]

    def read(self, request: Request, *, secure: bool) -> str:
        """Return what the browser kept, or nothing."""
        return request.cookies.get(self._name(secure), "")

    def put(self, response: Response, value: str, *, secure: bool) -> None:
        """Have the browser keep a value."""
        self._set(response, value, self.life, secure)

    def drop(self, response: Response, *, secure: bool) -> None:
        """Have the browser forget the value."""
        self._set(response, "", 0, secure)

    def _set(self, response: Response, value: str, life: int, secure: bool) -> None:
        response.set_cookie(
            self._name(secure),
            value,
            max_age=life,
            path="/",
            secure=secure,
            httponly=True,
            samesite=self.same_site,
        )

    def _name(self, secure: bool) -> str:
        # RFC 6265bis §4.1.3.2: with this prefix, no other host of the domain can
        # plant a cookie here, and with it its own login.
        return f"__Host-{self.name}" if secure else self.name


#: What a login under way has to remember. The provider sends the browser back by a
#: navigation from another site, where a strict cookie would stay away.
TRANSACTION: Final = Cookie("tertulia-login", 600, "lax")

#: The session of who just logged in, until the page asks for it.
HANDOFF: Final = Cookie("tertulia-session", 120, "strict")
