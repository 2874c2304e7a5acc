"""SQLite as a store, and the journal before it."""

import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from guest import make_settings, serving
from store_contract import RECORD, ROOM, StoreContract, stay

from protocol import messages as m
from protocol.codes import VERSION, ErrorCode
from server.errors import SettingError, StoreError
from server.store import Store, open_store


@pytest.fixture
def url(tmp_path: Path) -> str:
    return f"sqlite:///{tmp_path}/deep/below/tertulia.db"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = open_store(url)
    await store.start()
    yield store
    await store.close()


class TestSqlite(StoreContract):
    pass


async def reread(tmp_path):
    store = open_store(f"sqlite:///{tmp_path}/t.db")
    await store.start()
    try:
        return await store.room(ROOM), await store.participations(ROOM)
    finally:
        await store.close()


async def test_a_room_of_the_first_version_is_still_there(tmp_path):
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.executescript(
            """
            CREATE TABLE schema (version INTEGER NOT NULL);
            INSERT INTO schema VALUES (1);
            CREATE TABLE room (
                id TEXT PRIMARY KEY, name TEXT NOT NULL, creator TEXT NOT NULL,
                created_at REAL NOT NULL, ended_at REAL
            ) STRICT, WITHOUT ROWID;
            INSERT INTO room VALUES ('abcd-efgh-jkmn', 'Lunes', 'ana', 1000.5, NULL);
            CREATE TABLE participation (
                number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE,
                room TEXT NOT NULL, subject TEXT NOT NULL, agent TEXT NOT NULL,
                joined_at REAL NOT NULL, left_at REAL, reason TEXT NOT NULL
            ) STRICT;
            INSERT INTO participation VALUES
                (7, 'p1', 'abcd-efgh-jkmn', 'ana', 'test/1', 1001.0, NULL, '');
            """
        )
    connection.close()
    # Its link carries no secret.
    assert await reread(tmp_path) == (replace(RECORD, e2ee=False), [stay(1)])


async def test_a_file_of_a_newer_version_is_not_touched(tmp_path):
    await reread(tmp_path)
    with sqlite3.connect(tmp_path / "t.db") as connection:
        connection.execute("UPDATE schema SET version = 99")
    connection.close()
    store = open_store(f"sqlite:///{tmp_path}/t.db")
    with pytest.raises(StoreError, match="newer"):
        await store.start()
    await store.close()


async def test_a_place_that_can_not_be_written_is_an_error():
    store = open_store("sqlite:////dev/null/t.db")
    with pytest.raises(StoreError):
        await store.start()
    await store.close()


@pytest.mark.parametrize("url", ["", "sqlite", "sqlite:///", "postgres:///x"])
def test_another_engine_is_a_wrong_setting(url):
    with pytest.raises(SettingError, match="TERTULIA_DATABASE"):
        open_store(url)


async def test_a_stay_is_recorded_from_join_to_leave(tmp_path):
    async with serving(make_settings(tmp_path)) as house:
        ana, bo = await house.party("Ana", "Bo")
        await bo.say(m.Leave())
        await ana.hear()
        ana.cut()
    store = open_store(f"sqlite:///{tmp_path}/tertulia.db")
    await store.start()
    stays = await store.participations("the-room")
    await store.close()
    assert [(each.subject, each.reason) for each in stays] == [
        ("Ana", "server_stopped"),
        ("Bo", "left"),
    ]


async def test_who_was_removed_before_a_restart_has_no_way_back(tmp_path):
    async with serving(make_settings(tmp_path)) as house:
        ana, bo = await house.party("Ana", "Bo")
        await ana.say(m.Remove(bo.you))
        await bo.closing()
        ana.cut()  # else she would have left
    async with serving(make_settings(tmp_path)) as house:
        _, joined = await house.come_back(ana, "Ana")
        assert joined.you == ana.you
        again = await house.visit()
        hello = m.Hello(VERSION, house.token(subject="Bo"), "Bo", resume=bo.resume)
        await again.say(hello)
        failed = await again.hear()
        assert (failed.code, failed.about) == (ErrorCode.REMOVED, "hello")


async def test_a_token_opens_no_room_that_ended_before_a_restart(tmp_path):
    async with serving(make_settings(tmp_path)) as house:
        await house.store.end_room(m.RoomId("the-room"), house.clock.unix())
        token = house.token()
    async with serving(make_settings(tmp_path)) as house:
        for room in (token, house.token("nobody-made-it")):
            guest = await house.visit()
            await guest.say(m.Hello(VERSION, room, "Ana"))
            failed = await guest.hear()
            assert (failed.code, failed.about) == (ErrorCode.ROOM_NOT_FOUND, "hello")
