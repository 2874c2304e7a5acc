"""The command line: ``tertulia serve``."""

import argparse
import dataclasses
import gc
import socket
import sys

import uvicorn
from starlette.applications import Starlette

from protocol.codes import MAX_MESSAGE
from server.app import create_app
from server.errors import SettingError
from server.logs import configure
from server.settings import Settings
from server.transport import HttpTransport
from server.websocket import Configuration, WebSocketTransport

_COLLECTIONS = (5_000, 10, 4)
_EVERYWHERE = ("127.0.0.1", "0.0.0.0", "::", "::1")


class _Server(uvicorn.Server):
    """Says where it is, once it can be reached there."""

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        # What is here now stays, and most of what comes is gone by itself: looking
        # for cycles among all of it, as often as is usual, took a third of a join.
        gc.collect()
        gc.freeze()
        gc.set_threshold(*_COLLECTIONS)
        if not self.should_exit:
            port = self.servers[0].sockets[0].getsockname()[1]
            print(f"Tertulia is at {_url(self.config.host, port)}", flush=True)


def _url(host: str, port: int) -> str:
    name = "localhost" if host in _EVERYWHERE else host
    return f"http://[{name}]:{port}" if ":" in name else f"http://{name}:{port}"


def configuration(app: Starlette, settings: Settings) -> Configuration:
    """Return how uvicorn is to serve the application of ``create_app``."""
    config = Configuration(
        app,
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
    options = parser.parse_args(arguments)
    try:
        settings = Settings.from_env()
    except SettingError as error:
        sys.exit(f"tertulia: {error}")
    given = {"host": options.host, "port": options.port}
    changes = {name: value for name, value in given.items() if value is not None}
    settings = dataclasses.replace(settings, **changes)
    configure(settings.log_level)
    _Server(configuration(create_app(settings), settings)).run()


if __name__ == "__main__":
    main()
