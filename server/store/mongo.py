"""The store on a MongoDB server, or what speaks its protocol, through Motor.

Nothing here goes beyond what FerretDB understands too. Every value that comes from
a client is a string by its type, so that no operator can hide in one.
"""

import time
from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import asdict, replace
from typing import Any, Final, TypeVar

from motor.motor_asyncio import (
    AsyncIOMotorClient,
    AsyncIOMotorCollection,
    AsyncIOMotorDatabase,
)
from pymongo.errors import DuplicateKeyError, PyMongoError

from protocol.messages import RoomId
from server.errors import StoreError
from server.store import (
    Aftermath,
    LinkRecord,
    Page,
    Participation,
    Pruned,
    RoomRecord,
    Spread,
    aftermath,
)
from server.store.mongo_schema import migrate

R = TypeVar("R")
Document = dict[str, Any]

_DATABASE: Final = "tertulia"  # where the URL names none
_PATIENCE: Final = 2000  # milliseconds for the server to be there, and to answer

_CHANGEABLE: Final = (
    "name",
    "persistent",
    "passcode",
    "locked",
    "waiting_room",
    "banned",
    "capacity",
    "version",
)
_BEGINNING: Final = ("room", "subject", "agent", "joined_at", "host")


class MongoStore:
    """A ``Store`` in one database: the one that the URL names, or ``tertulia``."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._client: AsyncIOMotorClient[Document] | None = None
        self._number = 0

    async def start(self) -> None:
        await self._asked(self._start)

    async def add_room(self, room: RoomRecord) -> None:
        document = {"_id": room.id, **_plain(asdict(room)), "ended_at": None}
        del document["id"]
        await self._insert("room", document)

    async def room(self, room: RoomId) -> RoomRecord | None:
        return await self._room({"_id": room, "ended_at": None})

    async def rooms(self, rooms: Collection[RoomId]) -> list[RoomRecord]:
        which = {"_id": {"$in": list(rooms)}, "ended_at": None}
        return [_room(each) for each in await self._find("room", which, "_id")]

    async def past_room(self, room: RoomId) -> RoomRecord | None:
        return await self._room({"_id": room})

    async def change_room(self, room: RoomRecord) -> None:
        plain = _plain(asdict(room))
        await self._update(
            "room",
            {"_id": room.id, "ended_at": None, "version": {"$lte": room.version}},
            {name: plain[name] for name in _CHANGEABLE},
        )

    async def end_room(
        self, room: RoomId, at: float, hosts: Collection[str] = ()
    ) -> None:
        ended = {"ended_at": at, "hosts": list(hosts)}
        await self._update("room", {"_id": room, "ended_at": None}, ended)

    async def came(self, *participations: Participation) -> None:
        for each in participations:
            document = self._document(each)
            if not await self._insert("participation", document):
                # Who went before they came is in no room yet.
                await self._update(
                    "participation",
                    {"_id": each.id, "room": ""},
                    {name: document[name] for name in _BEGINNING},
                )

    async def returned(self, participation: Participation) -> None:
        await self.came(participation)
        await self._update(
            "participation",
            {"_id": participation.id},
            {"left_at": None, "reason": "", "host": participation.host},
        )

    async def went(self, participation: str, at: float, reason: str) -> None:
        which = {"_id": participation, "left_at": None}
        end = {"left_at": at, "reason": reason}
        if await self._update("participation", which, end):
            return
        nowhere = Participation(participation, RoomId(""), "", "", at, at, reason)
        if not await self._insert("participation", self._document(nowhere)):
            await self._update("participation", which, end)  # they came just now

    async def reached(self, participation: str, connection: str) -> None:
        await self._update(
            "participation", {"_id": participation}, {"connection": connection}
        )

    async def hosted(self, participation: str, host: bool) -> None:
        await self._update("participation", {"_id": participation}, {"host": host})

    async def measured(self, link: LinkRecord) -> None:
        which = f"{link.participation}/{link.peer}"
        await self._insert("link", {"_id": which, **asdict(link)})
        older = {"_id": which, "samples": {"$lt": link.samples}}
        await self._update("link", older, asdict(link))

    async def participations(self, room: RoomId) -> list[Participation]:
        found = await self._find("participation", {"room": room}, "number")
        return [_participation(document) for document in found]

    async def page(self, room: RoomId, after: int, limit: int) -> Page:
        which = {"room": room, "number": {"$gt": after}}
        found = await self._find("participation", which, "number", limit + 1)
        last = found[limit - 1]["number"] if len(found) > limit else 0
        return Page(tuple(_participation(each) for each in found[:limit]), last)

    async def links(
        self, room: RoomId, stays: Collection[str] | None = None
    ) -> list[LinkRecord]:
        which: Document = {"room": room}
        if stays is not None:
            which["participation"] = {"$in": list(stays)}
        return [_link(each) for each in await self._find("link", which, "_id")]

    async def prune(self, before: float, batch: int) -> Pruned:
        stays = await self._find(
            "participation", {"left_at": {"$lt": before}}, "left_at", batch
        )
        await self._use({each["room"] for each in stays})
        old = {"$in": [each["_id"] for each in stays]}
        links = await self._delete("link", {"participation": old})
        gone = await self._delete("participation", {"_id": old})
        ended = await self._find(
            "room", {"ended_at": {"$lt": before}}, "ended_at", batch
        )
        unused = await self._find(
            "room",
            {"ended_at": None, "used": None, "created_at": {"$lt": before}},
            "created_at",
            batch,
        )
        rooms = [each["_id"] for each in unused]
        in_use = await self._in_use(rooms)
        # Those that are in use are looked at once, and never again.
        await self._use(in_use)
        rooms = [each for each in rooms if each not in in_use]
        rooms += [each["_id"] for each in ended]
        deleted = await self._delete("room", {"_id": {"$in": rooms}})
        more = batch in (len(stays), len(ended), len(unused))
        return Pruned(gone, links, deleted, more)

    async def end_open(self, at: float, reason: str, keep: Collection[str] = ()) -> int:
        which = {
            "_id": {"$nin": list(keep)},
            "left_at": None,
            "joined_at": {"$lte": at},
        }
        end = {"left_at": at, "reason": reason}
        return await self._update("participation", which, end)

    async def aftermath(self, since: float) -> Aftermath:
        found = await self._find(
            "participation", {"left_at": {"$gte": since}}, "number"
        )
        left = aftermath(map(_participation, found))
        which = {"participation": {"$in": [stay.id for stay in left.stopped]}}
        links = await self._find("link", which, "_id")
        return replace(left, links=tuple(map(_link, links)))

    async def close(self) -> None:
        if self._client is not None:
            self._client.close()
            self._client = None

    # -- inside

    async def _start(self) -> None:
        if self._client is None:
            self._client = AsyncIOMotorClient(
                self._url,
                appname="tertulia",
                serverSelectionTimeoutMS=_PATIENCE,
                connectTimeoutMS=_PATIENCE,
                socketTimeoutMS=_PATIENCE,
            )
        await migrate(self._database)

    async def _room(self, which: Document) -> RoomRecord | None:
        found = await self._asked(lambda: self._in("room").find_one(which))
        return _room(found) if found else None

    def _document(self, participation: Participation) -> Document:
        document = {"_id": participation.id, "number": self._next_number()}
        document |= _plain(asdict(participation))
        del document["id"]
        return document

    def _next_number(self) -> int:
        """Return a number that grows with every stay.

        The time of writing, and never the same twice: one task writes what one
        process has to say, in order, and between processes clocks decide.
        """
        self._number = max(self._number + 1, time.time_ns())
        return self._number

    async def _insert(self, collection: str, document: Document) -> bool:
        """Add a document; False if there is one of its id, which stays as it is."""

        async def insert() -> bool:
            try:
                await self._in(collection).insert_one(document)
            except DuplicateKeyError:
                return False
            return True

        return await self._asked(insert)

    async def _update(self, collection: str, which: Document, to: Document) -> int:
        result = await self._asked(
            lambda: self._in(collection).update_many(which, {"$set": to})
        )
        return int(result.modified_count)

    async def _find(
        self, collection: str, which: Document, order: str, most: int = 0
    ) -> list[Document]:
        """Return documents in an order; ``most`` 0 is all of them."""
        return await self._asked(
            lambda: (
                self._in(collection)
                .find(which)
                .sort(order, 1)
                .limit(most)
                .to_list(None)
            )
        )

    async def _delete(self, collection: str, which: Document) -> int:
        result = await self._asked(lambda: self._in(collection).delete_many(which))
        return int(result.deleted_count)

    async def _in_use(self, rooms: Collection[str]) -> set[str]:
        which = {"room": {"$in": list(rooms)}}
        return set(
            await self._asked(lambda: self._in("participation").distinct("room", which))
        )

    async def _use(self, rooms: Collection[str]) -> None:
        """Remember that somebody was in these rooms, once."""
        await self._update("room", {"_id": {"$in": list(rooms)}}, {"used": True})

    @property
    def _database(self) -> AsyncIOMotorDatabase[Document]:
        if self._client is None:
            raise StoreError("not started")
        return self._client.get_default_database(_DATABASE)

    def _in(self, collection: str) -> AsyncIOMotorCollection[Document]:
        return self._database[collection]

    async def _asked(self, ask: Callable[[], Awaitable[R]]) -> R:
        """Ask the database; whatever it fails with is a ``StoreError``."""
        try:
            return await ask()
        except (TimeoutError, PyMongoError, OSError) as error:
            # Its own text holds addresses, and may hold what was written.
            raise StoreError(type(error).__name__) from error


def _plain(document: Mapping[str, Any]) -> Document:
    return {
        name: list(value) if isinstance(value, tuple) else value
        for name, value in document.items()
    }


def _room(found: Document) -> RoomRecord:
    return RoomRecord(
        id=RoomId(found["_id"]),
        creator=found["creator"],
        created_at=float(found["created_at"]),
        name=found["name"],
        persistent=found["persistent"],
        passcode=found["passcode"],
        locked=found["locked"],
        waiting_room=found["waiting_room"],
        banned=tuple(found["banned"]),
        capacity=found["capacity"],
        e2ee=found["e2ee"],
        version=found["version"],
        hosts=tuple(found["hosts"]),
    )


def _participation(found: Document) -> Participation:
    del found["number"]
    return Participation(id=found.pop("_id"), **found)


def _link(found: Document) -> LinkRecord:
    del found["_id"]
    values: Document = {
        name: Spread(**value) if isinstance(value, dict) else value
        for name, value in found.items()
    }
    return LinkRecord(**values)
