"""Who is in which room: coming in, being cut off, coming back, going.

Sans-I/O: no socket, no clock, no task. A participant is *present* or
*reconnecting*::

    join ──▶ PRESENT ──cut──▶ RECONNECTING ──expire──▶ gone (lost)
                │  ◀──resume──────┘  │
                └─────leave──────────┴───▶ gone (left, removed, ended)

Each participant who came in is announced as gone exactly once. Where newcomers
have to wait, WAITING comes before: nobody inside but the hosts hears of them, a cut
ends it, and a host's word makes them PRESENT.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final, NamedTuple

from protocol.codes import GRACE, MISSED_GRACE, ErrorCode, LeaveReason, Presence, Role
from protocol.messages import (
    ClientMessage,
    HostMessage,
    IceServer,
    ParticipantChanged,
    ParticipantId,
    ParticipantInfo,
    ParticipantLeft,
    RoomId,
)
from server.door import Way, is_host, way_back, way_in
from server.errors import Refused
from server.ice import LIFE, renewal
from server.memory import Memory
from server.moderation import Outcome, moderate
from server.recall import NOBODY, Recall
from server.room import Delivery, Departure, Entry, Member, Room
from server.store import Aftermath, Participation, RoomRecord
from server.tokens import LEEWAY, ROOM_LIFE

# An ended room is remembered until every token that opened it has expired.
_EPITAPH: Final = ROOM_LIFE + LEEWAY

IceFor = Callable[[RoomId, ParticipantId], tuple[IceServer, ...]]


class Admission(NamedTuple):
    """Somebody is in, or waits: where, as whom, and who has to hear what."""

    room: Room
    you: ParticipantId
    deliveries: list[Delivery]


class Settled(NamedTuple):
    """Whose stays ended with the process before, and who hears what of it."""

    missing: Sequence[Participation] = ()
    deliveries: Sequence[Delivery] = ()


class Rooms:
    """The rooms with somebody in them, or before their door.

    Times are of one monotonic clock. What ``ice_for`` gives is given anew every
    ``ice_renewal`` seconds.
    """

    def __init__(
        self,
        new_id: Callable[[], str],
        ice_for: IceFor,
        ice_renewal: float = renewal(LIFE),
    ) -> None:
        self.new_id = new_id
        self.ice_for = ice_for
        self.ice_renewal = ice_renewal
        self._rooms: dict[RoomId, Room] = {}
        self._cut: dict[ParticipantId, tuple[float, Room]] = {}
        self._ended: dict[RoomId, float] = {}
        self._recall = NOBODY
        # A change is known here until it surely is in the store.
        self._changed: Memory[RoomId, RoomRecord] = Memory(_EPITAPH)
        self._emptied: Memory[RoomId, RoomRecord] = Memory(GRACE)
        # Who was host of it last is known until it surely has ended.
        self._hosted: Memory[RoomId, tuple[str, ...]] = Memory(_EPITAPH)

    def find(self, room: RoomId) -> Room | None:
        """Return a room that has somebody in it, or before its door."""
        return self._rooms.get(room)

    def record(self, room_id: RoomId) -> RoomRecord | None:
        """Return what is known here of a room, be it newer than in the store."""
        room = self._rooms.get(room_id)
        return room.record if room else self._changed.get(room_id)

    def hosts(self, room_id: RoomId) -> tuple[str, ...]:
        """Return the subjects of those who are host, or were it last."""
        room = self._rooms.get(room_id)
        if room and room.members:
            return room.hosting()
        return self._hosted.get(room_id) or ()

    def remember(self, record: RoomRecord) -> None:
        """Know this of a room until it is in the store."""
        self._changed.put(record.id, record)

    def has_ended(self, room_id: RoomId) -> bool:
        """Whether a room was ended for good, not long ago."""
        return room_id in self._ended

    def way_in(self, record: RoomRecord, subject: str, role: Role) -> Way:
        """Return how somebody would come in now, or raise ``Refused``."""
        room = self._room(record)
        find = way_back if self._was_in(room, subject) else way_in
        return find(room, subject, role)

    def recall(self, aftermath: Aftermath, until: float) -> None:
        """Expect the people of the process before, until then."""
        self._recall = Recall(aftermath, until)

    def expects(self, room_id: RoomId, subject: str) -> bool:
        """Whether somebody was in before the server was started anew."""
        return self._recall.expects(room_id, subject)

    def settle(self, now: float) -> Settled:
        """Expect nobody of the process before any more, once it was long enough."""
        if now < self._recall.until:
            return Settled()
        missing, deliveries = self._recall.missing, list[Delivery]()
        self._recall = NOBODY
        for room in self._rooms.values() if missing else ():
            room.returning.clear()
            deliveries += room.find_host()
        return Settled(missing, deliveries)

    def join(
        self,
        room_id: RoomId,
        entry: Entry,
        record: RoomRecord | None = None,
        you: ParticipantId | None = None,
    ) -> Admission:
        """Bring a newcomer in or let them wait, or raise ``Refused``.

        ``record`` is the store's; where somebody is in, what they know counts.
        ``you`` is who they were before the server was started anew.
        """
        if room_id in self._ended:
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        known = self.record(room_id) or record
        if known is None:  # nobody made it, or it ended before this process began
            raise Refused(ErrorCode.ROOM_NOT_FOUND)
        room = self._room(known)
        was_in = you is not None or self._was_in(room, entry.subject)
        find = way_back if was_in else way_in
        way = find(room, entry.subject, entry.role)
        if you is not None:
            room.returning.discard(you)
        again = you is not None and self._recall.back(you)
        you = you or ParticipantId(self.new_id())
        if way is Way.WAIT:
            deliveries = room.wait(you, entry)
        else:
            deliveries = self._enter(room, you, entry, again=again)
        self._rooms[room_id] = room
        return Admission(room, you, deliveries)

    def let_in(self, room: Room, who: ParticipantId) -> list[Delivery]:
        """Bring in somebody who waits, or raise ``Refused``: they go on waiting."""
        entry = room.waiting[who].entry
        deliveries = self._enter(room, who, entry)
        del room.waiting[who]
        room.removed.discard(entry.subject)
        return deliveries

    def handle(
        self, room: Room, who: ParticipantId, message: ClientMessage, now: float
    ) -> Outcome:
        """Do what somebody asks; ``now`` is Unix time. May raise ``Refused``."""
        if who not in room.members:
            raise Refused(ErrorCode.FORBIDDEN)  # before the door nothing is heard
        if not isinstance(message, HostMessage):
            return Outcome(room.handle(who, message, now))
        return moderate(self, room, who, message)

    def resume(self, room_id: RoomId, who: ParticipantId, entry: Entry) -> Admission:
        """Bring a participant back as the one they were."""
        room = self._rooms[room_id]
        self._cut.pop(who, None)
        others = room.update(
            who,
            name=entry.shown,
            media=entry.media,
            presence=Presence.PRESENT,
        )
        others += self._grant(room, who, entry)
        mine = self._welcome(room, room.members[who], entry, resumed=True)
        return Admission(room, who, [*mine, *others])

    def _grant(self, room: Room, who: ParticipantId, entry: Entry) -> list[Delivery]:
        """Take the role of host from whom a new token makes none any more."""
        member = room.members[who]
        before, member.granted = member.granted, entry.role
        if before is not Role.HOST or is_host(room.record, entry.subject, entry.role):
            return []
        return [*room.give_role(who, Role.MEMBER), *room.find_host()]

    def cut(self, room: Room, who: ParticipantId, now: float) -> list[Delivery]:
        """The socket is gone, the participant not yet."""
        self._cut[who] = (now, room)
        return room.update(who, presence=Presence.RECONNECTING)

    def leave(
        self, room: Room, who: ParticipantId, reason: LeaveReason = LeaveReason.LEFT
    ) -> Departure:
        """Let a participant go for good."""
        if who in room.waiting:
            gone = room.stop_waiting(who)
        else:
            self._cut.pop(who, None)
            hosts = room.hosting()
            gone = Departure(who, reason, room.remove(who, reason))
            if not room.members and not room.record.persistent:
                self.let_fade(room.record, hosts)
        self._forget_empty(room)
        return gone

    def expire(self, now: float) -> list[Departure]:
        """Let go of everyone whose grace is over."""
        return [
            self.leave(room, who, LeaveReason.LOST) for room, who in self.overdue(now)
        ]

    def overdue(self, now: float) -> list[tuple[Room, ParticipantId]]:
        """Return those whose grace is over.

        It is shorter for those to whom nobody has a line: their page is gone, not
        their way to the server alone.
        """
        while self._ended and next(iter(self._ended.values())) <= now:
            del self._ended[next(iter(self._ended))]
        return [
            (room, who)
            for who, (since, room) in self._cut.items()
            if now >= since + GRACE
            or (now >= since + MISSED_GRACE and room.misses(who))
        ]

    def adopt(self, room: Room, cut: Iterable[ParticipantId], now: float) -> None:
        """Take a room as another process left it; ``cut`` are the cut off in it."""
        self._rooms[room.id] = room
        for who in cut:
            self._cut[who] = now, room

    def has_emptied(self, room_id: RoomId) -> bool:
        """Whether a room waits for somebody to come back, or else ends."""
        return self._emptied.get(room_id) is not None

    def let_fade(self, record: RoomRecord, hosts: tuple[str, ...]) -> None:
        """Let a room with nobody in it end, unless somebody comes back."""
        self._emptied.put(record.id, record)
        self._hosted.put(record.id, hosts)

    def bury(self, room_id: RoomId, now: float) -> None:
        """Know that a room was ended for good."""
        self._ended[room_id] = now + _EPITAPH

    def forget(self, room_id: RoomId) -> None:
        """Know nothing of a room any more: others serve it."""
        room = self._rooms.pop(room_id, None)
        for who in room.members if room else ():
            self._cut.pop(who, None)
        self._ended.pop(room_id, None)
        self._changed.pop(room_id)
        self._emptied.pop(room_id)
        self._hosted.pop(room_id)

    def fade(self, now: float) -> list[RoomId]:
        """Return the rooms that are to end now: nobody came back to them."""
        self._changed.expire(now)
        self._hosted.expire(now)
        return self._emptied.expire(now)

    def end(self, room_id: RoomId, now: float) -> list[Departure]:
        """Close a room for good. Each member hears it of themselves alone."""
        self._ended.pop(room_id, None)
        self._ended[room_id] = now + _EPITAPH
        self._changed.pop(room_id)
        self._emptied.pop(room_id)
        return self.dismiss(room_id, ErrorCode.ROOM_NOT_FOUND)

    def dismiss(self, room_id: RoomId, code: ErrorCode) -> list[Departure]:
        """Let everybody go; who waits hears ``code``."""
        room = self._rooms.pop(room_id, None)
        if room is None:
            return []
        members, room.members = room.members, {}
        room.removed.clear()
        for who in members:
            self._cut.pop(who, None)
        reason = LeaveReason.ENDED
        return [
            *(room.send_away(who, code) for who in list(room.waiting)),
            *(
                Departure(who, reason, [Delivery(who, ParticipantLeft(who, reason))])
                for who in members
            ),
        ]

    def _room(self, record: RoomRecord) -> Room:
        """Return a room; one with nobody in it as the process before left it."""
        room = self._rooms.get(record.id)
        if room is None:
            room = Room(record)
            room.removed.update(self._recall.removed(record.id))
            room.returning.update(self._recall.hosts(record.id))
        return room

    def _was_in(self, room: Room, subject: str) -> bool:
        """Whether the door is open to somebody since the process before."""
        expected = self._recall.expects(room.id, subject)
        return expected and subject not in room.removed

    def _enter(
        self, room: Room, you: ParticipantId, entry: Entry, *, again: bool = False
    ) -> list[Delivery]:
        """Take somebody in: as host by right, or ``again``, or where nobody is."""
        alone = not room.members and not room.returning
        right = is_host(room.record, entry.subject, entry.role)
        role = Role.HOST if alone or again or right else Role.MEMBER
        info = ParticipantInfo(you, entry.shown, entry.media, role=role)
        member = Member(info, entry.subject, entry.role)
        others = room.enter(member)
        self._emptied.pop(room.id)
        return [*self._welcome(room, member, entry), *others]

    def _forget_empty(self, room: Room) -> None:
        if not room.members and not room.waiting:
            self._rooms.pop(room.id, None)

    def _welcome(
        self, room: Room, member: Member, entry: Entry, *, resumed: bool = False
    ) -> list[Delivery]:
        who = member.info.id
        joined = room.welcome(who, self.ice_for(room.id, who), resumed=resumed)
        mine = [Delivery(who, joined)]
        if member.info.name != entry.name:
            mine = [Delivery(who, replace(joined, name=member.info.name))]
            mine.append(Delivery(who, ParticipantChanged(member.info)))
        return [*mine, *room.mesh(who)]
