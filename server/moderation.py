"""What hosts ask for, and nobody else gets.

Pure, like ``rooms``: an ``Outcome`` tells who hears what, who is out, who is in
and what is to be kept. Everything is checked here; clients may lie.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from protocol import messages as m
from protocol.codes import ErrorCode, LeaveReason, Role, Wish
from protocol.messages import ParticipantId
from server.door import made_it
from server.errors import EXPLANATIONS, Refused
from server.room import Delivery, Departure, Room
from server.store import RoomRecord

if TYPE_CHECKING:
    from server.rooms import Rooms

MOST_BANNED: Final = 256


@dataclass(slots=True)
class Outcome:
    """What follows from a message. Departures come before deliveries."""

    deliveries: list[Delivery] = field(default_factory=list)
    departures: list[Departure] = field(default_factory=list)
    admitted: list[ParticipantId] = field(default_factory=list)
    record: RoomRecord | None = None  # to be kept in place of the one before
    ended: tuple[str, ...] = ()  # for good, by these hosts


def moderate(
    rooms: "Rooms", room: Room, who: ParticipantId, message: m.HostMessage
) -> Outcome:
    """Do what a host asks, or raise ``Refused``."""
    if room.members[who].info.role is not Role.HOST:
        raise Refused(ErrorCode.FORBIDDEN)
    match message:
        case m.Mute(target):
            return Outcome(_ask(room, who, target, Wish.MUTE))
        case m.StopShare(target):
            return Outcome(_ask(room, who, target, Wish.STOP_SHARE))
        case m.HandOver(target):
            _other(room, who, target)
            given = room.give_role(target, Role.HOST)
            return Outcome([*given, *room.give_role(who, Role.MEMBER)])
        case m.Remove(target):
            subject = _other(room, who, target)
            _spare(room, who, subject)
            room.removed.add(subject)
            return _throw_out(rooms, room, subject, ErrorCode.REMOVED)
        case m.Ban(target):
            return _ban(rooms, room, who, target)
        case m.Lock(locked):
            return change(rooms, replace(room.record, locked=locked))
        case m.SetWaitingRoom(on):
            return change(rooms, replace(room.record, waiting_room=on))
        case m.Admit(target):
            return _admit(rooms, room, [_waiter(room, target)])
        case m.Refuse(target):
            _waiter(room, target)
            return Outcome(departures=[room.send_away(target, ErrorCode.NOT_ADMITTED)])
        case m.EndForAll():
            hosts = () if room.record.persistent else room.hosting()
            departures = rooms.dismiss(room.id, ErrorCode.NOT_ADMITTED)
            return Outcome(departures=departures, ended=hosts)


def change(rooms: "Rooms", record: RoomRecord) -> Outcome:
    """Replace what is known of a room, be somebody in it or not."""
    record = replace(record, version=record.version + 1)
    rooms.remember(record)
    outcome = Outcome(record=record)
    room = rooms.find(record.id)
    if room is None:
        return outcome
    before, room.record = room.record, record
    if room.door != _door(before):
        outcome.deliveries = room.tell_all(m.RoomChanged(room.door))
    if before.waiting_room and not record.waiting_room and not record.locked:
        _let_all_in(rooms, room, outcome)
    return outcome


def _let_all_in(rooms: "Rooms", room: Room, outcome: Outcome) -> None:
    """Take in who waits for nothing any more, as many as fit."""
    free = max(room.record.capacity - len(room.members), 0)
    welcome = [
        who
        for who, waiter in room.waiting.items()
        if waiter.entry.subject not in room.removed
    ]
    let_in = _admit(rooms, room, welcome[:free])
    outcome.deliveries += let_in.deliveries
    outcome.admitted = let_in.admitted


def _door(record: RoomRecord) -> m.Door:
    return m.Door(record.locked, record.waiting_room, record.e2ee)


def _ask(
    room: Room, who: ParticipantId, target: ParticipantId, wish: Wish
) -> list[Delivery]:
    _other(room, who, target)
    return [Delivery(target, m.Asked(who, wish))]


def _ban(
    rooms: "Rooms", room: Room, who: ParticipantId, target: ParticipantId
) -> Outcome:
    if target in room.waiting:
        subject = room.waiting[target].entry.subject
    else:
        subject = _other(room, who, target)
    _spare(room, who, subject)
    if len(room.record.banned) >= MOST_BANNED:
        raise Refused(ErrorCode.TOO_MANY)
    banned = (*room.record.banned, subject)
    outcome = change(rooms, replace(room.record, banned=banned))
    thrown_out = _throw_out(rooms, room, subject, ErrorCode.BANNED)
    outcome.departures = thrown_out.departures
    return outcome


def _throw_out(rooms: "Rooms", room: Room, subject: str, code: ErrorCode) -> Outcome:
    """Take every seat of somebody, inside and before the door."""
    departures = [
        room.send_away(who, code)
        for who, waiter in list(room.waiting.items())
        if waiter.entry.subject == subject
    ]
    reason = LeaveReason.REMOVED
    for who, member in list(room.members.items()):
        if member.subject != subject:
            continue
        told = [
            Delivery(who, m.Failed(code, EXPLANATIONS[code])),
            Delivery(who, m.ParticipantLeft(who, reason)),
        ]
        gone = rooms.leave(room, who, reason)
        departures.append(gone._replace(deliveries=[*told, *gone.deliveries]))
    return Outcome(departures=departures)


def _admit(rooms: "Rooms", room: Room, who: Sequence[ParticipantId]) -> Outcome:
    outcome = Outcome(admitted=list(who))
    for each in who:
        outcome.deliveries += rooms.let_in(room, each)
    if who:
        outcome.deliveries += room.tell_waiting()
    return outcome


def _other(room: Room, who: ParticipantId, target: ParticipantId) -> str:
    """Return the subject of somebody else who is in."""
    if target == who or target not in room.members:
        raise Refused(ErrorCode.NO_SUCH_PEER)
    return room.members[target].subject


def _waiter(room: Room, target: ParticipantId) -> ParticipantId:
    if target not in room.waiting:
        raise Refused(ErrorCode.NO_SUCH_PEER)
    return target


def _spare(room: Room, who: ParticipantId, subject: str) -> None:
    """Nobody takes out the maker of the room, nor a second seat of their own."""
    own = room.members[who].subject
    if made_it(room.record, subject) or subject == own:
        raise Refused(ErrorCode.FORBIDDEN)
