"""The endpoints that make somebody of a caller, and nobody again."""

from typing import Annotated

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.codes import MAX_TOKEN, ErrorCode
from server.caller import Callers
from server.clock import Clock
from server.cookie import HANDOFF
from server.errors import Refused, TokenError
from server.keys import KeyHolder
from server.origin import Origins, public_origin
from server.reply import answer, failure, read
from server.tokens import SESSION_LIFE, VISIT_LIFE, Tokens


class NewSession(msgspec.Struct, forbid_unknown_fields=True):
    """A room token of a backend, if one is to be traded for a session."""

    token: Annotated[str, msgspec.Meta(max_length=MAX_TOKEN)] = ""


class Sessions:
    """The endpoints ``/api/session`` and ``/logout``."""

    def __init__(
        self,
        *,
        tokens: Tokens,
        callers: Callers,
        origins: Origins,
        clock: Clock,
        guests: bool,
        test_mode: bool,
    ) -> None:
        self._tokens = tokens
        self._callers = callers
        self._origins = origins
        self._clock = clock
        self._guests = guests
        self._test_mode = test_mode

    def routes(self) -> list[Route]:
        """Return where each endpoint stands."""
        return [
            Route("/api/session", self.open, methods=["POST"]),
            Route("/logout", self.end, methods=["POST"]),
        ]

    async def open(self, request: Request) -> Response:
        """Make the caller somebody: whoever logged in, was let in, or a guest."""
        wanted = await read(request, NewSession)
        now = self._clock.unix()
        if wanted.token:
            return self._visit(wanted.token, now)
        secure = public_origin(request.scope, self._origins.listed).startswith("https")
        if handed := HANDOFF.read(request, secure=secure):
            return self._handed(request, handed, now, secure=secure)
        if not self._guests:
            raise Refused(ErrorCode.LOGIN_REQUIRED)
        return self._session(self._tokens.session(now), SESSION_LIFE)

    def _visit(self, token: str, now: float) -> Response:
        """Let somebody stay whom a backend sent, past the minutes of its token."""
        granted = self._tokens.verify_room(token, now)
        if not granted.invited:
            raise TokenError(ErrorCode.BAD_TOKEN)
        more = {"room": granted.room, "name": granted.name}
        return self._session(self._tokens.visit(granted, now), VISIT_LIFE, **more)

    def _handed(
        self, request: Request, token: str, now: float, *, secure: bool
    ) -> Response:
        """Hand over the session of a login, to a page of ours alone."""
        if not self._origins.admit(request.scope):
            raise Refused(ErrorCode.FORBIDDEN)
        try:
            session = self._tokens.verify_session(token, now)
            # The browser forgets the cookie in time; a thief of it might not.
            if now > session.expires - SESSION_LIFE + HANDOFF.life:
                raise TokenError(ErrorCode.TOKEN_EXPIRED)
        except TokenError:
            response = failure(ErrorCode.LOGIN_REQUIRED)
        else:
            left = session.expires - int(now)
            response = self._session(token, left, name=session.name)
        HANDOFF.drop(response, secure=secure)
        return response

    def _session(self, token: str, life: int, **more: str) -> Response:
        opened = {"token": token, "expires_in": life, "test_mode": self._test_mode}
        return answer({**opened, **more})

    async def end(self, request: Request) -> Response:
        """Make the caller's session worthless; a call goes on until it is left."""
        caller = self._callers.of(request)
        if isinstance(caller, KeyHolder):
            raise Refused(ErrorCode.FORBIDDEN)
        await self._callers.end(caller)
        return Response(status_code=204)
