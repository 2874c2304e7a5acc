"""The JSON endpoints: sessions, rooms, and the tokens that open them."""

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.codes import MAX_NAME, MAX_PARTICIPANTS, ErrorCode
from protocol.messages import RoomId
from server.clock import Clock
from server.errors import EXPLANATIONS, Refused, StoreError
from server.headers import security_headers
from server.name import display_name
from server.origin import own_origin
from server.store import RoomRecord, Store
from server.switchboard import Switchboard
from server.tokens import ROOM_LIFE, SESSION_LIFE, Role, Tokens

BODY: Final = 16 * 1024  # bytes

_STATUS: Final = {
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.BAD_TOKEN: 401,
    ErrorCode.TOKEN_EXPIRED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.ROOM_NOT_FOUND: 404,
    ErrorCode.ROOM_FULL: 409,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.TOO_MANY: 429,
    ErrorCode.INTERNAL: 500,
}
B = TypeVar("B", bound=msgspec.Struct)


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    """An empty object."""


class NewRoom(msgspec.Struct, forbid_unknown_fields=True):
    """What a new room is to be like."""

    name: Annotated[str, msgspec.Meta(max_length=MAX_NAME)] = ""


class Api:
    """The endpoints under ``/api``, over what they need."""

    def __init__(
        self,
        *,
        tokens: Tokens,
        switchboard: Switchboard,
        store: Store,
        clock: Clock,
        new_room: Callable[[], RoomId],
        test_mode: bool,
    ) -> None:
        self._tokens = tokens
        self._switchboard = switchboard
        self._store = store
        self._clock = clock
        self._new_room = new_room
        self._test_mode = test_mode

    def routes(self) -> list[Route]:
        """Return where each endpoint stands."""
        room = "/api/rooms/{room}"
        return [
            Route("/api/session", self.open_session, methods=["POST"]),
            Route("/api/rooms", self.create_room, methods=["POST"]),
            Route(room, self.get_room, methods=["GET"]),
            Route(room, self.end_room, methods=["DELETE"]),
            Route(f"{room}/token", self.open_room, methods=["POST"]),
            Route("/healthz", self.health, methods=["GET"]),
        ]

    async def open_session(self, request: Request) -> Response:
        """Make the caller somebody: a guest."""
        await _body(request, Nothing)
        return _answer(
            {
                "token": self._tokens.session(self._clock.unix()),
                "expires_in": SESSION_LIFE,
                "test_mode": self._test_mode,
            }
        )

    async def create_room(self, request: Request) -> Response:
        """Make a room; its link is all that others need."""
        creator = self._subject(request)
        wanted = await _body(request, NewRoom)
        name = display_name(wanted.name) if wanted.name else ""
        room = self._new_room()
        now = self._clock.unix()
        await self._store.add_room(RoomRecord(room, name, creator, now))
        link = f"{own_origin(request.scope)}/r/{room}"
        return _answer({"room": room, "link": link}, 201)

    async def get_room(self, request: Request) -> Response:
        """Tell what a room is, before one goes in."""
        record = await self._room(request)
        room = self._switchboard.rooms.find(record.id)
        return _answer(
            {
                "room": record.id,
                "name": record.name,
                "participants": len(room.members) if room else 0,
                "capacity": MAX_PARTICIPANTS,
            }
        )

    async def open_room(self, request: Request) -> Response:
        """Give the caller the token that a hello needs."""
        subject = self._subject(request)
        record = await self._room(request)
        if not self._switchboard.rooms.admits(record.id, subject):
            raise Refused(ErrorCode.ROOM_FULL)
        role = Role.HOST if subject == record.creator else Role.MEMBER
        token = self._tokens.room(subject, record.id, role, self._clock.unix())
        return _answer({"token": token, "expires_in": ROOM_LIFE})

    async def end_room(self, request: Request) -> Response:
        """Close a room for good; its creator may."""
        subject = self._subject(request)
        record = await self._room(request)
        if subject != record.creator:
            raise Refused(ErrorCode.FORBIDDEN)
        await self._store.end_room(record.id, self._clock.unix())
        self._switchboard.end(record.id)
        return Response(status_code=204)

    async def health(self, request: Request) -> Response:
        """Say that the process answers."""
        return _answer({"status": "ok"})

    def _subject(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused(ErrorCode.BAD_TOKEN)
        return self._tokens.verify_session(token.strip(), self._clock.unix())

    async def _room(self, request: Request) -> RoomRecord:
        record = await self._store.room(RoomId(request.path_params["room"]))
        if record is None:
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        return record


async def refused(request: Request, error: Exception) -> Response:
    """Answer what a client asked wrongly."""
    assert isinstance(error, Refused)
    return _error(error.code, str(error))


async def store_failed(request: Request, error: Exception) -> Response:
    """Answer that the database is away, and nothing of how."""
    assert isinstance(error, StoreError)
    return _error(ErrorCode.INTERNAL, EXPLANATIONS[ErrorCode.INTERNAL], 503)


async def gone(request: Request, error: Exception) -> Response:
    """Answer who has gone before all was asked: nobody, and no fault of ours."""
    return Response(status_code=400)


async def failed(request: Request, error: Exception) -> Response:
    """Answer a fault of ours, and nothing of which."""
    response = _error(ErrorCode.INTERNAL, EXPLANATIONS[ErrorCode.INTERNAL])
    response.raw_headers.extend(security_headers(request.scope))
    return response


def _error(code: ErrorCode, message: str, status: int | None = None) -> Response:
    status = status or _STATUS[code]
    response = _answer({"error": {"code": code.value, "message": message}}, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 §11.6.1
    return response


def _answer(value: Any, status: int = 200) -> Response:
    return Response(
        msgspec.json.encode(value),
        status,
        {"Cache-Control": "no-store"},
        "application/json",
    )


async def _body(request: Request, kind: type[B]) -> B:
    """Return the request's body; an empty one is an empty object."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY:
            raise Refused(ErrorCode.TOO_LARGE)
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (ValueError, RecursionError):  # msgspec's own errors among them
        raise Refused(ErrorCode.BAD_REQUEST, "the body is not as expected") from None
