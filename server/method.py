"""Answering methods that a resource doesn't have (RFC 9110 §15.5.6)."""

from collections.abc import Iterable

from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from protocol.codes import ErrorCode
from server.reply import failure


class _NotAllowed:
    """An ASGI application that says which methods there are."""

    def __init__(self, methods: Iterable[str]) -> None:
        self._allow = ", ".join(sorted(methods))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        response = failure(ErrorCode.BAD_REQUEST, "no such method here", 405)
        response.headers["Allow"] = self._allow
        await response(scope, receive, send)


def and_no_others(routes: Iterable[Route]) -> list[Route]:
    """Return routes, and after them what answers the other methods.

    The page's files, which take every path that is left, would answer for theirs.
    """
    routes = list(routes)
    methods: dict[str, set[str]] = {}
    for route in routes:
        methods.setdefault(route.path, set()).update(route.methods or ())
    others = [Route(path, _NotAllowed(some)) for path, some in methods.items()]
    return [*routes, *others]
