"""What signaling costs: ours against a bare `ws` relay and against Socket.IO.

Eight rooms of four. The server has one core, the load generator another. CPU is the
server process's own, so what else the machine does disturbs it least.
"""

import asyncio
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import quantiles

import uvloop
from _load import Guest, closed_loop, come, open_loop, rooms_of
from _npm import NODE, install
from _report import Row, progress, report, row

ROOT = Path(__file__).resolve().parent.parent.parent
PACKAGES = ROOT / "build" / "bench-signal"
WANTED = ("ws@8.23.0", "socket.io@4.8.4")
SECRET = "a secret that is known to the benchmark alone"
KINDS = ("ours", "ws", "socketio")
NAMES = {"ws": "Node ws", "socketio": "Socket.IO"}

ROUNDS = 4  # A-B-B-A twice
MESSAGES = 20_000
SECONDS = 2.0
IDLE = 1000
CHURN = 10_000
ROOMS = CHURN * 3 // 4 + 64  # four people in each
AT_ONCE = 16
CORES = sorted(os.sched_getaffinity(0))

sys.path.append(str(ROOT))
from _rooms import make_rooms  # noqa: E402

from protocol.messages import RoomId  # noqa: E402
from server.tokens import Role, Tokens  # noqa: E402

TOKENS = Tokens(SECRET, lambda: os.urandom(16).hex())


def seconds_of(pid: int) -> float:
    """Return the seconds of CPU that a process used so far, in all of its threads.

    The scheduler's own clock: ticks of 10 ms are too coarse for what is measured here.
    """
    tasks = Path(f"/proc/{pid}/task").glob("*/schedstat")
    return sum(int(each.read_text().split()[0]) for each in tasks) / 1e9


class Server:
    """A server process, and what it uses."""

    def __init__(self, kind: str, process: subprocess.Popen[str]) -> None:
        assert process.stdout is not None
        self.kind = kind
        self.address = process.stdout.readline().split()[-1]
        self.address = self.address.replace("localhost", "127.0.0.1")
        self._pid = process.pid

    @property
    def cpu(self) -> float:
        """Return the seconds of CPU used so far."""
        return seconds_of(self._pid)

    @property
    def resident(self) -> float:
        """Return the resident memory in KiB."""
        pages = int(Path(f"/proc/{self._pid}/statm").read_text().split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1024


@contextmanager
def serving(kind: str, **env: str) -> Iterator[Server]:
    """Start a server on the first core, with more in its environment."""
    with tempfile.TemporaryDirectory() as data:
        peers = Path(__file__).parent / "_peers.cjs"
        command = [str(NODE), str(peers), kind, SECRET]
        if kind == "ours":
            command = [sys.executable, "-m", "server", "serve", "--port", "0"]
            here = f"sqlite:///{data}/tertulia.db"
            rooms = (f"room-{number}" for number in range(ROOMS))
            make_rooms(env.get("TERTULIA_DATABASE", here), rooms)
        process = subprocess.Popen(
            ["taskset", "-c", str(CORES[0]), *command],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **os.environ,
                "NODE_PATH": str(PACKAGES / "node_modules"),
                "TERTULIA_DATA_DIR": data,
                "TERTULIA_SECRET": SECRET,
                "TERTULIA_LOG_LEVEL": "warning",
                "TERTULIA_LIMIT_SCALE": "1000",  # nobody talks so much
                "TERTULIA_TURN_URLS": "turn:turn.example.org",
                "TERTULIA_TURN_SECRET": "turn-secret",
                **env,
            },
        )
        try:
            yield Server(kind, process)
        finally:
            process.kill()
            process.wait()


def install_peers() -> None:
    """Get the peers, once."""
    if (PACKAGES / "node_modules" / "socket.io").exists():
        return
    install(PACKAGES, WANTED)


def token(number: int) -> str:
    """Return a token for the next of four in a room."""
    room = RoomId(f"room-{number // 4}")
    return TOKENS.room(f"guest-{number}", room, Role.MEMBER, time.time())


async def arrive(server: Server, first: int, count: int) -> list[Guest]:
    """Bring in so many, some at a time."""
    tokens = [token(first + number) for number in range(count)]
    guests: list[Guest] = []
    for at in range(0, count, AT_ONCE):
        batch = tokens[at : at + AT_ONCE]
        guests += await asyncio.gather(
            *(come(server.kind, server.address, each) for each in batch)
        )
    return guests


