"""A real MongoDB-compatible server for a test session, on a free port."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 30.0  # seconds for it to listen


@contextmanager
def mongo_server(directory: Path, port: int = 0) -> Iterator[str]:
    """Run mongod where there is one, else FerretDB; yields ``mongodb://host:port``.

    ``port`` 0 is a free one.
    """
    port = port or free_port()
    with (directory / "mongo.log").open("w") as log:
        process = subprocess.Popen(
            command(directory, port),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=directory,
            env={**os.environ, "FERRETDB_TELEMETRY": "disable"},
        )
    try:
        wait_for(port, process)
        yield f"mongodb://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(PATIENCE)


def command(directory: Path, port: int) -> list[str]:
    """Return how the server is started; ``scripts/setup`` brings FerretDB."""
    if mongod := shutil.which("mongod"):
        where = ["--dbpath", str(directory), "--bind_ip", "127.0.0.1"]
        return [mongod, *where, "--port", str(port)]
    return [
        str(ROOT / "build/services/ferretdb"),
        "--handler=sqlite",
        f"--sqlite-url=file:{directory}/",
        f"--listen-addr=127.0.0.1:{port}",
        "--debug-addr=-",
        f"--state-dir={directory}",
        "--log-level=warn",
    ]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once somebody listens."""
    end = time.monotonic() + PATIENCE
    while process.poll() is None and time.monotonic() < end:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        except OSError:
            time.sleep(0.05)
    raise RuntimeError(f"no MongoDB-compatible server, exit code {process.poll()}")
