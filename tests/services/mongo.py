"""A real MongoDB-compatible server on a free port."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.service import Service, free_port

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def mongo_server(directory: Path, port: int = 0) -> Iterator[str]:
    """Run mongod where there is one, else FerretDB; yields ``mongodb://host:port``.

    ``port`` 0 is a free one. Raises ``ServiceError``.
    """
    port = port or free_port()
    quiet = {"FERRETDB_TELEMETRY": "disable"}
    with Service("mongo", _command(directory, port), directory, port, quiet):
        yield f"mongodb://127.0.0.1:{port}"


def _command(directory: Path, port: int) -> list[str]:
    # scripts/setup builds FerretDB.
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
