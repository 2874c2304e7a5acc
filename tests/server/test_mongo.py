"""MongoDB as a store, over its socket."""

import asyncio
import contextlib
import io
import logging
import uuid
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest
import structlog
from guest import make_settings, serving
from motor.motor_asyncio import AsyncIOMotorClient
from store_contract import RECORD, ROOM, StoreContract, stay

from protocol import messages as m
from protocol.messages import RoomId
from server.errors import StoreError
from server.logs import configure
from server.store import Store, open_store
from tests.services.mongo import mongo_server
from tests.services.service import free_port


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with mongo_server(tmp_path_factory.mktemp("mongo")) as url:
        yield url


@pytest.fixture
def url(server: str) -> str:
    return f"{server}/test_{uuid.uuid4().hex}"


@pytest.fixture
async def store(url: str) -> AsyncIterator[Store]:
    store = open_store(url)
    await store.start()
    yield store
    await store.close()


class TestMongo(StoreContract):
    pass


async def test_a_database_of_a_newer_version_is_not_touched(url, store):
    client = AsyncIOMotorClient(url)
    schema = client.get_default_database()["schema"]
    await schema.update_one({"_id": "version"}, {"$set": {"version": 99}})
    client.close()
    other = open_store(url)
    with pytest.raises(StoreError, match="newer"):
        await other.start()
    await other.close()


async def test_a_room_of_the_first_version_is_still_there(url):
    client = AsyncIOMotorClient(url)
    database = client.get_default_database()
    await database["schema"].insert_one({"_id": "version", "version": 1})
    room = asdict(replace(RECORD, banned=["bo"])) | {"_id": ROOM, "ended_at": None}
    for unsaid in ("id", "e2ee", "version", "hosts"):
        del room[unsaid]
    await database["room"].insert_one(room)
    stores = [open_store(url) for _ in range(2)]
    await asyncio.gather(*(each.start() for each in stores))
    known = replace(RECORD, banned=("bo",), e2ee=False)
    assert await stores[0].room(ROOM) == known
    await stores[0].change_room(replace(known, locked=True, version=1))
    # Who starts later finds it done, and changes nothing.
    stores.append(open_store(url))
    await stores[-1].start()
    assert await stores[-1].room(ROOM) == replace(known, locked=True, version=1)
    assert await database["schema"].find_one() == {"_id": "version", "version": 2}
    for each in stores:
        await each.close()
    client.close()


async def test_a_new_database_is_of_the_newest_version(url, store):
    client = AsyncIOMotorClient(url)
    database = client.get_default_database()
    assert await database["schema"].find_one() == {"_id": "version", "version": 2}
    assert len(await database["participation"].index_information()) == 3
    client.close()


async def test_two_processes_write_into_one_room(url, store):
    other = open_store(url)
    await other.start()
    for number in range(6):
        await (other if number % 2 else store).came(stay(number))
    await other.close()
    found = await store.participations(ROOM)
    assert found == [stay(number) for number in range(6)]


async def test_an_operator_in_a_name_of_a_room_is_only_a_name(store):
    await store.add_room(RECORD)
    assert await store.room(RoomId('{"$gt": ""}')) is None


async def test_a_server_that_is_away_is_an_error_within_its_patience():
    store = open_store(f"mongodb://127.0.0.1:{free_port()}/nobody")
    with pytest.raises(StoreError):
        await asyncio.wait_for(store.start(), 10)
    await store.close()


async def test_a_server_that_comes_back_is_written_to_again(tmp_path: Path):
    with mongo_server(tmp_path) as url:
        store = open_store(f"{url}/outage")
        await store.start()
        await store.came(stay(1))
    with pytest.raises(StoreError):
        await store.came(stay(2))
    await store.close()


async def test_a_store_that_was_not_started_says_so():
    with pytest.raises(StoreError, match="not started"):
        await open_store("mongodb://127.0.0.1:1/x").room(ROOM)


async def test_a_server_that_stops_in_the_middle_of_a_call_is_made_up_for(
    tmp_path: Path,
):
    port = free_port()
    (database := tmp_path / "mongo").mkdir()
    settings = make_settings(tmp_path, data_dir=tmp_path / "data")
    with contextlib.ExitStack() as stack:
        url = stack.enter_context(mongo_server(database, port))
        store = open_store(f"{url}/outage")
        async with serving(settings, store) as house:
            house.store = store
            ana, bo = await house.party("Ana", "Bo")
            stack.close()
            await bo.say(m.Leave())
            assert isinstance(await ana.hear(), m.ParticipantLeft)
            cleo = await house.join("Cleo")
            assert isinstance(await ana.hear(), m.ParticipantJoined)
            stack.enter_context(mongo_server(database, port))
            await cleo.say(m.Leave())
            assert isinstance(await ana.hear(), m.ParticipantLeft)
            dan = await house.join("Dan")
        store = open_store(f"{url}/outage")
        await store.start()
        found = await store.participations(RoomId("the-room"))
        await store.close()
    people = {ana.you: "Ana", bo.you: "Bo", cleo.you: "Cleo", dan.you: "Dan"}
    assert [(people[each.id], each.reason) for each in found] == [
        ("Ana", "left"),
        ("Bo", "left"),
        ("Cleo", "left"),
        ("Dan", "left"),
    ]


async def test_what_is_written_stands_in_no_log_at_any_level(url):
    stream = io.StringIO()
    loggers = logging.getLogger(), logging.getLogger("tertulia")
    before = loggers[0].handlers[:], [logger.level for logger in loggers]
    configure("debug", stream)
    try:
        logging.getLogger("tertulia.test").debug("= something")
        store = open_store(url)
        await store.start()
        await store.add_room(replace(RECORD, name="marked-name", passcode="marked"))
        await store.room(ROOM)
        await store.close()
    finally:
        loggers[0].handlers[:] = before[0]
        for logger, level in zip(loggers, before[1], strict=True):
            logger.setLevel(level)
        structlog.reset_defaults()
    assert "= something" in stream.getvalue()
    assert "marked" not in stream.getvalue()
