"""What cuts cost: messages lost or doubled, time to be back, who has to wait.

Eight people talk while each connection is cut for 2 s every 10 s; 2,000 clients
come back at once; one of eight stops reading. Clients and server share the machine.
"""

import asyncio
import os
import secrets
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from random import Random
from statistics import quantiles

from _report import Row, progress, report, row
from _rig import ROOT

sys.path[:0] = [str(ROOT)]

from _caller import Caller  # noqa: E402
from _rooms import make_rooms  # noqa: E402

from protocol import messages as m  # noqa: E402
from server.tokens import Tokens  # noqa: E402

SECONDS = 60.0
EVERY, AWAY = 10.0, 2.0  # seconds
PEOPLE = 8
PAUSE = 0.1  # seconds between two signals of one person
STORM = 2000
ROUNDS = 3
ROOMS = (
    "cuts",
    *(f"storm-{number}" for number in range(STORM // PEOPLE)),
    *(f"stall-{n}-{kind}" for n in range(ROUNDS) for kind in ("calm", "stalled")),
)
ROUND = 5.0  # seconds


@contextmanager
def server(secret: str) -> Iterator[tuple[str, int]]:
    """Serve on a free port; yields host and port in one, and the process's id."""
    with tempfile.TemporaryDirectory() as data:
        make_rooms(f"sqlite:///{data}/tertulia.db", ROOMS)
        process = subprocess.Popen(
            [sys.executable, "-m", "server", "serve", "--port", "0"],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            env={
                **os.environ,
                "TERTULIA_DATA_DIR": data,
                "TERTULIA_SECRET": secret,
                # Here everybody comes from one address.
                "TERTULIA_LIMIT_SCALE": "10000",
                "TERTULIA_MAX_CONNECTIONS_PER_ADDRESS": "10000",
            },
        )
        assert process.stdout is not None
        try:
            port = process.stdout.readline().rsplit(":", 1)[1].strip()
            yield f"127.0.0.1:{port}", process.pid
        finally:
            process.kill()
            process.wait()


def resident(pid: int) -> float:
    """Return the MiB that a process has in memory."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    raise AssertionError("no such process")


def percentile(values: list[float], percent: int) -> float:
    """Return a percentile of at least two values."""
    return quantiles(values, n=100, method="inclusive")[percent - 1]


async def people(host: str, tokens: Tokens, room: str, number: int) -> list[Caller]:
    """Let so many into a room."""
    made = [Caller(host, room, f"{room}-{each}", tokens) for each in range(number)]
    for each in made:
        await each.connect(time.time())
    return made


async def cuts(host: str, tokens: Tokens) -> list[Row]:
    """Cut everyone again and again while all talk."""
    random = Random(1)
    callers = await people(host, tokens, "cuts", PEOPLE)
    heard: Counter[tuple[m.ParticipantId, m.ParticipantId, int]] = Counter()
    said: list[tuple[m.ParticipantId, m.ParticipantId, int]] = []
    back: list[float] = []
    end = time.monotonic() + SECONDS

    def listen(caller: Caller) -> None:
        caller.heard = lambda signaled: heard.update(
            [(signaled.from_, caller.me, signaled.generation)]
        )

    async def talk(caller: Caller) -> None:
        serial = 0
        while time.monotonic() < end:
            other = random.choice([each for each in callers if each is not caller])
            serial += 1
            said.append((caller.me, other.me, serial))
            body = {"type": "candidate", "candidate": "x" * 120}
            caller.say(m.Signal(other.me, serial, body))
            await asyncio.sleep(PAUSE)

    async def suffer(caller: Caller, first: float) -> None:
        await asyncio.sleep(first)
        while time.monotonic() < end:
            caller.cut()
            await asyncio.sleep(AWAY)
            began = time.monotonic()
            await caller.connect(time.time())
            back.append(1000 * (time.monotonic() - began))
            await asyncio.sleep(EVERY - AWAY)

    for caller in callers:
        listen(caller)
    await asyncio.gather(
        *(talk(each) for each in callers),
        *(suffer(each, EVERY * n / PEOPLE) for n, each in enumerate(callers)),
    )
    for _ in range(100):
        if len(heard) == len(said):
            break
        await asyncio.sleep(0.1)
    twice = sum(times > 1 for times in heard.values())
    progress(
        f"cuts: {len(back)} resumes, {len(said)} said, {len(heard)} heard, {twice}"
        f" twice, told anew {sum(each.whole - 1 for each in callers)} times"
    )
    for caller in callers:
        caller.cut()
    return [
        row("delivered", "%", [100 * len(heard) / len(said)]),
        row("delivered twice", "%", [100 * twice / len(said)]),
        row("back after a cut of 2 s, p95", "ms", [percentile(back, 95)]),
    ]


async def storm(host: str, tokens: Tokens) -> list[Row]:
    """Let everyone come back at once."""
    rooms = [
        await people(host, tokens, f"storm-{number}", PEOPLE)
        for number in range(STORM // PEOPLE)
    ]
    callers = [caller for room in rooms for caller in room]
    times = []
    for number in range(ROUNDS):
        for caller in callers:
            caller.cut()
        await asyncio.sleep(1.0)
        began = time.monotonic()
        await asyncio.gather(*(each.connect(time.time()) for each in callers))
        times.append(1000 * (time.monotonic() - began))
        anew = sum(each.whole - 1 for each in callers)
        progress(f"storm {number + 1}/{ROUNDS}: {times[-1]:.0f} ms, {anew} told anew")
    for caller in callers:
        caller.cut()
    return [row(f"{STORM} clients back at once", "ms", times)]


async def stall(host: str, pid: int, tokens: Tokens) -> list[Row]:
    """Let one of eight stop reading, and ask the others."""
    calm: list[float] = []
    stalled: list[float] = []
    growth: list[float] = []
    for number in range(ROUNDS):
        for kind in ("calm", "stalled"):
            callers = await people(host, tokens, f"stall-{number}-{kind}", PEOPLE)
            before = resident(pid)
            if kind == "stalled":
                callers[-1].stop_reading()
            delays, most = await _chatter(callers, pid)
            p99 = percentile(delays, 99)
            (stalled if kind == "stalled" else calm).append(p99)
            if kind == "stalled":
                growth.append(most - before)
            progress(f"{kind} {number + 1}/{ROUNDS}: p99 {p99:.2f} ms")
            for caller in callers:
                caller.cut()
    name = "p99 of seven while the eighth doesn't read"
    return [
        row(name, "ms", stalled, calm, "all read"),
        row("growth of the server meanwhile", "MiB", growth),
    ]


async def _chatter(callers: list[Caller], pid: int) -> tuple[list[float], float]:
    """Let all but the last talk to everyone; return the delays among them."""
    delays: list[float] = []
    talking, last = callers[:-1], callers[-1]
    end = time.monotonic() + ROUND
    most = resident(pid)

    def heard(signaled: m.Signaled) -> None:
        delays.append(1000 * (time.perf_counter() - float(signaled.body["at"])))

    async def talk(caller: Caller) -> None:
        serial = 0
        while time.monotonic() < end:
            serial += 1
            for other in talking:
                if other is not caller:
                    body = {"at": time.perf_counter(), "x": "x" * 200}
                    caller.say(m.Signal(other.me, serial, body))
            caller.say(m.Signal(last.me, serial, {"at": 0.0, "x": "x" * 8000}))
            await asyncio.sleep(PAUSE)

    for caller in talking:
        caller.heard = heard
    talks = asyncio.gather(*(talk(each) for each in talking))
    while not talks.done():
        most = max(most, resident(pid))
        await asyncio.sleep(0.1)
    return delays, most


async def measure() -> list[Row]:
    """Measure each on a server of its own."""
    rows: list[Row] = []
    secret = secrets.token_urlsafe(48)
    tokens = Tokens(secret, lambda: secrets.token_urlsafe(8))
    with server(secret) as (host, _):
        rows += await cuts(host, tokens)
    with server(secret) as (host, _):
        rows += await storm(host, tokens)
    with server(secret) as (host, pid):
        rows += await stall(host, pid, tokens)
    return rows


if __name__ == "__main__":
    report("resume", asyncio.run(measure()))
