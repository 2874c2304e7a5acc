"""The server under attack: a process of its own, watched from outside."""

import os
import re
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path
from typing import Self

from protocol.messages import RoomId
from server.tokens import Role, Tokens

ROOT = Path(__file__).resolve().parent.parent.parent
SECRET = "mark-secret: a secret that is known to the tests alone"
PATIENCE = 20.0  # seconds; only a failing test waits so long
TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")


class Victim:
    """``tertulia serve`` with the limits that people meet."""

    def __init__(self, folder: Path, **env: str) -> None:
        self.log_path = folder / "log"
        with self.log_path.open("w") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "server", "serve", "--port", "0"],
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
        return self._process.poll() is None

    @property
    def memory(self) -> int:
        """Bytes of memory that the process holds."""
        statm = Path(f"/proc/{self._process.pid}/statm").read_text()
        return int(statm.split()[1]) * PAGE

    @property
    def work(self) -> float:
        """Seconds that processors have worked for the process."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text()
        user, system = stat.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / TICKS

    @property
    def descriptors(self) -> int:
        """How many files and sockets the process has open."""
        return len(os.listdir(f"/proc/{self._process.pid}/fd"))
