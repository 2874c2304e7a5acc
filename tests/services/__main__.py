"""``scripts/services``: run what a server can use, until Ctrl-C."""

import argparse
import secrets
import signal
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path

from tests.services.coturn import relay
from tests.services.mongo import mongo_server
from tests.services.redis import redis_server
from tests.services.service import ServiceError

_STOPS = (signal.SIGINT, signal.SIGTERM)


class _Stopped(Exception):
    """Somebody wants an end, wherever this is."""


def main() -> int:
    """Start all, print the variables, wait, end all and leave nothing behind."""
    parser = argparse.ArgumentParser(
        prog="scripts/services",
        description="Runs a MongoDB-compatible server, Redis and a relay (coturn) on "
        "free ports of 127.0.0.1, and prints the variables that tell a server of them. "
        "Ctrl-C ends them, and what they stored is gone.",
    )
    parser.add_argument(
        "--relay-to-this-machine",
        action="store_true",
        help="let the relay send to 127.0.0.1, so that tabs of this machine can call "
        "each other through it; then it reaches every other service here, too",
    )
    chosen = parser.parse_args()
    for stop in _STOPS:
        signal.signal(stop, _stop)
    try:
        with ExitStack() as running:
            made = running.enter_context(tempfile.TemporaryDirectory())
            database, turn, shared = (
                Path(made, name) for name in ("mongo", "coturn", "redis")
            )
            for directory in (database, turn, shared):
                directory.mkdir()
            mongo = running.enter_context(mongo_server(database))
            redis = running.enter_context(redis_server(shared))
            coturn = running.enter_context(
                relay(turn, to_this_machine=chosen.relay_to_this_machine)
            )
            print(f"export TERTULIA_DATABASE={mongo}/tertulia")
            print(f"export TERTULIA_REDIS={redis}")
            print(f"export TERTULIA_SECRET={secrets.token_urlsafe(48)}")
            print(f"export TERTULIA_TURN_URLS='{','.join(coturn.urls)}'")
            print(f"export TERTULIA_TURN_SECRET={coturn.secret}")
            print("# running until Ctrl-C", flush=True)
            while True:
                signal.pause()
    except _Stopped:
        return 0
    except ServiceError as error:
        print(f"services: {error}", file=sys.stderr)
        return 1


def _stop(number: int, frame: object) -> None:
    for stop in _STOPS:
        signal.signal(stop, signal.SIG_IGN)  # it is ending already
    raise _Stopped


if __name__ == "__main__":
    sys.exit(main())
