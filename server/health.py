"""The endpoint that tells whether the process is there."""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from server.reply import answer


async def _health(request: Request) -> Response:
    """Say that the process answers."""
    return answer({"status": "ok"})


ROUTE: Final = Route("/healthz", _health, methods=["GET"])
