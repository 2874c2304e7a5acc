"""The server under attack: processes of its own, watched from outside."""

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from socket import inet_aton
from typing import Self
from urllib.parse import urlsplit

from protocol.messages import RoomId
from server.tokens import Role, Tokens

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "mark-secret: a secret that is known to the tests alone"
PATIENCE = 20.0  # seconds; only a failing test waits so long
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Victim:
    """``tertulia serve`` with the limits that people meet.

    Several ``workers`` need a Redis; what they hold and how they work is added up.
    """

    def __init__(self, folder: Path, workers: int = 1, **env: str) -> None:
        self.log_path = folder / "log"
        with self.log_path.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "server", "serve"]
                + ["--port=0", f"--workers={workers}"],
                cwd=ROOT,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env={
                    **{
                        name: value
                        for name, value in os.environ.items()
                        if not name.startswith("TERTULIA_")
                    },
                    "TERTULIA_DATA_DIR": str(folder / "data"),
                    "TERTULIA_SECRET": SECRET,
                    **env,
                },
            )
        assert self._process.stdout is not None
        greeting = self._process.stdout.readline()
        found = re.search(r":(\d+)$", greeting.strip())
        assert found, f"it did not start:\n{self.log}"
        self.port = int(found[1])
        self.host = f"127.0.0.1:{self.port}"
        self.origin = f"http://{self.host}"
        self.workers = workers
        self._serving = self._processes()
        self._redis = urlsplit(env.get("TERTULIA_REDIS", "")).port
        self._database = folder / "data" / "tertulia.db"
        self._rooms: set[str] = set()  # that are there
        self._names = iter(range(10**9))
        self.tokens = Tokens(SECRET, self.new_id)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(PATIENCE)
        assert self._process.stdout is not None
        self._process.stdout.close()

    def new_id(self) -> str:
        return f"id-{next(self._names)}"

    def new_address(self) -> str:
        """Return an address of this machine that has asked for nothing yet."""
        number = next(self._names) + 10
        return f"127.{number >> 16 & 255}.{number >> 8 & 255}.{number & 255 or 1}"

    def token(self, room: str, subject: str = "") -> str:
        """Return a token that opens a room, which is there."""
        if room not in self._rooms:
            self._rooms.add(room)
            with closing(sqlite3.connect(self._database, PATIENCE)) as database:
                database.execute(
                    "INSERT INTO room (id, name, creator, created_at)"
                    " VALUES (?, '', 'its maker', ?) ON CONFLICT DO NOTHING",
                    (room, time.time()),
                )
                database.commit()
        return self.tokens.room(
            subject or self.new_id(), RoomId(room), Role.MEMBER, time.time()
        )

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")

    @property
    def alive(self) -> bool:
        """Whether it still runs, with the processes that it began with."""
        return self._process.poll() is None and self._processes() == self._serving

    @property
    def memory(self) -> int:
        """Bytes of memory that the processes hold."""
        statm = [(each / "statm").read_text() for each in self._serving]
        return sum(int(each.split()[1]) for each in statm) * PAGE

    @property
    def work(self) -> float:
        """Seconds that processors have worked for the processes."""
        stats = [(each / "stat").read_text() for each in self._serving]
        times = [each.rpartition(")")[2].split()[11:13] for each in stats]
        return sum(int(user) + int(system) for user, system in times) / TICKS

    @property
    def descriptors(self) -> int:
        """How many files and sockets the processes have open, but for Redis."""
        opened = [os.listdir(each / "fd") for each in self._serving]
        return sum(map(len, opened)) - self.to_redis

    @property
    def to_redis(self) -> int:
        """How many connections the processes have to their Redis."""
        if self._redis is None:
            return 0
        theirs = f":{self._redis:04X}"
        lines = Path("/proc/net/tcp").read_text().splitlines()[1:]
        inodes = {each.split()[9] for each in lines if each.split()[2].endswith(theirs)}
        return sum(len(inodes & _sockets(each)) for each in self._serving)

    def process_of(self, address: tuple[str, int]) -> Path | None:
        """Return which of the processes has the connection from there, if one has.

        In ``/proc/net/tcp`` addresses are the kernel's own words, in hexadecimal.
        """
        host, port = address
        them = f"{inet_aton(host)[::-1].hex()}:{port:04x}".upper()
        us = f":{self.port:04X}"
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            _, local, remote, *_, inode = line.split()[:10]
            if remote == them and local.endswith(us):
                sockets = {each: _sockets(each) for each in self._serving}
                return next((p for p in sockets if inode in sockets[p]), None)
        return None

    @contextmanager
    def held(self, process: Path | None) -> Iterator[bool]:
        """Let a process stand still for a moment, unless there is no other one.

        The kernel lets those who wait at the port take turns as it likes.
        """
        if process is None or len(self._serving) == 1:
            yield False
            return
        os.kill(int(process.name), signal.SIGSTOP)
        try:
            yield True
        finally:
            os.kill(int(process.name), signal.SIGCONT)

    def _processes(self) -> list[Path]:
        """Return where the kernel tells of those that serve."""
        first = self._process.pid
        children = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        return [Path("/proc", each) for each in children or [str(first)]]


def _sockets(process: Path) -> set[str]:
    """Return the inodes of the sockets that a process has open."""
    links = []
    for each in (process / "fd").iterdir():
        with suppress(FileNotFoundError):  # it was closed meanwhile
            links.append(os.readlink(each))
    return {each[8:-1] for each in links if each.startswith("socket:[")}
