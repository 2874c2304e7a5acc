"""The command line: ``tertulia serve``, ``tertulia prune``."""

import argparse
import asyncio
import dataclasses
import functools
import gc
import logging
import signal
import socket
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack

import uvicorn
from starlette.applications import Starlette

from protocol.codes import MAX_MESSAGE
from server.app import create_app
from server.bypass import SocketDoor
from server.configuration import Configuration
from server.drain import Drain
from server.errors import SettingError, StoreError, StreamError
from server.logs import configure
from server.retention import DAY, prune, summary
from server.settings import Settings
from server.store import Pruned, open_store
from server.transport import HttpTransport
from server.websocket import WebSocketTransport
from server.workers import MOST, Workers

log = logging.getLogger("tertulia.main")

_COLLECTIONS = (10_000, 10, 20)
_EVERYWHERE = ("127.0.0.1", "0.0.0.0", "::", "::1")


class _Server(uvicorn.Server):
    """Tells once it can be reached, and at which port; lets people go at the end."""

    def __init__(
        self, config: uvicorn.Config, drain: Drain, started: Callable[[int], None]
    ) -> None:
        super().__init__(config)
        self.drain = drain
        self._started = started

    def give_up(self) -> None:
        """Stop in order, as if told to."""
        self.should_exit = True

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is here now stays, and most of what comes is gone by itself: looking
        # for cycles among all of it, as often as is usual, took a third of a join.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECTIONS)
        if not self.should_exit:
            self._started(self.servers[0].sockets[0].getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        if not self.force_exit:
            try:
                await self.drain.run()
            except Exception:  # what is to be written must be, all the same
                log.exception("= the drain failed")
        await super().shutdown(sockets)


def _url(host: str, port: int) -> str:
    name = "localhost" if host in _EVERYWHERE else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def configuration(app: Starlette, settings: Settings) -> Configuration:
    """Return how uvicorn is to serve the application of ``create_app``."""
    config = Configuration(
        SocketDoor(app, app.state.sockets),
        interface="asgi3",
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        http=HttpTransport,
        ws=WebSocketTransport,
        ws_max_size=MAX_MESSAGE,
        # Clients ping by themselves, and one clock for all notices who is silent.
        ws_ping_interval=None,
        ws_per_message_deflate=False,
        lifespan="on",
        access_log=False,
        log_config=None,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=5,
        timeout_graceful_shutdown=5,
    )
    config.gate = app.state.gate
    return config


def main(arguments: list[str] | None = None) -> None:
    """Run the command that the arguments name."""
    parser = argparse.ArgumentParser(prog="tertulia", description="Small video calls.")
    commands = parser.add_subparsers(dest="command", required=True)
    serving = commands.add_parser("serve", help="run the server")
    serving.add_argument("--host", help="address to listen on (TERTULIA_HOST)")
    serving.add_argument("--port", type=int, help="port, 0 for a free one")
    serving.add_argument("--workers", type=int, default=1, help="processes")
    commands.add_parser("prune", help="delete what is older than it is to be kept")
    options = parser.parse_args(arguments)
    if options.command == "prune":
        _prune()
    else:
        _serve(options)


def _prune() -> None:
    """Delete what is too old, and say how much it was."""
    try:
        settings = Settings.from_env()
        days = settings.retention_days
        if not days:
            print("Nothing is deleted: TERTULIA_RETENTION_DAYS is 0.")
            return
        done = asyncio.run(_pruned(settings.database, time.time() - days * DAY))
    except (SettingError, StoreError) as error:
        sys.exit(f"tertulia: {error}")
    print(f"Deleted, older than {days} days: {summary(done)}.")


async def _pruned(database: str, before: float) -> Pruned:
    store = open_store(database)
    try:
        await store.start()
        return await prune(store, before)
    finally:
        await store.close()


def _serve(options: argparse.Namespace) -> None:
    try:
        if not 1 <= options.workers <= MOST:
            raise SettingError("--workers", f"expected a number from 1 to {MOST}")
        settings = Settings.from_env(workers=options.workers)
        # Two that know nothing of each other would each have a room of its own.
        if options.workers > 1 and not settings.redis:
            raise SettingError(
                "TERTULIA_REDIS", "needed where several processes serve together"
            )
        if settings.redis:
            asyncio.run(_check_redis(settings.redis))
        given = {"host": options.host, "port": options.port}
        changes = {name: value for name, value in given.items() if value is not None}
        settings = dataclasses.replace(settings, **changes)
        if options.workers > 1:
            sys.exit(_serve_together(settings, options.workers))
        _run(settings, functools.partial(_greet, settings.host))
    except SettingError as error:
        sys.exit(f"tertulia: {error}")


async def _check_redis(url: str) -> None:
    """Raise ``SettingError`` if nothing can be shared there."""
    try:
        from server.cluster.streams import Streams  # its library is an extra
    except ImportError:
        raise SettingError(
            "TERTULIA_REDIS", "needs more to be installed: tertulia[redis]"
        ) from None
    streams = Streams(url, "")
    try:
        await streams.answers()
    except StreamError as error:
        raise SettingError("TERTULIA_REDIS", f"no answer there ({error})") from None
    finally:
        await streams.close()


def _run(
    settings: Settings,
    started: Callable[[int], None],
    sockets: list[socket.socket] | None = None,
) -> None:
    app = create_app(settings)
    configure(settings.log_level)
    serve(app, settings, started, sockets)


def serve(
    app: Starlette,
    settings: Settings,
    started: Callable[[int], None],
    sockets: list[socket.socket] | None = None,
) -> None:
    """Serve the application of ``create_app``; ``started`` is told the port.

    Exits with 1 if a part of it failed: whoever watches has to start it anew.
    """
    # uvicorn raises the signal that stopped it again: that was no failure.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(0))
    server = _Server(configuration(app, settings), app.state.drain, started)
    app.state.background.on_failure = server.give_up
    server.run(sockets)
    if app.state.background.failed:
        sys.exit(1)


def _serve_together(settings: Settings, count: int) -> int:
    """Serve with several processes; return the exit status."""
    configure(settings.log_level)
    with ExitStack() as opened:
        listener = opened.enter_context(
            _listen("TERTULIA_PORT", settings.host, settings.port)
        )
        # One scrape of a port that all share would meet any one of them.
        numbers = range(count if settings.metrics_port else 0)
        own = [
            opened.enter_context(
                _listen(
                    "TERTULIA_METRICS_PORT", settings.host, settings.metrics_port + each
                )
            )
            for each in numbers
        ]

        def work(sockets: list[socket.socket], ready: Callable[[], None]) -> None:
            try:
                _run(settings, lambda port: ready(), sockets)
            except SettingError as error:
                sys.exit(f"tertulia: {error}")

        port = listener.getsockname()[1]
        workers = Workers(count, listener, work, own)
        return workers.run(lambda: _greet(settings.host, port))


def _listen(variable: str, host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, backlog=2048)
    except (OSError, OverflowError) as error:
        raise SettingError(variable, f"can't be used: {error}") from None


def _greet(host: str, port: int) -> None:
    print(f"Tertulia is at {_url(host, port)}", flush=True)


if __name__ == "__main__":
    main()
