"""The JSON endpoints: rooms, and the tokens that open them.

Who calls is a session, or a backend with its key. What somebody may not know of is
answered like what isn't there.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.codes import MAX_NAME, MAX_PARTICIPANTS, ErrorCode
from protocol.messages import RoomId
from server.caller import Callers, Person, granted, knows
from server.clock import Clock
from server.errors import EXPLANATIONS, Refused, StoreError, TokenError
from server.headers import security_headers
from server.keys import KeyHolder, by_key
from server.name import display_name
from server.origin import Origins, public_origin
from server.store import RoomRecord, Store
from server.switchboard import Switchboard
from server.tokens import ROOM_LIFE, Role, Session, Tokens

BODY: Final = 16 * 1024  # bytes

_STATUS: Final = {
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.BAD_TOKEN: 401,
    ErrorCode.TOKEN_EXPIRED: 401,
    ErrorCode.LOGIN_REQUIRED: 401,
    ErrorCode.LOGIN_FAILED: 400,
    ErrorCode.LOGIN_UNAVAILABLE: 503,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.ROOM_NOT_FOUND: 404,
    ErrorCode.ROOM_FULL: 409,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.TOO_MANY: 429,
    ErrorCode.INTERNAL: 500,
}
B = TypeVar("B", bound=msgspec.Struct)


class NewRoom(msgspec.Struct, forbid_unknown_fields=True):
    """What a new room is to be like."""

    name: Annotated[str, msgspec.Meta(max_length=MAX_NAME)] = ""


class Api:
    """The endpoints under ``/api``, over what they need."""

    def __init__(
        self,
        *,
        tokens: Tokens,
        callers: Callers,
        origins: Origins,
        switchboard: Switchboard,
        store: Store,
        clock: Clock,
        new_room: Callable[[], RoomId],
    ) -> None:
        self._tokens = tokens
        self._callers = callers
        self._origins = origins
        self._switchboard = switchboard
        self._store = store
        self._clock = clock
        self._new_room = new_room

    def routes(self) -> list[Route]:
        """Return where each endpoint stands."""
        room = "/api/rooms/{room}"
        return [
            Route("/api/rooms", self.create_room, methods=["POST"]),
            Route(room, self.get_room, methods=["GET"]),
            Route(room, self.end_room, methods=["DELETE"]),
            Route(f"{room}/token", self.open_room, methods=["POST"]),
            Route("/healthz", self.health, methods=["GET"]),
        ]

    async def create_room(self, request: Request) -> Response:
        """Make a room; its link is all that others need."""
        caller = self._callers.of(request)
        if isinstance(caller, Session) and caller.visit:
            raise Refused(ErrorCode.FORBIDDEN)
        wanted = await body(request, NewRoom)
        name = display_name(wanted.name) if wanted.name else ""
        room = self._new_room()
        now = self._clock.unix()
        await self._store.add_room(RoomRecord(room, name, caller.subject, now))
        return answer({"room": room, "link": self._link(request, room)}, 201)

    async def get_room(self, request: Request) -> Response:
        """Tell what a room is, before one goes in; a backend's room, to its people."""
        record = await self._room(request)
        if by_key(record.creator):
            try:
                known = knows(self._callers.of(request), record)
            except TokenError:
                known = False
            if not known:
                raise Refused(ErrorCode.ROOM_NOT_FOUND)
        room = self._switchboard.rooms.find(record.id)
        return answer(
            {
                "room": record.id,
                "name": record.name,
                "participants": len(room.members) if room else 0,
                "capacity": MAX_PARTICIPANTS,
            }
        )

    async def open_room(self, request: Request) -> Response:
        """Give the token that a hello needs: to the caller, or for its person."""
        caller = self._callers.of(request)
        person = None
        if isinstance(caller, KeyHolder):
            person = await body(request, Person)
        record = await self._room(request)
        entry = granted(caller, person, record)
        if entry is None:
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        if not self._switchboard.rooms.admits(record.id, entry.subject):
            raise Refused(ErrorCode.ROOM_FULL)
        token = self._tokens.room(
            entry.subject,
            record.id,
            entry.role,
            self._clock.unix(),
            entry.name,
            invited=entry.invited,
        )
        opened = {"token": token, "expires_in": ROOM_LIFE}
        if person is not None:
            opened["link"] = f"{self._link(request, record.id)}#token={token}"
        return answer(opened)

    async def end_room(self, request: Request) -> Response:
        """Close a room for good; its creator and its backend's hosts may."""
        caller = self._callers.of(request)
        record = await self._room(request)
        hosting = isinstance(caller, Session) and caller.visit == (record.id, Role.HOST)
        if caller.subject != record.creator and not hosting:
            hidden = by_key(record.creator) and not knows(caller, record)
            raise Refused(ErrorCode.ROOM_NOT_FOUND if hidden else ErrorCode.FORBIDDEN)
        await self._store.end_room(record.id, self._clock.unix())
        self._switchboard.end(record.id)
        return Response(status_code=204)

    async def health(self, request: Request) -> Response:
        """Say that the process answers."""
        return answer({"status": "ok"})

    def _link(self, request: Request, room: RoomId) -> str:
        return f"{public_origin(request.scope, self._origins.listed)}/r/{room}"

    async def _room(self, request: Request) -> RoomRecord:
        record = await self._store.room(RoomId(request.path_params["room"]))
        if record is None:
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        return record


async def refused(request: Request, error: Exception) -> Response:
    """Answer what a client asked wrongly."""
    assert isinstance(error, Refused)
    return failure(error.code, str(error))


async def store_failed(request: Request, error: Exception) -> Response:
    """Answer that the database is away, and nothing of how."""
    assert isinstance(error, StoreError)
    return failure(ErrorCode.INTERNAL, status=503)


async def gone(request: Request, error: Exception) -> Response:
    """Answer who has gone before all was asked: nobody, and no fault of ours."""
    return Response(status_code=400)


async def failed(request: Request, error: Exception) -> Response:
    """Answer a fault of ours, and nothing of which."""
    response = failure(ErrorCode.INTERNAL)
    response.raw_headers.extend(security_headers(request.scope))
    return response


def failure(code: ErrorCode, message: str = "", status: int = 0) -> Response:
    """Return the answer that says what is wrong, by its code."""
    message = message or EXPLANATIONS[code]
    status = status or _STATUS[code]
    response = answer({"error": {"code": code.value, "message": message}}, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 §11.6.1
    return response


def answer(value: Any, status: int = 200) -> Response:
    """Return a value as JSON that nobody keeps."""
    return Response(
        msgspec.json.encode(value),
        status,
        {"Cache-Control": "no-store"},
        "application/json",
    )


async def body(request: Request, kind: type[B]) -> B:
    """Return the request's body; an empty one is an empty object."""
    read = b""
    async for chunk in request.stream():
        read += chunk
        if len(read) > BODY:
            raise Refused(ErrorCode.TOO_LARGE)
    try:
        return msgspec.json.decode(read or b"{}", type=kind)
    except (ValueError, RecursionError):  # msgspec's own errors among them
        raise Refused(ErrorCode.BAD_REQUEST, "the body is not as expected") from None
