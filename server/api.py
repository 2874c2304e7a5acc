"""The JSON endpoints that aren't of one room: sessions, health."""

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.clock import Clock
from server.reply import answer, read
from server.tokens import SESSION_LIFE, Tokens


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An empty object."""


class Api:
    """The endpoints under ``/api``, over what they need."""

    def __init__(self, *, tokens: Tokens, clock: Clock, test_mode: bool) -> None:
        self._tokens = tokens
        self._clock = clock
        self._test_mode = test_mode

    def routes(self) -> list[Route]:
        """Return where each endpoint stands."""
        return [
            Route("/api/session", self.open_session, methods=["POST"]),
            Route("/healthz", self.health, methods=["GET"]),
        ]

    async def open_session(self, request: Request) -> Response:
        """Make the caller somebody: a guest."""
        await read(request, Nothing)
        return answer(
            {
                "token": self._tokens.session(self._clock.unix()),
                "expires_in": SESSION_LIFE,
                "test_mode": self._test_mode,
            }
        )

    async def health(self, request: Request) -> Response:
        """Say that the process answers."""
        return answer({"status": "ok"})
