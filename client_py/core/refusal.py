"""What the server's refusals mean to a person."""

from collections.abc import Mapping

from client_py.core.state import Problem
from protocol.codes import ErrorCode

#: By error code, as it is on the wire.
PROBLEMS: Mapping[str, Problem] = {
    ErrorCode.ROOM_NOT_FOUND: Problem.ROOM_NOT_FOUND,
    ErrorCode.ROOM_FULL: Problem.ROOM_FULL,
    ErrorCode.LOGIN_REQUIRED: Problem.LOGIN_REQUIRED,
    ErrorCode.TOKEN_EXPIRED: Problem.TOKEN_EXPIRED,
    ErrorCode.BAD_TOKEN: Problem.TOKEN_EXPIRED,
    ErrorCode.VERSION: Problem.PROTOCOL_MISMATCH,
    ErrorCode.BAD_MESSAGE: Problem.PROTOCOL_MISMATCH,
    ErrorCode.LOCKED: Problem.LOCKED,
    ErrorCode.NOT_ADMITTED: Problem.REFUSED,
    ErrorCode.REMOVED: Problem.REMOVED,
    ErrorCode.BANNED: Problem.BANNED,
    ErrorCode.PASSCODE_REQUIRED: Problem.PASSCODE_REQUIRED,
    ErrorCode.PASSCODE_WRONG: Problem.PASSCODE_WRONG,
    ErrorCode.TOO_MANY: Problem.TOO_MANY,
}
#: What passes by itself: knock again, as somebody new.
PASSING = (ErrorCode.RESUME_DENIED, ErrorCode.TOO_MANY)
#: What the lobby asks about again, rather than a screen of its own.
ASKED_AGAIN = (Problem.PASSCODE_REQUIRED, Problem.PASSCODE_WRONG, Problem.TOO_MANY)
