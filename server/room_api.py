"""The endpoints of rooms: make, describe, change and end one, get the token.

Who neither made a room nor is in it learns nothing by asking to change it: it
answers as if there were none. A passcode that is sent costs the same work
whether the room is there or not.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.codes import MAX_NAME, MAX_PARTICIPANTS, MAX_PASSCODE, ErrorCode
from protocol.codes import Role as RoomRole
from protocol.messages import RoomId
from server import passcode
from server.attempts import Attempts
from server.clock import Clock
from server.door import made_it
from server.errors import Refused
from server.name import display_name
from server.origin import own_origin
from server.register import Register
from server.reply import answer, read
from server.store import RoomRecord, Store
from server.switchboard import Switchboard
from server.tokens import ROOM_LIFE, Role, Tokens

HASHING: Final = 2  # passcodes at a time: each takes 16 MiB and a core

Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
Passcode = Annotated[str, msgspec.Meta(max_length=MAX_PASSCODE)]
Capacity = Annotated[int, msgspec.Meta(ge=2, le=MAX_PARTICIPANTS)]


class NewRoom(msgspec.Struct, forbid_unknown_fields=True):
    """What a new room is to be like."""

    name: Name = ""
    persistent: bool = True
    passcode: Passcode = ""
    locked: bool = False
    waiting_room: bool = False
    capacity: Capacity = MAX_PARTICIPANTS


class Change(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be different; what isn't there stays as it is."""

    name: Name | msgspec.UnsetType = msgspec.UNSET
    passcode: Passcode | msgspec.UnsetType = msgspec.UNSET
    locked: bool | msgspec.UnsetType = msgspec.UNSET
    waiting_room: bool | msgspec.UnsetType = msgspec.UNSET
    capacity: Capacity | msgspec.UnsetType = msgspec.UNSET
    pardon: bool = False  # lift every ban


class Knock(msgspec.Struct, forbid_unknown_fields=True):
    """What somebody brings who wants in."""

    passcode: Passcode = ""


