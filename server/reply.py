"""JSON in and JSON out, for every endpoint."""

from typing import Any, Final, TypeVar

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from protocol.codes import ErrorCode
from server.errors import (
    EXPLANATIONS,
    Refused,
    StoreError,
    StreamError,
    TooMany,
)
from server.headers import security_headers

BODY: Final = 16 * 1024  # bytes

_STATUS: Final = {
    ErrorCode.BAD_REQUEST: 400,
    ErrorCode.BAD_TOKEN: 401,
    ErrorCode.TOKEN_EXPIRED: 401,
    ErrorCode.LOGIN_REQUIRED: 401,
    ErrorCode.LOGIN_FAILED: 400,
    ErrorCode.LOGIN_UNAVAILABLE: 503,
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
    """Answer what a client asked wrongly, or too often."""
    assert isinstance(error, Refused)
    response = failure(error.code, str(error))
    if isinstance(error, TooMany):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


async def store_failed(request: Request, error: Exception) -> Response:
    """Answer that the database is away, or what is shared, and nothing of how."""
    assert isinstance(error, StoreError | StreamError)
    return failure(ErrorCode.INTERNAL, status=503)


async def gone(request: Request, error: Exception) -> Response:
    """Answer who has gone before all was asked: nobody, and no fault of ours."""
    return Response(status_code=400)


async def failed(request: Request, error: Exception) -> Response:
    """Answer a fault of ours, and nothing of which."""
    response = failure(ErrorCode.INTERNAL)
    response.raw_headers.extend(security_headers(request.scope))
    return response


def failure(code: ErrorCode, message: str = "", status: int = 0) -> Response:
    """Return the answer that says what is wrong, by its code."""
    message = message or EXPLANATIONS[code]
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
    except (ValueError, RecursionError):  # msgspec's own errors among them
        raise Refused(ErrorCode.BAD_REQUEST, "the body is not as expected") from None
