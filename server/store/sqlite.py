"""The embedded store: SQLite in one thread of its own."""

import asyncio
import json
import sqlite3
from collections.abc import Callable, Collection, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import astuple, fields, replace
from operator import attrgetter
from typing import Any, Final, TypeVar

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
from server.store.schema import connect, prune

R = TypeVar("R")

_STAY: Final = "id, room, subject, agent, joined_at, left_at, reason, connection, host"
# Who went before they came is in no room yet: only when and why is known.
_CAME: Final = (
    f"INSERT INTO participation ({_STAY})"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
    " SET room = excluded.room, subject = excluded.subject,"
    " agent = excluded.agent, joined_at = excluded.joined_at, host = excluded.host"
    " WHERE room = ''"
)
_LINK: Final = (
    "participation, peer, room, ended_at, samples,"
    " round_trip_mean, round_trip_most, loss_mean, loss_most,"
    " up_mean, up_most, down_mean, down_most, frame_rate_mean, frame_rate_most,"
    " freezes, width, height, connection, transport"
)
_NEWER: Final = ", ".join(f"excluded.{name}" for name in _LINK.split(", "))


class SqliteStore:
    """A ``Store`` in one file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._thread = ThreadPoolExecutor(1, "sqlite")
        self._opened: sqlite3.Connection | None = None

    async def start(self) -> None:
        self._opened = await self._in_thread(lambda: connect(self._path))

    async def add_room(self, room: RoomRecord) -> None:
        await self._write(
            "INSERT INTO room (id, creator, created_at, e2ee, name,"
            " persistent, passcode, locked, waiting_room, banned, capacity, version)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
            (room.id, room.creator, room.created_at, room.e2ee, *_changeable(room)),
        )

    async def room(self, room: RoomId) -> RoomRecord | None:
        return next(iter(await self.rooms((room,))), None)

    async def rooms(self, rooms: Collection[RoomId]) -> list[RoomRecord]:
        return await self._rooms(rooms, "ended_at IS NULL")

    async def past_room(self, room: RoomId) -> RoomRecord | None:
        return next(iter(await self._rooms((room,), "TRUE")), None)

    async def change_room(self, room: RoomRecord) -> None:
        await self._write(
            "UPDATE room SET name = ?, persistent = ?, passcode = ?, locked = ?,"
            " waiting_room = ?, banned = ?, capacity = ?, version = ?"
            " WHERE id = ? AND ended_at IS NULL AND version <= ?",
            (*_changeable(room), room.id, room.version),
        )

    async def end_room(
        self, room: RoomId, at: float, hosts: Collection[str] = ()
    ) -> None:
        await self._write(
            "UPDATE room SET ended_at = ?, hosts = ? WHERE id = ? AND ended_at IS NULL",
            (at, json.dumps(list(hosts)), room),
        )

    async def came(self, *participations: Participation) -> None:
        rows = [_stay(each) for each in participations]

        def write() -> None:
            with self._connection:
                self._connection.executemany(_CAME, rows)

        await self._in_thread(write)

    async def returned(self, participation: Participation) -> None:
        def write() -> None:
            with self._connection:
                self._connection.execute(_CAME, _stay(participation))
                self._connection.execute(
                    "UPDATE participation"
                    " SET left_at = NULL, reason = '', host = ? WHERE id = ?",
                    (participation.host, participation.id),
                )

        await self._in_thread(write)

    async def went(self, participation: str, at: float, reason: str) -> None:
        await self._write(
            f"INSERT INTO participation ({_STAY})"
            " VALUES (?, '', '', '', ?, ?, ?, '', 0) ON CONFLICT (id) DO UPDATE"
            " SET left_at = excluded.left_at, reason = excluded.reason"
            " WHERE left_at IS NULL",
            (participation, at, at, reason),
        )

    async def reached(self, participation: str, connection: str) -> None:
        await self._write(
            "UPDATE participation SET connection = ? WHERE id = ?",
            (connection, participation),
        )

    async def hosted(self, participation: str, host: bool) -> None:
        await self._write(
            "UPDATE participation SET host = ? WHERE id = ?", (host, participation)
        )

    async def measured(self, link: LinkRecord) -> None:
        values = _flat(astuple(link))
        places = ", ".join("?" for _ in values)
        await self._write(
            f"INSERT INTO link ({_LINK}) VALUES ({places}) ON CONFLICT DO UPDATE"
            f" SET ({_LINK}) = ({_NEWER}) WHERE excluded.samples > samples",
            values,
        )

    async def participations(self, room: RoomId) -> list[Participation]:
        rows = await self._read(
            f"SELECT {_STAY} FROM participation WHERE room = ? ORDER BY number",
            (room,),
        )
        return [_participation(row) for row in rows]

    async def page(self, room: RoomId, after: int, limit: int) -> Page:
        rows = await self._read(
            f"SELECT number, {_STAY} FROM participation"
            " WHERE room = ? AND number > ? ORDER BY number LIMIT ?",
            (room, after, limit + 1),
        )
        stays = tuple(_participation(row[1:]) for row in rows[:limit])
        return Page(stays, rows[limit - 1][0] if len(rows) > limit else 0)

    async def links(
        self, room: RoomId, stays: Collection[str] | None = None
    ) -> list[LinkRecord]:
        sql = f"SELECT {_LINK} FROM link WHERE room = ?"
        values: tuple[str, ...] = (room,)
        if stays is not None:
            sql += " AND participation IN (SELECT value FROM json_each(?))"
            values += (json.dumps(list(stays)),)
        rows = await self._read(f"{sql} ORDER BY participation, peer", values)
        return [_link(row) for row in rows]

    async def prune(self, before: float, batch: int) -> Pruned:
        return await self._in_thread(lambda: prune(self._connection, before, batch))

    async def end_open(self, at: float, reason: str, keep: Collection[str] = ()) -> int:
        return await self._write(
            "UPDATE participation SET left_at = ?, reason = ?"
            " WHERE left_at IS NULL AND joined_at <= ?"
            " AND id NOT IN (SELECT value FROM json_each(?))",
            (at, reason, at, json.dumps(list(keep))),
        )

    async def aftermath(self, since: float) -> Aftermath:
        rows = await self._read(
            f"SELECT {_STAY} FROM participation WHERE left_at >= ?", (since,)
        )
        found = aftermath(map(_participation, rows))
        ids = json.dumps([stay.id for stay in found.stopped])
        links = await self._read(
            f"SELECT {_LINK} FROM link"
            " WHERE participation IN (SELECT value FROM json_each(?))",
            (ids,),
        )
        return replace(found, links=tuple(map(_link, links)))

    async def close(self) -> None:
        if self._opened is not None:
            await self._in_thread(self._opened.close)
        self._thread.shutdown()

    @property
    def _connection(self) -> sqlite3.Connection:
        if self._opened is None:
            raise StoreError("not started")
        return self._opened

    async def _rooms(
        self, rooms: Collection[RoomId], condition: str
    ) -> list[RoomRecord]:
        rows = await self._read(
            "SELECT id, name, creator, created_at,"
            " persistent, passcode, locked, waiting_room, banned, capacity, e2ee,"
            " version, hosts"
            " FROM room WHERE id IN (SELECT value FROM json_each(?))"
            f" AND {condition}",
            (json.dumps(list(rooms)),),
        )
        return [_record(*row) for row in rows]

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


_stay: Final = attrgetter(*(field.name for field in fields(Participation)))


def _participation(row: Sequence[Any]) -> Participation:
    *values, host = row
    return Participation(*(*values, bool(host)))


def _changeable(room: RoomRecord) -> tuple[Any, ...]:
    return (
        room.name,
        room.persistent,
        room.passcode,
        room.locked,
        room.waiting_room,
        json.dumps(room.banned),
        room.capacity,
        room.version,
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
    version: int,
    hosts: str,
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
        version=version,
        hosts=tuple(json.loads(hosts)),
    )


def _flat(values: Iterable[Any]) -> tuple[Any, ...]:
    """Return values side by side, each spread as its mean and its greatest."""
    flat: list[Any] = []
    for value in values:
        flat.extend(value if isinstance(value, tuple) else (value,))
    return tuple(flat)


def _link(row: Sequence[Any]) -> LinkRecord:
    spreads = (Spread(*row[at : at + 2]) for at in range(5, 15, 2))
    return LinkRecord(*row[:5], *spreads, *row[15:])
