"""JSON in and JSON out, for every endpoint."""

from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from protocol.codes import ErrorCode
from server.errors import EXPLANATIONS, Refused, StoreError

BODY: Final = 16 * 1024  # bytes

_STATUS: Final = {
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.BAD_TOKEN: 401,
    ErrorCode.TOKEN_EXPIRED: 401,
    ErrorCode.FORBIDDEN: 403,
    ErrorCode.LOCKED: 403,
    ErrorCode.REMOVED: 403,
    ErrorCode.BANNED: 403,
    ErrorCode.PASSCODE_REQUIRED: 403,
    ErrorCode.PASSCODE_WRONG: 403,
    ErrorCode.ROOM_NOT_FOUND: 404,
    ErrorCode.ROOM_FULL: 409,
    ErrorCode.TOO_LARGE: 413,
    ErrorCode.TOO_MANY: 429,
    ErrorCode.INTERNAL: 500,
}
B = TypeVar("B", bound=msgspec.Struct)


async def refused(request: Request, error: Exception) -> Response:
    """Answer what a client asked wrongly."""
    assert isinstance(error, Refused)
    return _error(error.code, str(error))


async def store_failed(request: Request, error: Exception) -> Response:
    """Answer that the database is away, and nothing of how."""
    assert isinstance(error, StoreError)
    return _error(ErrorCode.INTERNAL, EXPLANATIONS[ErrorCode.INTERNAL], 503)


def _error(code: ErrorCode, message: str, status: int | None = None) -> Response:
    status = status or _STATUS[code]
    response = answer({"error": {"code": code.value, "message": message}}, status)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"  # RFC 9110 §11.6.1
    return response


def answer(value: Any, status: int = 200) -> Response:
    """Return a value as JSON that nobody stores."""
    return Response(
        msgspec.json.encode(value),
        status,
        {"Cache-Control": "no-store"},
        "application/json",
    )


async def read(request: Request, kind: type[B]) -> B:
    """Return the request's body, or raise ``Refused``; empty is an empty object."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > BODY:
            raise Refused(ErrorCode.TOO_LARGE)
    try:
        return msgspec.json.decode(body or b"{}", type=kind)
    except (msgspec.DecodeError, RecursionError):
        raise Refused(ErrorCode.BAD_REQUEST, "the body is not as expected") from None
