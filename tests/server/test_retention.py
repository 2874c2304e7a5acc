"""How long the past is kept."""

import asyncio
from dataclasses import replace

import pytest
from guest import FakeClock, make_settings, serving
from store_contract import RECORD, ROOM, link, stay, stays_of
from test_command import start

from server.errors import StoreError
from server.retention import BATCH, DAY, REST, Retention, prune
from server.store import Pruned, open_store


class FakeStore:
    """Has so many stays to delete."""

    def __init__(self, stays: int) -> None:
        self.stays = stays
        self.before: list[float] = []
        self.there = True

    async def prune(self, before, batch):
        self.before.append(before)
        if not self.there:
            raise StoreError("away")
        done = min(batch, self.stays)
        self.stays -= done
        return Pruned(done, 2 * done, 1, more=done == batch)


class Nights:
    """Sleeps that end when they are told to; the clock goes on meanwhile."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.begun: asyncio.Queue[float] = asyncio.Queue()
        self.over = asyncio.Semaphore(0)

    async def __call__(self, seconds: float) -> None:
        self.begun.put_nowait(seconds)
        await self.over.acquire()
        self.clock.advance(seconds)


async def test_all_that_is_old_goes_in_batches_with_rests_between():
    store, rests = FakeStore(stays=10), []

    async def rest(seconds):
        rests.append(seconds)

    done = await prune(store, 5.0, batch=4, sleep=rest)
    assert done == Pruned(10, 20, 3, more=False)
    assert (store.before, rests) == ([5.0, 5.0, 5.0], [REST, REST])


async def test_the_past_is_forgotten_at_the_start_and_daily(caplog):
    caplog.set_level("INFO")
    clock, store = FakeClock(), FakeStore(stays=3)
    nights, begin = Nights(clock), clock.now
    task = asyncio.create_task(Retention(store, clock, 90, nights).run())
    assert await asyncio.wait_for(nights.begun.get(), 5) == DAY
    assert store.before == [begin - 90 * DAY]
    nights.over.release()
    assert await asyncio.wait_for(nights.begun.get(), 5) == DAY
    assert store.before == [begin - 90 * DAY, begin - 89 * DAY]
    task.cancel()
    assert "= pruned 3 participations, 6 links, 1 rooms" in caplog.messages


async def test_a_store_that_fails_is_asked_again_within_the_hour():
    clock, store = FakeClock(), FakeStore(stays=3)
    store.there = False
    nights = Nights(clock)
    task = asyncio.create_task(Retention(store, clock, 1, nights).run())
    assert await asyncio.wait_for(nights.begun.get(), 5) == 3600.0
    store.there = True
    nights.over.release()
    assert await asyncio.wait_for(nights.begun.get(), 5) == DAY
    assert store.stays == 0
    task.cancel()


async def test_with_no_limit_nothing_is_ever_deleted():
    store = FakeStore(stays=3)
    await asyncio.wait_for(Retention(store, FakeClock(), 0).run(), 5)
    assert store.before == []


@pytest.fixture
async def store(tmp_path):
    """A store with more of the past than goes at once, and a stay of just now."""
    (tmp_path / "data").mkdir()
    store = open_store(f"sqlite:///{tmp_path}/data/tertulia.db")
    await store.start()
    await store.add_room(RECORD)
    for number in range(BATCH + 1):
        await store.came(stay(number))
        await store.went(f"p{number}", 2000.0, "left")
    await store.measured(link(1))
    now = replace(stay(1), id="now")
    await store.came(now)
    yield store
    await store.close()


async def test_prune_says_what_it_deleted(tmp_path, store):
    process = await start(tmp_path, "prune")
    out, log = await process.communicate()
    assert (process.returncode, out.decode()) == (
        0,
        f"Deleted, older than 90 days: {BATCH + 1} participations, 1 links, 0 rooms.\n",
    ), log
    assert await stays_of(store) == ["now"]
    assert await store.room(ROOM) == RECORD
    process = await start(tmp_path, "prune", TERTULIA_RETENTION_DAYS="0")
    out, _ = await process.communicate()
    assert (process.returncode, out.decode()) == (
        0,
        "Nothing is deleted: TERTULIA_RETENTION_DAYS is 0.\n",
    )


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"TERTULIA_RETENTION_DAYS": "-1"}, "TERTULIA_RETENTION_DAYS"),
        ({"TERTULIA_RETENTION_DAYS": "x"}, "TERTULIA_RETENTION_DAYS"),
        ({"TERTULIA_DATABASE": "sqlite:////dev/null/t.db"}, "tertulia: "),
    ],
)
async def test_a_prune_that_can_not_be_is_one_clear_line(tmp_path, env, named):
    process = await start(tmp_path, "prune", **env)
    out, log = await process.communicate()
    assert (process.returncode, out) == (1, b"")
    assert named in log.decode()
    assert log.count(b"\n") == 1


async def test_a_server_prunes_by_itself_when_it_starts(tmp_path, store):
    settings = make_settings(
        tmp_path, database=f"sqlite:///{tmp_path}/data/tertulia.db"
    )
    async with serving(settings):
        async with asyncio.timeout(20):
            while await stays_of(store) != ["now"]:
                pass
