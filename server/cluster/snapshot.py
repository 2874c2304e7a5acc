"""A room as it is after one of its commands, for processes that come later."""

from collections.abc import Mapping
from typing import Final

import msgspec

from protocol.codes import Role
from protocol.messages import (
    ChatLine,
    LinkReport,
    Newcomer,
    ParticipantId,
    ParticipantInfo,
    RoomId,
)
from server.cluster.command import Relay
from server.cluster.replica import ELSEWHERE, Hold, Replica
from server.room import Entry, Member, Room, Waiter
from server.rooms import Rooms
from server.seat import Seat
from server.store import RoomRecord


class Place(msgspec.Struct, frozen=True):
    """A seat, and who has its line."""

    agent: str
    joined_at: float
    heard: int
    tickets: list[str]
    node: str
    key: str
    since: str


class Inside(msgspec.Struct, frozen=True):
    """A member."""

    info: ParticipantInfo
    subject: str
    links: tuple[LinkReport, ...]
    said: list[str]
    place: Place
    granted: Role = Role.MEMBER


class Outside(msgspec.Struct, frozen=True):
    """Somebody before the door."""

    info: Newcomer
    entry: Entry
    place: Place


class Snapshot(msgspec.Struct, frozen=True):
    """Everything that a process has to know of a room to serve it, too."""

    count: int
    serials: dict[str, int]
    record: RoomRecord | None = None  # of a room that has somebody in it
    changed: RoomRecord | None = None
    ended: bool = False
    deserted: bool = False
    hosts: tuple[str, ...] = ()  # of a deserted room, before it was that
    members: list[Inside] = []
    waiting: list[Outside] = []
    removed: list[str] = []
    chat: tuple[ChatLine, ...] = ()
    recent: list[tuple[str, Relay]] = []

    def encode(self) -> bytes:
        """Return its bytes."""
        return _encoder.encode(self)


class Restored(msgspec.Struct, frozen=True):
    """What a snapshot says of seats."""

    seats: dict[ParticipantId, Seat]
    holds: dict[ParticipantId, Hold]


_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Snapshot)


def take(
    rooms: Rooms,
    room_id: RoomId,
    replica: Replica,
    seats: Mapping[ParticipantId, Seat],
    holds: Mapping[ParticipantId, Hold],
) -> Snapshot:
    """Return a room as it is, with the signals that others may not have read."""
    room = rooms.find(room_id)

    def place(who: ParticipantId) -> Place:
        seat, hold = seats[who], holds[who]
        return Place(
            seat.agent,
            seat.joined_at,
            seat.heard,
            list(seat.tickets),
            hold.node,
            hold.key,
            hold.since,
        )

    bare = Snapshot(
        replica.count,
        replica.serials,
        changed=rooms.record(room_id),
        ended=rooms.has_ended(room_id),
        deserted=rooms.has_emptied(room_id),
        hosts=rooms.hosts(room_id),
    )
    if room is None:
        return bare
    return msgspec.structs.replace(
        bare,
        record=room.record,
        members=[
            Inside(
                each.info,
                each.subject,
                each.links,
                list(each.said),
                place(who),
                each.granted,
            )
            for who, each in room.members.items()
        ],
        waiting=[
            Outside(each.info, each.entry, place(who))
            for who, each in room.waiting.items()
        ],
        removed=sorted(room.removed),
        chat=room.chat,
        recent=replica.latest(),
    )


def decode(data: bytes) -> Snapshot:
    """Return the snapshot; ``msgspec.DecodeError`` if it is none."""
    return _decoder.decode(data)


def restore(snapshot: Snapshot, rooms: Rooms, room_id: RoomId, now: float) -> Restored:
    """Put a room where ``rooms`` knows nothing of it; ``now`` is monotonic."""
    if snapshot.ended:
        rooms.bury(room_id, now)
    if snapshot.changed is not None and snapshot.changed.creator:
        rooms.remember(snapshot.changed)
        if snapshot.deserted:
            rooms.let_fade(snapshot.changed, snapshot.hosts)
    seats: dict[ParticipantId, Seat] = {}
    holds: dict[ParticipantId, Hold] = {}
    if snapshot.record is None:
        return Restored(seats, holds)
    room = Room(snapshot.record)
    room.removed.update(snapshot.removed)
    room.chat = snapshot.chat

    def sit(who: ParticipantId, place: Place) -> None:
        holds[who] = Hold(place.node, place.key, place.since)
        seats[who] = Seat(
            who,
            room,
            place.agent,
            line=ELSEWHERE if place.key else None,
            joined_at=place.joined_at,
            heard=place.heard,
            tickets=list(place.tickets),
            here=False,
        )

    for each in snapshot.members:
        member = Member(each.info, each.subject, each.granted, each.links)
        member.said.extend(each.said)
        room.members[each.info.id] = member
        sit(each.info.id, each.place)
        seats[each.info.id].host = each.info.role is Role.HOST
    for one in snapshot.waiting:
        room.waiting[one.info.id] = Waiter(one.info, one.entry)
        sit(one.info.id, one.place)
    cut = [who for who in room.members if not holds[who].key]
    rooms.adopt(room, cut, now)
    return Restored(seats, holds)
