"""A real Redis on a free port, with a password, that keeps nothing."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.services.service import Service, free_port


@contextmanager
def redis_server(directory: Path, port: int = 0, password: str = "") -> Iterator[str]:
    """Run Redis; yields its URL. Port and password are found where none is given.

    Raises ``ServiceError``.
    """
    port, password = port or free_port(), password or secrets.token_urlsafe(24)
    # In a file: what stands in a command line, every user of the machine can read.
    settings = directory / "redis.conf"
    settings.touch(mode=0o600)
    settings.write_text(
        f"bind 127.0.0.1\nport {port}\nrequirepass {password}\n"
        'protected-mode yes\nsave ""\nappendonly no\n'
        "maxmemory 256mb\nmaxmemory-policy noeviction\n"
        f"pidfile {directory}/redis.pid\n"
    )
    with Service("redis", ["redis-server", str(settings)], directory, port):
        yield f"redis://:{password}@127.0.0.1:{port}/0"
