"""The embedded store: SQLite in one thread of its own."""

import asyncio
import json
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

from protocol.messages import RoomId
from server.errors import StoreError
from server.store import Participation, RoomRecord

R = TypeVar("R")

# Each entry brings the schema from its index to the next version.
_MIGRATIONS = (
    """
    CREATE TABLE room (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        creator TEXT NOT NULL,
        created_at REAL NOT NULL,
        ended_at REAL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE participation (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        room TEXT NOT NULL,
        subject TEXT NOT NULL,
        agent TEXT NOT NULL,
        joined_at REAL NOT NULL,
        left_at REAL,
        reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX participation_room ON participation (room, number);
    CREATE INDEX participation_open ON participation (id) WHERE left_at IS NULL;
    """,
    """
    ALTER TABLE room ADD COLUMN persistent INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE room ADD COLUMN passcode TEXT NOT NULL DEFAULT '';
    ALTER TABLE room ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE room ADD COLUMN waiting_room INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE room ADD COLUMN banned TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE room ADD COLUMN capacity INTEGER NOT NULL DEFAULT 8;
    """,
)
# Made beside others that will stand between: a number that none of them takes.
_APART = {
    # Links of rooms from before carry no secret.
    9: "ALTER TABLE room ADD COLUMN e2ee INTEGER NOT NULL DEFAULT 0;",
}


class SqliteStore:
    """A ``Store`` in one file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._opened: sqlite3.Connection | None = None

    async def start(self) -> None:
        self._opened = await self._in_thread(lambda: _connect(self._path))

    async def add_room(self, room: RoomRecord) -> None:
        await self._write(
            "INSERT INTO room (id, creator, created_at, e2ee, name,"
            " persistent, passcode, locked, waiting_room, banned, capacity)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (room.id, room.creator, room.created_at, room.e2ee, *_changeable(room)),
        )

    async def room(self, room: RoomId) -> RoomRecord | None:
        rows = await self._read(
            "SELECT id, name, creator, created_at,"
            " persistent, passcode, locked, waiting_room, banned, capacity, e2ee"
            " FROM room WHERE id = ? AND ended_at IS NULL",
            (room,),
        )
        return _record(*rows[0]) if rows else None

    async def change_room(self, room: RoomRecord) -> None:
        await self._write(
            "UPDATE room SET name = ?, persistent = ?, passcode = ?, locked = ?,"
            " waiting_room = ?, banned = ?, capacity = ?"
            " WHERE id = ? AND ended_at IS NULL",
            (*_changeable(room), room.id),
        )

    async def end_room(self, room: RoomId, at: float) -> None:
        await self._write(
            "UPDATE room SET ended_at = ? WHERE id = ? AND ended_at IS NULL",
            (at, room),
        )

    async def came(self, participation: Participation) -> None:
        await self._write(
            "INSERT INTO participation"
            " (id, room, subject, agent, joined_at, left_at, reason)"
            " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (
                participation.id,
                participation.room,
                participation.subject,
                participation.agent,
                participation.joined_at,
                participation.left_at,
                participation.reason,
            ),
        )

    async def went(self, participation: str, at: float, reason: str) -> None:
        await self._write(
            "UPDATE participation SET left_at = ?, reason = ?"
            " WHERE id = ? AND left_at IS NULL",
            (at, reason, participation),
        )

    async def participations(self, room: RoomId) -> list[Participation]:
        rows = await self._read(
            "SELECT id, room, subject, agent, joined_at, left_at, reason"
            " FROM participation WHERE room = ? ORDER BY number",
            (room,),
        )
        return [Participation(*row) for row in rows]

    async def end_open(self, at: float, reason: str) -> int:
        return await self._write(
            "UPDATE participation SET left_at = ?, reason = ? WHERE left_at IS NULL",
            (at, reason),
        )

    async def close(self) -> None:
        if self._opened is not None:
            await self._in_thread(self._opened.close)
        self._thread.shutdown()

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            raise StoreError("not started")
        return self._opened

    async def _write(self, sql: str, values: tuple[Any, ...]) -> int:
        def write() -> int:
            with self._connection:
                return self._connection.execute(sql, values).rowcount

        return await self._in_thread(write)

    async def _read(self, sql: str, values: tuple[Any, ...]) -> list[Any]:
        return await self._in_thread(
            lambda: self._connection.execute(sql, values).fetchall()
        )

    async def _in_thread(self, work: Callable[[], R]) -> R:
        try:
            return await asyncio.get_running_loop().run_in_executor(self._thread, work)
        except (sqlite3.Error, OSError) as error:
            raise StoreError(str(error)) from error


def _changeable(room: RoomRecord) -> tuple[Any, ...]:
    return (
        room.name,
        room.persistent,
        room.passcode,
        room.locked,
        room.waiting_room,
        json.dumps(room.banned),
        room.capacity,
    )


def _record(
    room: RoomId,
    name: str,
    creator: str,
    created_at: float,
    persistent: int,
    passcode: str,
    locked: int,
    waiting_room: int,
    banned: str,
    capacity: int,
    e2ee: int,
) -> RoomRecord:
    return RoomRecord(
        id=room,
        name=name,
        creator=creator,
        created_at=created_at,
        persistent=bool(persistent),
        passcode=passcode,
        locked=bool(locked),
        waiting_room=bool(waiting_room),
        banned=tuple(json.loads(banned)),
        capacity=capacity,
        e2ee=bool(e2ee),
    )


def _connect(path: str) -> sqlite3.Connection:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode this can lose the last commits on a power cut, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS schema (version INTEGER NOT NULL)")
    row = connection.execute("SELECT version FROM schema").fetchone()
    version = row[0] if row else 0
    steps = dict(enumerate(_MIGRATIONS, 1)) | _APART
    if version > max(steps):
        raise sqlite3.DatabaseError("the file is of a newer Tertulia")
    for number, script in sorted(steps.items()):
        if number <= version:
            continue
        connection.executescript(
            f"BEGIN; {script} DELETE FROM schema;"
            f" INSERT INTO schema VALUES ({number}); COMMIT;"
        )
