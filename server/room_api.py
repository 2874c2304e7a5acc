"""The endpoints of rooms: make, describe, change and end one, get the token.

Who neither made a room nor is in it learns nothing by asking to change it: it
answers as if there were none. A passcode that is sent costs the same work
whether the room is there or not.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any, Final

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from protocol.codes import (
    MAX_NAME,
    MAX_PARTICIPANTS,
    MAX_PASSCODE,
    ErrorCode,
    Role as RoomRole,
)
from protocol.messages import RoomId
from server.attempts import Attempts, Guesses
from server.caller import Callers, Person, granted, knows
from server.clock import Clock
from server.door import is_host, made_it
from server.errors import Refused, TokenError, TooMany
from server.gate import Door, Gate
from server.hashing import Hashing
from server.keys import KeyHolder, by_key
from server.name import display_name
from server.origin import Origins, public_origin
from server.register import Register
from server.reply import answer, read
from server.store import RoomRecord, Store
from server.switchboard import Switchboard
from server.tokens import ROOM_LIFE, Role, Session, Tokens

Name = Annotated[str, msgspec.Meta(max_length=MAX_NAME)]
Passcode = Annotated[str, msgspec.Meta(max_length=MAX_PASSCODE)]
# JSON Schema takes 7.0 for an integer, msgspec doesn't: the document lists them.
_SEATS: Final = {"enum": list(range(2, MAX_PARTICIPANTS + 1))}
Capacity = Annotated[
    int, msgspec.Meta(ge=2, le=MAX_PARTICIPANTS, extra_json_schema=_SEATS)
]


class NewRoom(msgspec.Struct, forbid_unknown_fields=True):
    """What a new room is to be like."""

    name: Name = ""
    persistent: bool = True
    passcode: Passcode = ""
    locked: bool = False
    waiting_room: bool = False
    capacity: Capacity = MAX_PARTICIPANTS
    e2ee: bool = True


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
        callers: Callers,
        origins: Origins,
        switchboard: Switchboard,
        register: Register,
        store: Store,
        clock: Clock,
        new_room: Callable[[], RoomId],
        gate: Gate,
        guesses: Guesses | None = None,
    ) -> None:
        self._tokens = tokens
        self._callers = callers
        self._origins = origins
        self._switchboard = switchboard
        self._register = register
        self._store = store
        self._clock = clock
        self._new_room = new_room
        self._gate = gate
        self._guesses = guesses or Attempts(clock.monotonic)
        self._hashing = Hashing()

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
        caller = self._callers.of(request)
        if isinstance(caller, Session) and caller.visit:
            raise Refused(ErrorCode.FORBIDDEN)
        wanted = await read(request, NewRoom)
        room = self._new_room()
        record = RoomRecord(
            id=room,
            name=_name(wanted.name),
            creator=caller.subject,
            created_at=self._clock.unix(),
            persistent=wanted.persistent,
            passcode=await self._hash(wanted.passcode),
            locked=wanted.locked,
            waiting_room=wanted.waiting_room,
            capacity=wanted.capacity,
            e2ee=wanted.e2ee,
        )
        await self._store.add_room(record)
        return answer({"room": room, "link": self._link(request, room)}, 201)

    async def describe(self, request: Request) -> Response:
        """Tell what a room is, before one goes in; a backend's room, to its people."""
        try:
            caller = self._callers.of(request)
        except TokenError:
            caller = None  # as anybody may ask
        record = await self._find(request)
        if record is None or (caller and caller.subject in record.banned):
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        if by_key(record.creator) and not (caller and knows(caller, record)):
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        return answer(self._description(record))

    async def change(self, request: Request) -> Response:
        """Change what is wanted different; its maker may, and its hosts."""
        caller = self._callers.of(request)
        wanted = await read(request, Change)
        changes = msgspec.structs.asdict(wanted)
        pardon = changes.pop("pardon")
        changes = {k: v for k, v in changes.items() if v is not msgspec.UNSET}
        if "name" in changes:
            changes["name"] = _name(changes["name"])
        self._check_right(await self._find(request), caller)
        if "passcode" in changes:
            changes["passcode"] = await self._hash(changes["passcode"])
        if pardon:
            changes["banned"] = ()
        await self._switchboard.prepare(RoomId(request.path_params["room"]))
        # From here on nothing is waited for: no change of somebody else is lost.
        before = self._check_right(await self._find(request), caller)
        after = replace(before, **changes)
        self._switchboard.change(before, after)
        await self._switchboard.settle()
        # Somebody else may have changed another thing meanwhile.
        known = self._switchboard.rooms.record(before.id)
        return answer(self._description(known or after))

    async def end(self, request: Request) -> Response:
        """Close a room for good; its maker may, and its hosts."""
        record = await self.find_own(request)
        await self._switchboard.prepare(record.id)
        hosts = self._switchboard.rooms.hosts(record.id)
        await self._store.end_room(record.id, self._clock.unix(), hosts)
        self._switchboard.end(record.id)
        await self._switchboard.settle()
        return Response(status_code=204)

    async def open(self, request: Request) -> Response:
        """Give the token that a hello needs: to the caller, or for its person."""
        caller = self._callers.of(request)
        person, knock = None, Knock()
        if isinstance(caller, KeyHolder):
            person = await read(request, Person)
        else:
            knock = await read(request, Knock)
        room = RoomId(request.path_params["room"])
        record = await self._register.find(room)
        entry = granted(caller, person, record) if record else None
        if entry is None:
            record = None  # what is hidden costs what a missing one does
        if not sent_by_backend(caller):
            await self._check_passcode(request, record, caller.subject, knock.passcode)
        if record is None or entry is None:
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        role = RoomRole(entry.role.value)
        self._switchboard.rooms.way_in(record, entry.subject, role)
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

    # -- who asks, for what

    def _link(self, request: Request, room: RoomId) -> str:
        return f"{public_origin(request.scope, self._origins.listed)}/r/{room}"

    async def find_own(self, request: Request) -> RoomRecord:
        """Return the room that is asked for, if the caller may change it."""
        caller = self._callers.of(request)
        return self._check_right(await self._find(request), caller)

    async def find_past(self, request: Request) -> RoomRecord:
        """Return the room that is asked for, ended or not, if it is the caller's.

        Of an ended room that is whoever made it, was its host when it ended, or was
        sent as its host.
        """
        caller = self._callers.of(request)
        record = await self._find(request)
        if record is None:
            room = RoomId(request.path_params["room"])
            record = await self._store.past_room(room)
            # That it ended may not be written yet.
            hosts = self._switchboard.rooms.hosts(room)
            if record is not None and hosts:
                record = replace(record, hosts=hosts)
        return self._check_right(record, caller)

    async def _find(self, request: Request) -> RoomRecord | None:
        return await self._register.find(RoomId(request.path_params["room"]))

    def _check_right(
        self, record: RoomRecord | None, caller: Session | KeyHolder
    ) -> RoomRecord:
        """Return the room if the caller may change it."""
        if record is None or not may_know(caller, record):
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        subject = caller.subject
        room = self._switchboard.rooms.find(record.id)
        hosts = {room.members[who].subject for who in room.hosts()} if room else set()
        if made_it(record, subject) or subject in hosts or subject in record.hosts:
            return record
        # Whoever was taken out is nobody's host in this call any more.
        removed = room is not None and subject in room.removed
        sent = isinstance(caller, Session) and caller.visit == (record.id, Role.HOST)
        if sent and not removed and is_host(record, subject, RoomRole.HOST):
            return record
        inside = room is not None and room.holds(subject)
        known = inside or knows(caller, record)
        raise Refused(ErrorCode.FORBIDDEN if known else ErrorCode.ROOM_NOT_FOUND)

    async def _check_passcode(
        self,
        request: Request,
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
        # Each costs a core for a while, be there such a room or not.
        self._gate.ask(Door.PASSCODE, request.scope)
        room = request.path_params["room"]
        guess = (self._gate.addresses.of(request.scope), room)
        await self._guesses.take(guess)
        try:
            right = await self._hashing.matches(given, kept)
        except TooMany:
            await self._guesses.give_back(guess)  # nobody looked at it
            raise
        if record and not right:
            raise Refused(ErrorCode.PASSCODE_WRONG)
        if right:
            await self._guesses.give_back(guess)

    def _needs_none(self, record: RoomRecord, subject: str) -> bool:
        room = self._switchboard.rooms.find(record.id)
        inside = bool(room and room.holds(subject))
        expected = self._switchboard.rooms.expects(record.id, subject)
        return made_it(record, subject) or inside or expected

    async def _hash(self, word: str) -> str:
        if not word:
            return ""
        return await self._hashing.hashed(word)

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
            "e2ee": record.e2ee,
        }


def _name(wanted: str) -> str:
    return display_name(wanted) if wanted else ""


def sent_by_backend(caller: Session | KeyHolder) -> bool:
    """Whether a backend speaks for whoever comes in: then no passcode has to."""
    return isinstance(caller, KeyHolder) or caller.visit is not None


def may_know(caller: Session | KeyHolder, record: RoomRecord) -> bool:
    """Whether a room may be there for the caller.

    A visit is for one room, whatever else its person does in others.
    """
    visiting = isinstance(caller, Session) and caller.visit is not None
    if visiting or by_key(record.creator):
        return knows(caller, record)
    return True