class RoomApi:
    """The endpoints under ``/api/rooms``, over what they need."""

    def __init__(
        self,
        *,
        tokens: Tokens,
        switchboard: Switchboard,
        register: Register,
        store: Store,
        clock: Clock,
        new_room: Callable[[], RoomId],
    ) -> None:
        self._tokens = tokens
        self._switchboard = switchboard
        self._register = register
        self._store = store
        self._clock = clock
        self._new_room = new_room
        self._attempts = Attempts(clock.monotonic)
        self._hashing = asyncio.Semaphore(HASHING)

    def routes(self) -> list[Route]:
        """Return where each endpoint stands."""
        room = "/api/rooms/{room}"
        return [
            Route("/api/rooms", self.create, methods=["POST"]),
            Route(room, self.describe, methods=["GET"]),
            Route(room, self.change, methods=["PATCH"]),
            Route(room, self.end, methods=["DELETE"]),
            Route(f"{room}/token", self.open, methods=["POST"]),
        ]

    async def create(self, request: Request) -> Response:
        """Make a room; its link is all that others need."""
        creator = self._subject(request)
        wanted = await read(request, NewRoom)
        room = self._new_room()
        record = RoomRecord(
            id=room,
            name=_name(wanted.name),
            creator=creator,
            created_at=self._clock.unix(),
            persistent=wanted.persistent,
            passcode=await self._hash(wanted.passcode),
            locked=wanted.locked,
            waiting_room=wanted.waiting_room,
            capacity=wanted.capacity,
        )
        await self._store.add_room(record)
        link = f"{own_origin(request.scope)}/r/{room}"
        return answer({"room": room, "link": link}, 201)

    async def describe(self, request: Request) -> Response:
        """Tell what a room is, before one goes in."""
        asking = "authorization" in request.headers
        subject = self._subject(request) if asking else ""
        record = await self._find(request)
        if record is None or subject in record.banned:
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        return answer(self._description(record))

    async def change(self, request: Request) -> Response:
        """Change what is wanted different; its maker may, and its hosts."""
        subject = self._subject(request)
        wanted = await read(request, Change)
        changes = msgspec.structs.asdict(wanted)
        pardon = changes.pop("pardon")
        changes = {k: v for k, v in changes.items() if v is not msgspec.UNSET}
        if "name" in changes:
            changes["name"] = _name(changes["name"])
        self._check_right(await self._find(request), subject)
        if "passcode" in changes:
            changes["passcode"] = await self._hash(changes["passcode"])
        if pardon:
            changes["banned"] = ()
        # From here on nothing is waited for: no change of somebody else is lost.
        record = self._check_right(await self._find(request), subject)
        record = replace(record, **changes)
        self._switchboard.change(record)
        return answer(self._description(record))

    async def end(self, request: Request) -> Response:
        """Close a room for good; its maker may, and its hosts."""
        subject = self._subject(request)
        record = self._check_right(await self._find(request), subject)
        await self._store.end_room(record.id, self._clock.unix())
        self._switchboard.end(record.id)
        return Response(status_code=204)

    async def open(self, request: Request) -> Response:
        """Give the caller the token that a hello needs."""
        subject = self._subject(request)
        knock = await read(request, Knock)
        room = RoomId(request.path_params["room"])
        record = await self._register.find(room)
        await self._check_passcode(request, room, record, subject, knock.passcode)
        if record is None:
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        host = made_it(record, subject)
        self._switchboard.rooms.way_in(
            record, subject, RoomRole.HOST if host else RoomRole.MEMBER
        )
        role = Role.HOST if host else Role.MEMBER
        token = self._tokens.room(subject, record.id, role, self._clock.unix())
        return answer({"token": token, "expires_in": ROOM_LIFE})

    # -- who asks, for what

    def _subject(self, request: Request) -> str:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise Refused(ErrorCode.BAD_TOKEN)
        return self._tokens.verify_session(token.strip(), self._clock.unix())

    async def _find(self, request: Request) -> RoomRecord | None:
        return await self._register.find(RoomId(request.path_params["room"]))

    def _check_right(self, record: RoomRecord | None, subject: str) -> RoomRecord:
        """Return the room if the caller may change it."""
        if record is None:
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        room = self._switchboard.rooms.find(record.id)
        hosts = {room.members[who].subject for who in room.hosts()} if room else set()
        if made_it(record, subject) or subject in hosts:
            return record
        inside = room is not None and room.holds(subject)
        raise Refused(ErrorCode.FORBIDDEN if inside else ErrorCode.ROOM_NOT_FOUND)

    async def _check_passcode(
        self,
        request: Request,
        room: RoomId,
        record: RoomRecord | None,
        subject: str,
        given: str,
    ) -> None:
        kept = record.passcode if record else ""
        if record and (not kept or self._needs_none(record, subject)):
            return
        if not given:
            if record:
                raise Refused(ErrorCode.PASSCODE_REQUIRED)
            return
        guess = (request.client.host if request.client else "", room)
        self._attempts.take(guess)
        async with self._hashing:
            right = await asyncio.to_thread(passcode.matches, given, kept)
        if record and not right:
            raise Refused(ErrorCode.PASSCODE_WRONG)
        if right:
            self._attempts.give_back(guess)

    def _needs_none(self, record: RoomRecord, subject: str) -> bool:
        room = self._switchboard.rooms.find(record.id)
        return made_it(record, subject) or bool(room and room.holds(subject))

    async def _hash(self, word: str) -> str:
        if not word:
            return ""
        async with self._hashing:
            return await asyncio.to_thread(passcode.hashed, word)

    def _description(self, record: RoomRecord) -> dict[str, Any]:
        room = self._switchboard.rooms.find(record.id)
        return {
            "room": record.id,
            "name": record.name,
            "participants": len(room.members) if room else 0,
            "capacity": record.capacity,
            "persistent": record.persistent,
            "passcode": bool(record.passcode),
            "locked": record.locked,
            "waiting_room": record.waiting_room,
        }


def _name(wanted: str) -> str:
    return display_name(wanted) if wanted else ""
