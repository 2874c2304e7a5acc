"""What a second process costs: two over Redis, against one that serves alone.

Eight rooms of four, two of them at each process. The
servers and Redis share one core, the load generator has another. CPU is the two
processes' own, without that of Redis, which has a row of its own.
"""

import os
import runpy
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from types import SimpleNamespace

import uvloop
from _load import Guest, closed_loop, come, open_loop, rooms_of
from _report import Row, progress, report, row

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.append(str(ROOT))
from tests.services.redis import redis_server  # noqa: E402

# By its path: a module of Python's has its name.
signal = SimpleNamespace(**runpy.run_path(str(Path(__file__).with_name("signal.py"))))

ROUNDS = 4  # A-B-B-A twice
MESSAGES = 8_000
RATE = 500.0  # messages a second, so that nothing waits for anything
SECONDS = 4.0
KINDS = ("shared", "alone")


@contextmanager
def serving(kind: str) -> Iterator[tuple[list, int]]:
    """Start one server, or two; yield them, and the id of their Redis's process."""
    if kind == "alone":
        with signal.serving("ours") as server:
            yield [server], 0
        return
    with tempfile.TemporaryDirectory() as directory:
        before = os.sched_getaffinity(0)
        os.sched_setaffinity(0, signal.CORES[:1])  # Redis inherits it
        with redis_server(Path(directory)) as url:
            os.sched_setaffinity(0, before)
            redis = int(Path(directory, "redis.pid").read_text())
            shared = {
                "TERTULIA_REDIS": url,
                "TERTULIA_DATABASE": f"sqlite:///{directory}/rooms.db",
            }
            with (
                signal.serving("ours", **shared) as one,
                signal.serving("ours", **shared) as two,
            ):
                yield [one, two], redis


async def arrive(servers: Sequence, count: int) -> list[Guest]:
    """Bring in so many, to one server after the other."""
    return [
        await come("ours", servers[n % len(servers)].address, signal.token(n))
        for n in range(count)
    ]


async def cost(servers: Sequence, redis: int) -> tuple[float, float]:
    """Return the µs of CPU for each message: the servers', and Redis's."""
    rooms = rooms_of(await arrive(servers, 32))
    await closed_loop(rooms, MESSAGES // 10)

    def used() -> tuple[float, float]:
        theirs = signal.seconds_of(redis) if redis else 0.0
        return sum(each.cpu for each in servers), theirs

    before = used()
    count = await closed_loop(rooms, MESSAGES)
    after = used()
    ours, theirs = (b - a for a, b in zip(before, after, strict=True))
    return ours / count * 1e6, theirs / count * 1e6


async def way(servers: Sequence, redis: int) -> tuple[float, float]:
    """Return the median and the 99th percentile of a message's way, in ms."""
    rooms = rooms_of(await arrive(servers, 32))
    await open_loop(rooms, RATE, 1.0)
    ways = await open_loop(rooms, RATE, SECONDS)
    return median(ways) * 1000, quantiles(ways, n=100)[98] * 1000


def rows() -> Iterator[Row]:
    """Measure everything."""
    for what, unit, names in (
        (way, "ms", ("a signal's way, median", "a signal's way, p99")),
        (cost, "µs", ("CPU per message", "CPU per message, of Redis")),
    ):
        found: dict[str, list[tuple[float, float]]] = {kind: [] for kind in KINDS}
        for turn in range(ROUNDS):
            for kind in KINDS if turn % 2 == 0 else reversed(KINDS):
                with serving(kind) as (servers, redis):
                    found[kind].append(uvloop.run(what(servers, redis)))
                progress(f"{names[0]}, {kind}: {found[kind][-1][0]:.2f} {unit}")
        for at, name in enumerate(names):
            ours, alone = ([each[at] for each in found[kind]] for kind in KINDS)
            if any(alone):
                yield row(name, unit, ours, alone, "one process")
            else:
                yield row(name, unit, ours)


if __name__ == "__main__":
    os.sched_setaffinity(0, signal.CORES[1:] or signal.CORES)
    report("cluster", list(rows()))
