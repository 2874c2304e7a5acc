"""Logs: one line for each thing that happened, with the ids that belong to it.

JSON where a program reads them, words and colours on a terminal. Everything that
says something through ``logging`` comes out here too. What people say to each
other, their names and their tokens are never logged; should a library quote a
token in an error, it is blotted out.
"""

import logging
import re
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

import structlog
from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from structlog.contextvars import (
    bind_contextvars,
    bound_contextvars,
    merge_contextvars,
)
from structlog.typing import EventDict, Processor

from server.identifier import identifier
from server.origin import header

LEVELS: Final = ("debug", "info", "warning", "error")

# RFC 7519 §3: three parts in base64url; every header begins with {" in base64.
_TOKEN = re.compile(r"\beyJ[\w-]*\.[\w-]*\.[\w-]*|\bBearer\s+\S+", re.IGNORECASE)
_REQUEST_ID = re.compile(r"[\w.-]{8,64}", re.ASCII)


def configure(level: str = "info", stream: TextIO | None = None) -> None:
    """Send what is logged from ``level`` on to ``stream``, or standard error."""
    stream = stream or sys.stderr
    pretty = stream.isatty()
    render: list[Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=_PLAIN)]
        if pretty
        else [structlog.processors.format_exc_info, _blot, _JSON]
    )
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_COMMON,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            *render,
        ],
    )
    structlog.configure(
        processors=[*_COMMON, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter)
    root = logging.getLogger()
    root.handlers[:] = [handler]
    least = logging.getLevelNamesMapping()[level.upper()]
    logging.getLogger("tertulia").setLevel(least)
    # Libraries write whole URLs at info, queries included, and at debug every frame,
    # every header and every document that goes into a database.
    root.setLevel(max(least, logging.WARNING))


def _blot(logger: Any, method: str, event: EventDict) -> EventDict:
    """Blot out what looks like a token, wherever it stands."""
    for key, value in event.items():
        if isinstance(value, str):
            event[key] = _TOKEN.sub("[token]", value)
    return event


# Never with the values of variables, which structlog's own would show.
_PLAIN: Final = structlog.dev.plain_traceback
_JSON: Final = structlog.processors.JSONRenderer(sort_keys=True)
_COMMON: Final[list[Processor]] = [
    merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.stdlib.PositionalArgumentsFormatter(),
    _blot,
]


class RequestIds:
    """ASGI middleware: every line about a request carries its id.

    An ``X-Request-ID`` counts only from a peer that ``trusts`` says is a proxy of
    ours; else anybody could write into our logs. The answer carries the id.
    """

    def __init__(self, app: ASGIApp, trusts: Callable[[str], bool]) -> None:
        self._app = app
        self._trusts = trusts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await self._app(scope, receive, send)
            return
        request = self._given(scope) or identifier(12)
        if scope["type"] == "websocket":
            # An accepted socket sends no response, and keeps what we hold here.
            bind_contextvars(request=request)
            await self._app(scope, receive, send)
            return

        async def send_with_id(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["X-Request-ID"] = request
            await send(message)

        with bound_contextvars(request=request):
            await self._app(scope, receive, send_with_id)

    def _given(self, scope: Scope) -> str:
        client = scope.get("client")
        if client is None or not self._trusts(client[0]):
            return ""
        given = header(scope, b"x-request-id")
        return given if _REQUEST_ID.fullmatch(given) else ""
