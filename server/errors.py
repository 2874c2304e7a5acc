"""What can go wrong in the server.

ServerError
├── SettingError     an environment variable holds what it can't; stops the start
├── StoreError       the database didn't do what it was asked
├── StreamError      what the processes share can't be reached just now
└── Refused          a client asked for what it can't have; ``code`` goes on the wire
    ├── TokenError   the token doesn't open this door
    └── TooMany      too much in too short a time, or too many are here
"""

import math
from typing import Final

from protocol.codes import ErrorCode


class ServerError(Exception):
    """The base of every error of the server's own."""


class SettingError(ServerError):
    """An environment variable holds what it can't."""

    def __init__(self, variable: str, expected: str) -> None:
        super().__init__(f"{variable}: {expected}")


class StoreError(ServerError):
    """The database didn't do what it was asked."""


class StreamError(ServerError):
    """What the processes of a cluster share can't be reached just now."""


class Refused(ServerError):
    """A client asked for what it can't have."""

    def __init__(self, code: ErrorCode, text: str = "") -> None:
        super().__init__(text or EXPLANATIONS[code])
        self.code = code


class TokenError(Refused):
    """The token doesn't open this door.

    The text never says which check failed: it would help only a forger.
    """


class TooMany(Refused):
    """Too much was asked for in too short a time, or too many are here.

    ``retry_after`` is in seconds. ``status`` is 429 where it's the asker's doing
    (RFC 6585 §4), 503 where the server is full.
    """

    def __init__(self, retry_after: float, status: int = 429) -> None:
        super().__init__(ErrorCode.TOO_MANY)
        self.retry_after = max(1, math.ceil(retry_after))
        self.status = status


EXPLANATIONS: Final = {
    ErrorCode.BAD_MESSAGE: "this message is not understood",
    ErrorCode.BAD_REQUEST: "this can't be asked like that",
    ErrorCode.BAD_TOKEN: "the token is not valid",
    ErrorCode.TOKEN_EXPIRED: "the token has expired",
    ErrorCode.LOGIN_REQUIRED: "log in first, at /login",
    ErrorCode.LOGIN_FAILED: "the login did not work",
    ErrorCode.LOGIN_UNAVAILABLE: "nobody can log in at the moment",
    ErrorCode.ROOM_NOT_FOUND: "there is no such room",
    ErrorCode.ROOM_FULL: "the room is full",
    ErrorCode.LOCKED: "the room is locked",
    ErrorCode.NOT_ADMITTED: "a host did not let you in",
    ErrorCode.REMOVED: "a host took you out of this call",
    ErrorCode.BANNED: "a host closed this room to you",
    ErrorCode.PASSCODE_REQUIRED: "this room asks for a passcode",
    ErrorCode.PASSCODE_WRONG: "this is not the passcode",
    ErrorCode.NO_SUCH_PEER: "nobody in the room has this id",
    ErrorCode.FORBIDDEN: "this is not yours to do",
    ErrorCode.TOO_LARGE: "this is too large",
    ErrorCode.TOO_MANY: "this is too much at once; wait a while",
    ErrorCode.VERSION: "this server speaks another version of the protocol",
    ErrorCode.RESUME_DENIED: "this place in the room belongs to somebody else",
    ErrorCode.INTERNAL: "internal error",
}
