"""Who is in which room: coming in, being cut off, coming back, going.

Sans-I/O: no socket, no clock, no task. A participant is *present* or
*reconnecting*::

    join ──▶ PRESENT ──cut──▶ RECONNECTING ──expire──▶ gone (lost)
                │  ◀──resume──────┘  │
                └─────leave──────────┴───▶ gone (left, removed, ended)

Each participant who came in is announced as gone exactly once.
"""

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple

from protocol.codes import GRACE, ErrorCode, LeaveReason, Presence
from protocol.messages import (
    IceServer,
    MediaState,
    ParticipantChanged,
    ParticipantId,
    ParticipantInfo,
    ParticipantLeft,
    RoomId,
)
from server.errors import Refused
from server.name import display_name
from server.room import Delivery, Member, Room
from server.tokens import LEEWAY, ROOM_LIFE

# An ended room is remembered until every token that opened it has expired.
_EPITAPH: Final = ROOM_LIFE + LEEWAY

IceFor = Callable[[RoomId, ParticipantId], tuple[IceServer, ...]]


@dataclass(frozen=True, slots=True)
class Entry:
    """Who asks to come in, and what they show of themselves."""

    subject: str
    name: str
    media: MediaState = MediaState()


class Admission(NamedTuple):
    """Somebody is in: where, as whom, and who has to hear what."""

    room: Room
    you: ParticipantId
    deliveries: list[Delivery]


class Departure(NamedTuple):
    """Somebody is gone for good."""

    who: ParticipantId
    reason: LeaveReason
    deliveries: list[Delivery]


class Rooms:
    """The rooms with somebody in them. Times are of one monotonic clock."""

    def __init__(self, new_id: Callable[[], str], ice_for: IceFor) -> None:
        self._new_id = new_id
        self.ice_for = ice_for
        self._rooms: dict[RoomId, Room] = {}
        # Every grace is as long as every other: this is in order of its end.
        self._cut: dict[ParticipantId, tuple[float, Room]] = {}
        self._ended: dict[RoomId, float] = {}

    def find(self, room: RoomId) -> Room | None:
        """Return a room that has somebody in it."""
        return self._rooms.get(room)

    def admits(self, room_id: RoomId, subject: str) -> bool:
        """Whether there is place, or ``subject`` may want to come back to theirs."""
        room = self._rooms.get(room_id)
        if room is None or not room.full:
            return True
        return any(member.subject == subject for member in room.members.values())

    def join(self, room_id: RoomId, entry: Entry) -> Admission:
        """Bring a newcomer in, or raise ``Refused``."""
        if room_id in self._ended:
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        room = self._rooms.get(room_id) or Room(room_id)
        you = ParticipantId(self._new_id())
        info = ParticipantInfo(you, display_name(entry.name), entry.media)
        member = Member(info, entry.subject)
        others = room.enter(member)
        self._rooms[room_id] = room
        return Admission(room, you, [*self._welcome(room, member, entry), *others])

    def holder(self, room_id: RoomId, secret: str, subject: str) -> Member | None:
        """Return the member that ``secret`` brings back, if they are still here."""
        room = self._rooms.get(room_id)
        if room is None:
            return None
        wanted = secret.encode()
        for member in room.members.values():
            known = [hmac.compare_digest(s.encode(), wanted) for s in member.secrets]
            if any(known):
                if member.subject != subject:
                    raise Refused(ErrorCode.RESUME_DENIED)
                return member
        return None

    def resume(self, room_id: RoomId, who: ParticipantId, entry: Entry) -> Admission:
        """Bring a participant back as the one they were."""
        room = self._rooms[room_id]
        self._cut.pop(who, None)
        others = room.update(
            who,
            name=display_name(entry.name),
            media=entry.media,
            presence=Presence.PRESENT,
        )
        mine = self._welcome(room, room.members[who], entry, resumed=True)
        return Admission(room, who, [*mine, *others])

    def cut(self, room: Room, who: ParticipantId, now: float) -> list[Delivery]:
        """The socket is gone, the participant not yet."""
        self._cut[who] = (now + GRACE, room)
        return room.update(who, presence=Presence.RECONNECTING)

    def leave(
        self, room: Room, who: ParticipantId, reason: LeaveReason = LeaveReason.LEFT
    ) -> Departure:
        """Let a participant go for good."""
        self._cut.pop(who, None)
        deliveries = room.remove(who, reason)
        if not room.members:
            del self._rooms[room.id]
        return Departure(who, reason, deliveries)

    def expire(self, now: float) -> list[Departure]:
        """Let go of everyone whose grace is over."""
        while self._ended and next(iter(self._ended.values())) <= now:
            del self._ended[next(iter(self._ended))]
        gone = []
        for who, (deadline, room) in list(self._cut.items()):
            if deadline > now:
                break
            gone.append(self.leave(room, who, LeaveReason.LOST))
        return gone

    def end(self, room_id: RoomId, now: float) -> list[Departure]:
        """Close a room for good. Each member hears it of themselves alone."""
        self._ended.pop(room_id, None)
        self._ended[room_id] = now + _EPITAPH
        room = self._rooms.pop(room_id, None)
        if room is None:
            return []
        members, room.members = room.members, {}
        for who in members:
            self._cut.pop(who, None)
        reason = LeaveReason.ENDED
        return [
            Departure(who, reason, [Delivery(who, ParticipantLeft(who, reason))])
            for who in members
        ]

    def _welcome(
        self, room: Room, member: Member, entry: Entry, *, resumed: bool = False
    ) -> list[Delivery]:
        who = member.info.id
        member.secrets.append(self._new_id())
        joined = room.welcome(who, self.ice_for(room.id, who), resumed=resumed)
        mine = [Delivery(who, joined)]
        if member.info.name != entry.name:
            mine.append(Delivery(who, ParticipantChanged(member.info)))
        return mine