async def relaying(server: Server) -> tuple[float, float]:
    """Return CPU µs per relayed message and messages per second, at full load."""
    rooms = rooms_of(await arrive(server, 0, 32))
    await closed_loop(rooms, MESSAGES // 10)
    before, start = server.cpu, time.perf_counter()
    count = await closed_loop(rooms, MESSAGES)
    return (server.cpu - before) / count * 1e6, count / (time.perf_counter() - start)


async def waiting(server: Server, rate: float) -> float:
    """Return the 99th percentile of a message's way, in ms, at this rate."""
    rooms = rooms_of(await arrive(server, 0, 32))
    await open_loop(rooms, rate, 0.5)
    ways = await open_loop(rooms, rate, SECONDS)
    return quantiles(ways, n=100)[98] * 1000


async def joining(server: Server) -> float:
    """Return how many come in per second of the server's CPU."""
    await arrive(server, 0, 64)
    tokens = [token(1000 + number) for number in range(800)]
    before = server.cpu
    guests: list[Guest] = []
    for at in range(0, len(tokens), AT_ONCE):
        guests += await asyncio.gather(
            *(
                come(server.kind, server.address, each)
                for each in tokens[at : at + AT_ONCE]
            )
        )
    return len(guests) / (server.cpu - before)


async def resting(server: Server) -> float:
    """Return the KiB of memory for each connection that is idle in its room."""
    await arrive(server, 0, 64)
    before = server.resident
    await arrive(server, 1000, IDLE)
    await asyncio.sleep(1)
    return (server.resident - before) / IDLE


async def churning(server: Server) -> float:
    """Return by how many percent memory grew over as many comings as came before.

    The first ones fill what is kept for a while: who came from which address, which
    rooms ended. Whatever grows on from there, leaks.
    """

    async def pass_through(first: int, count: int) -> None:
        for at in range(first, first + count, 64):
            guests = await arrive(server, at, 64)
            for guest in guests:
                guest.leave()
        # A closed socket lingers for 5 seconds, and an address is known for 20.
        await asyncio.sleep(21)

    await pass_through(0, CHURN)
    before = server.resident
    await pass_through(CHURN * 2, CHURN)
    return (server.resident - before) / before * 100


def measured(
    what: Callable[[Server], Awaitable[float | tuple[float, float]]], kind: str
) -> float | tuple[float, float]:
    """Measure once, on a server of its own."""
    with serving(kind) as server:
        return uvloop.run(what(server))  # type: ignore[arg-type]


def alternated(kinds: Sequence[str]) -> Iterator[str]:
    """Yield the kinds forwards, then backwards, and so on."""
    for turn in range(ROUNDS):
        yield from kinds if turn % 2 == 0 else reversed(kinds)


def rows() -> Iterator[Row]:
    """Measure everything."""
    cpu: dict[str, list[float]] = {kind: [] for kind in KINDS}
    speed: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind in alternated(KINDS):
        cost, rate = measured(relaying, kind)  # type: ignore[misc]
        cpu[kind].append(cost)
        speed[kind].append(rate)
        progress(f"relay, {kind}: {cost:.1f} µs, {rate:.0f}/s")
    for peer, name in NAMES.items():
        yield row(f"CPU per message, vs {name}", "µs", cpu["ours"], cpu[peer], name)
    yield row("messages at full load", "1/s", speed["ours"], speed["ws"], NAMES["ws"])
    if "--relay" in sys.argv:
        return

    late: dict[str, list[float]] = {kind: [] for kind in KINDS}
    for kind in alternated(("ours", "ws")):
        half = sorted(speed[kind])[len(speed[kind]) // 2] / 2
        late[kind].append(float(measured(lambda s, r=half: waiting(s, r), kind)))  # type: ignore[misc,arg-type]
        progress(f"p99 at {half:.0f}/s, {kind}: {late[kind][-1]:.2f} ms")
    yield row("p99 at half load", "ms", late["ours"], late["ws"], NAMES["ws"])

    for name, unit, what in (
        ("joins per second of CPU", "1/s", joining),
        ("memory per idle connection", "KiB", resting),
    ):
        found: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for kind in alternated(("ours", "socketio")):
            found[kind].append(float(measured(what, kind)))  # type: ignore[arg-type]
            progress(f"{name}, {kind}: {found[kind][-1]:.1f}")
        yield row(name, unit, found["ours"], found["socketio"], NAMES["socketio"])
    growth = [float(measured(churning, "ours"))]  # type: ignore[arg-type]
    yield row(f"memory after {CHURN} more joins and leaves", "% more", growth)


if __name__ == "__main__":
    install_peers()
    os.sched_setaffinity(0, CORES[1:] or CORES)
    report("signal", list(rows()))
