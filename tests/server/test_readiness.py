"""Readiness: what is down, and what asking costs."""

import asyncio

from guest import make_settings, serving

from server.errors import StoreError
from server.readiness import FRESH, Readiness
from server.store.sqlite import SqliteStore


class Part:
    """Something to check, and how often it was."""

    def __init__(self, *, good: bool = True) -> None:
        self.good = good
        self.asked = 0

    async def check(self) -> bool:
        self.asked += 1
        return self.good


async def test_every_part_is_named_with_its_state(clock):
    parts = {"store": Part().check, "journal": Part(good=False).check}
    report = await Readiness(parts, clock.monotonic).report()
    assert report.checks == {"store": "ok", "journal": "down"}
    assert not report.ready


async def test_a_part_that_fails_is_down(clock):
    async def failing() -> bool:
        raise StoreError("away")

    report = await Readiness({"store": failing}, clock.monotonic).report()
    assert report.checks == {"store": "down"}


async def test_a_part_that_hangs_is_down_before_long(clock):
    async def hanging() -> bool:
        return await asyncio.get_running_loop().create_future()

    readiness = Readiness({"store": hanging}, clock.monotonic, limit=0.01)
    assert (await readiness.report()).checks == {"store": "down"}


async def test_who_polls_makes_one_look_a_second(clock):
    part = Part()
    readiness = Readiness({"store": part.check}, clock.monotonic)
    await asyncio.gather(*(readiness.report() for _ in range(50)))
    await readiness.report()
    assert part.asked == 1
    clock.advance(FRESH)
    part.good = False
    assert not (await readiness.report()).ready
    assert part.asked == 2


async def test_who_hangs_up_does_not_end_the_look_of_the_others(clock):
    gate = asyncio.Event()

    async def slow() -> bool:
        await gate.wait()
        return True

    readiness = Readiness({"store": slow}, clock.monotonic, limit=60)
    first = asyncio.create_task(readiness.report())
    second = asyncio.create_task(readiness.report())
    await asyncio.sleep(0)
    first.cancel()
    await asyncio.gather(first, return_exceptions=True)
    gate.set()
    assert (await second).ready


async def test_a_server_that_works_is_ready(house):
    response = await house.http.get("/readyz")
    assert response.status_code == 200
    assert response.headers["cache-control"] == "no-store"
    checks = {"store": "ok", "journal": "ok"}
    assert response.json() == {"ready": True, "draining": False, "checks": checks}


async def test_a_server_whose_store_is_away_says_which(tmp_path):
    settings = make_settings(tmp_path)

    class Away(SqliteStore):
        async def room(self, room):
            raise StoreError("away")

    store = Away(settings.database.removeprefix("sqlite:///"))
    async with serving(settings, store) as house:
        response = await house.http.get("/readyz")
        alive = await house.http.get("/healthz")
    assert response.status_code == 503
    assert response.json()["checks"] == {"store": "down", "journal": "ok"}
    assert alive.status_code == 200


async def test_a_server_that_drains_says_so_at_once(house):
    assert (await house.http.get("/readyz")).status_code == 200
    house.app.state.draining = True
    response = await house.http.get("/readyz")
    assert response.status_code == 503
    assert response.json()["draining"] is True
    assert response.json()["checks"]["store"] == "ok"
