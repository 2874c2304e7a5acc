"""One process that listens on a port of this machine, ended with its context."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

PATIENCE = 30.0  # seconds to listen, and to end
#: Debian's packages that bring what runs here.
PACKAGES = {
    "caddy": "caddy",
    "nginx": "nginx-light",
    "redis-server": "redis-server",
    "turnserver": "coturn",
}
_ROOTS = ("/usr/local/sbin", "/usr/sbin")  # Debian has servers where only root looks


class ServiceError(Exception):
    """A service is not installed, or didn't start."""


class Service:
    """Runs a command and waits until something listens on 127.0.0.1's ``port``.

    Its output goes to ``log_path``. Raises ``ServiceError``.
    """

    def __init__(
        self,
        name: str,
        command: list[str],
        directory: Path,
        port: int,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log_path = directory / f"{name}.log"
        self._port = port
        surroundings = {**os.environ, **(environment or {})}
        program = _program(command[0], surroundings)
        with self.log_path.open("w") as log:
            self._process = subprocess.Popen(
                [program, *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=directory,
                env=surroundings,
                # Ctrl-C is for whoever started it, and they end it in order.
                start_new_session=True,
            )

    def __enter__(self) -> Self:
        try:
            self._await_listener()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """End it. Idempotent."""
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def _await_listener(self) -> None:
        end = time.monotonic() + PATIENCE
        while self._process.poll() is None and time.monotonic() < end:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1.0).close()
                return
            except OSError:
                time.sleep(0.05)  # it tells nobody when it is ready
        said = self.log_path.read_text(errors="replace")[-2000:]
        raise ServiceError(f"{self.name} did not start:\n{said}")


def missing() -> list[str]:
    """Return Debian's packages that this machine lacks to run all of it."""
    return sorted(
        package for name, package in PACKAGES.items() if not _find(name, os.environ)
    )


def _program(name: str, environment: Mapping[str, str]) -> str:
    """Return where a program is; raise ``ServiceError`` that says how to get it."""
    if found := _find(name, environment):
        return found
    package = PACKAGES.get(name)
    cure = f"as root, apt-get install {package}" if package else "run scripts/setup"
    raise ServiceError(f"{name} is missing: {cure}")


def _find(name: str, environment: Mapping[str, str]) -> str | None:
    path = os.pathsep.join((environment.get("PATH", ""), *_ROOTS))
    return shutil.which(name, path=path)


def free_port() -> int:
    """Return a port of this machine that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
