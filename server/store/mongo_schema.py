"""The collections of MongoDB: how databases come to have what a version expects."""

from collections.abc import Awaitable, Callable
from typing import Any, Final

from motor.motor_asyncio import AsyncIOMotorDatabase
from pymongo.errors import DuplicateKeyError

from server.errors import StoreError

Database = AsyncIOMotorDatabase[dict[str, Any]]

_INDEXES: Final = (
    ("participation", ("room", "number")),
    ("participation", ("left_at",)),
    ("link", ("room",)),
    ("link", ("participation",)),
    ("room", ("ended_at", "created_at")),
)
#: What rooms from before don't say. Their links carry no secret.
_UNSAID: Final = {"e2ee": False, "version": 0, "hosts": []}


async def migrate(database: Database) -> None:
    """Bring a database to the newest version; ``StoreError`` if it is of a newer one.

    Several processes may do this at once, so each step may be done twice.
    """
    schema = database["schema"]
    found = await schema.find_one({"_id": "version"})
    version = found["version"] if found else 0
    if version > len(_MIGRATIONS):
        raise StoreError("the database is of a newer Tertulia")
    for number, change in enumerate(_MIGRATIONS[version:], version + 1):
        await change(database)
        try:
            await schema.insert_one({"_id": "version", "version": number})
        except DuplicateKeyError:
            older = {"_id": "version", "version": {"$lt": number}}
            await schema.update_one(older, {"$set": {"version": number}})


async def _make_indexes(database: Database) -> None:
    for collection, fields in _INDEXES:
        await database[collection].create_index([(field, 1) for field in fields])


async def _complete_rooms(database: Database) -> None:
    for name, value in _UNSAID.items():
        await database["room"].update_many({name: None}, {"$set": {name: value}})


# Each entry brings a database from its index to the next version.
_MIGRATIONS: Final[tuple[Callable[[Database], Awaitable[None]], ...]] = (
    _make_indexes,
    _complete_rooms,
)
