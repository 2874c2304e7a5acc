"""The door of a room: who comes in, who waits, who stays outside.

Asked twice, when a room token is minted and when its bearer says hello: minutes
lie between, and the room may have been locked meanwhile.
"""

from enum import Enum, auto

from protocol.codes import ErrorCode, Role
from server.errors import Refused
from server.room import Room
from server.store import RoomRecord


class Way(Enum):
    """How somebody comes in."""

    IN = auto()
    WAIT = auto()


def way_in(room: Room, subject: str, role: Role) -> Way:
    """Return how somebody comes into a room, or raise ``Refused``."""
    record = room.record
    # Whoever was taken out is nobody's host in this call any more.
    host = is_host(record, subject, role) and subject not in room.removed
    if subject in record.banned and not host:
        raise Refused(ErrorCode.BANNED)
    if room.holds(subject):
        return Way.IN  # in or in grace: they may want to come back
    if not host:
        if record.locked:
            raise Refused(ErrorCode.LOCKED)
        if record.waiting_room:
            return Way.WAIT
        if subject in room.removed:
            raise Refused(ErrorCode.REMOVED)
    if room.full:
        raise Refused(ErrorCode.ROOM_FULL)
    return Way.IN


def way_back(room: Room, subject: str, role: Role) -> Way:
    """Return how somebody comes back who was in before the server was started anew.

    They passed this door once: neither a lock nor a waiting room holds them up.
    """
    if subject in room.record.banned and not is_host(room.record, subject, role):
        raise Refused(ErrorCode.BANNED)
    if room.full:
        raise Refused(ErrorCode.ROOM_FULL)
    return Way.IN


def is_host(record: RoomRecord, subject: str, role: Role) -> bool:
    """Whether somebody is host by right: by their token, or having made the room."""
    if role is Role.HOST and subject not in record.banned:
        return True
    return made_it(record, subject)


def made_it(record: RoomRecord, subject: str) -> bool:
    """Whether somebody made the room. Nobody made one that no store knows."""
    return bool(record.creator) and subject == record.creator
