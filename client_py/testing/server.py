"""A server in a process of its own, on a free port, with a directory of its own."""

import os
import select
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from client_py.core.address import room_link
from e2ee.room import new_secret

_ROOT = Path(__file__).resolve().parents[2]
_GREETING = "Tertulia is at "
_PATIENCE = 20.0  # seconds for a start or a stop


class ServerError(Exception):
    """The server did not start, or did not do what was asked."""


@dataclass(frozen=True, slots=True)
class Room:
    """A room by its link, ``http://localhost:PORT/r/ID#key=SECRET``."""

    link: str

    @property
    def id(self) -> str:
        """The last part of the link."""
        return self.link.partition("#")[0].rsplit("/", 1)[-1]


class Server:
    """``tertulia serve`` in test mode, under control.

    ``env`` is added to the environment; ``TERTULIA_TEST_MODE`` is on unless it
    says otherwise. ``port`` 0 is a free one. Several ``workers`` need a Redis.
    """

    def __init__(
        self,
        directory: Path,
        env: Mapping[str, str] | None = None,
        port: int = 0,
        workers: int = 1,
    ) -> None:
        self.log_path = directory / "server.log"
        self.url = ""
        self._directory = directory
        self._env = dict(env or {})
        self._port = port
        self._workers = workers
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start, on the port of the last start if there was one."""
        assert self._process is None, "it runs already"
        self._directory.mkdir(parents=True, exist_ok=True)
        with self.log_path.open("a") as log:
            serve = [sys.executable, "-m", "server", "serve"]
            numbers = [f"--port={self._port}", f"--workers={self._workers}"]
            self._process = subprocess.Popen(
                [*serve, *numbers],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                text=True,
                env=self._environment(),
            )
        self.url = self._read_greeting()
        self._port = int(self.url.rsplit(":", 1)[1])
        with _client(self.url) as http:
            if http.get("/").status_code != 200:
                raise ServerError("there is no page: run scripts/page/build.py")

    def stop(self) -> None:
        """Let it end in order. Idempotent."""
        if self._process is not None:
            self._process.terminate()
            self._end()

    def kill(self) -> None:
        """End it as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._end()

    def restart(self) -> None:
        """Stop it if it runs, and start it again with the same data and port."""
        self.stop()
        self.start()

    @property
    def pid(self) -> int:
        """The id of its process, or of the one that watches over its workers."""
        assert self._process is not None, "it doesn't run"
        return self._process.pid

    @property
    def workers(self) -> list[int]:
        """The ids of the processes that serve, the oldest first; Linux alone."""
        path = Path(f"/proc/{self.pid}/task/{self.pid}/children")
        children = path.read_text().split()
        return [int(each) for each in children]

    def await_workers(self) -> None:
        """Return once as many processes serve as should."""
        end = time.monotonic() + _PATIENCE
        while len(self.workers) < self._workers:
            if time.monotonic() > end:
                raise ServerError("a process was not started again")
            time.sleep(0.05)  # the kernel tells only their parent

    @property
    def log(self) -> str:
        """What it wrote so far."""
        return self.log_path.read_text(errors="replace")

    def create_room(self, *, e2ee: bool = True) -> Room:
        """Make a room, as somebody whom nobody meets."""
        return create_room(self.url, e2ee=e2ee)

    def _environment(self) -> dict[str, str]:
        path = os.pathsep.join(
            filter(None, (str(_ROOT), os.environ.get("PYTHONPATH", "")))
        )
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("TERTULIA_")},
            "PYTHONPATH": path,
            "TERTULIA_DATA_DIR": str(self._directory / "data"),
            "TERTULIA_TEST_MODE": "1",
            # A whole suite comes from one address.
            "TERTULIA_LIMIT_SCALE": "100",
            **self._env,
        }

    def _read_greeting(self) -> str:
        assert self._process is not None and self._process.stdout is not None
        output = self._process.stdout
        end = time.monotonic() + _PATIENCE
        while select.select([output], [], [], max(0.0, end - time.monotonic()))[0]:
            line = output.readline()
            if line.startswith(_GREETING):
                return line.removeprefix(_GREETING).strip()
            if not line:
                break
        self.kill()
        raise ServerError(f"it did not start:\n{self.log}")

    def _end(self) -> None:
        process, self._process = self._process, None
        assert process is not None and process.stdout is not None
        try:
            process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise ServerError("it did not stop when it was told to") from None
        finally:
            process.stdout.close()


def create_room(url: str, *, e2ee: bool = True) -> Room:
    """Make a room on the server at ``url``; raise ``ServerError``."""
    with _client(url) as http:
        token = _answer(http.post("/api/session", json={}))["token"]
        bearer = {"authorization": f"Bearer {token}"}
        made = _answer(http.post("/api/rooms", json={"e2ee": e2ee}, headers=bearer))
    secret = new_secret(os.urandom) if e2ee else ""
    return Room(room_link(url, made["room"], secret))


def _client(url: str) -> httpx.Client:
    return httpx.Client(base_url=url, trust_env=False, timeout=_PATIENCE)


def _answer(response: httpx.Response) -> Any:
    if response.is_error:
        raise ServerError(f"{response.request.url}: {response.text}")
    return response.json()
