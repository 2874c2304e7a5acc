"""Version, limits, error codes and close codes: the numbers of the protocol."""

from enum import IntEnum, StrEnum
from typing import Final

VERSION: Final = 1
SUBPROTOCOL: Final = "tertulia.v1"

MAX_MESSAGE: Final = 64 * 1024  # bytes of one WebSocket text message
MAX_DEPTH: Final = 8  # of nested objects and arrays
MAX_PARTICIPANTS: Final = 8
MAX_WAITING: Final = 20  # people before the door of a room
MAX_NAME: Final = 64  # characters
MAX_PASSCODE: Final = 64  # characters
MAX_CHAT: Final = 2000  # characters
MAX_TOKEN: Final = 4096  # characters
MAX_SDP: Final = 48 * 1024  # characters
MAX_CANDIDATE: Final = 1024  # characters
MAX_HANDSHAKE: Final = 4096  # characters of one message of a handshake
MAX_SEALED: Final = 60 * 1024  # characters of a sealed message
MAX_RESUME: Final = 1024  # characters of a resume secret
MAX_LABEL: Final = 128  # characters of ids and other short words

HEARTBEAT: Final = 10.0  # seconds between a client's pings
HEARTBEAT_DEADLINE: Final = 5.0  # seconds in which the pong has to come
SILENCE: Final = 30.0  # seconds without a word after which the server lets go
GRACE: Final = 15.0  # seconds in which a cut participant can come back
# The same where nobody in the room has a line to them either.
MISSED_SILENCE: Final = 12.0
MISSED_GRACE: Final = 4.5
HELLO_DEADLINE: Final = 5.0  # seconds in which the hello has to come

REACTIONS: Final = ("👍", "❤️", "😂", "🎉", "😮", "👏")


class ErrorCode(StrEnum):
    """Why something was refused. Stable: clients decide by it, never by the text."""

    BAD_MESSAGE = "bad_message"
    BAD_REQUEST = "bad_request"
    BAD_TOKEN = "bad_token"
    TOKEN_EXPIRED = "token_expired"
    LOGIN_REQUIRED = "login_required"
    LOGIN_FAILED = "login_failed"
    LOGIN_UNAVAILABLE = "login_unavailable"
    ROOM_NOT_FOUND = "room_not_found"
    ROOM_FULL = "room_full"
    LOCKED = "locked"
    NOT_ADMITTED = "not_admitted"
    REMOVED = "removed"
    BANNED = "banned"
    PASSCODE_REQUIRED = "passcode_required"
    PASSCODE_WRONG = "passcode_wrong"
    NO_SUCH_PEER = "no_such_peer"
    FORBIDDEN = "forbidden"
    TOO_LARGE = "too_large"
    TOO_MANY = "too_many"
    VERSION = "version"
    RESUME_DENIED = "resume_denied"
    INTERNAL = "internal"


class CloseCode(IntEnum):
    """Why the server closed a WebSocket (RFC 6455 §7.4.2: 4000–4999 are private)."""

    NORMAL = 1000
    GOING_AWAY = 1001
    INTERNAL = 1011
    HUNG_UP = 4000
    HELLO_TIMEOUT = 4001
    BAD_MESSAGE = 4002
    REFUSED = 4003
    SLOW = 4008
    ELSEWHERE = 4009
    DRAINING = 4010
    SILENT = 4011
    TOO_MANY = 4029

    @property
    def retryable(self) -> bool:
        """Whether the client does right to connect again by itself."""
        return self not in _FINAL


_FINAL = frozenset(
    {
        CloseCode.NORMAL,
        CloseCode.BAD_MESSAGE,
        CloseCode.REFUSED,
        CloseCode.ELSEWHERE,
    }
)


class LeaveReason(StrEnum):
    """Why a participant is no longer in the room."""

    LEFT = "left"
    LOST = "lost"
    REMOVED = "removed"
    ELSEWHERE = "elsewhere"
    ENDED = "ended"


class Presence(StrEnum):
    """Whether a participant's signaling connection stands."""

    PRESENT = "present"
    RECONNECTING = "reconnecting"


class Role(StrEnum):
    """What a participant may do in the room."""

    HOST = "host"
    MEMBER = "member"


class Wish(StrEnum):
    """What a host asks of somebody, whose own program has to do it."""

    MUTE = "mute"
    STOP_SHARE = "stop-share"
