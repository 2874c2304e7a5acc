"""A switchboard whose rooms other processes serve, too.

What a client asks is written into its room's stream, and done when it is read from
there: by this process and, in the same order, by every other one that follows the
room. Only the one that wrote it keeps records and tells observers; only the one that
has somebody's socket tells them.
"""

import asyncio
import itertools
import logging
from collections.abc import Callable, Sequence
from typing import Any, Final

from protocol.codec import tag_of
from protocol.codes import CloseCode, ErrorCode, LeaveReason
from protocol.messages import (
    ClientMessage,
    Failed,
    Hello,
    Leave,
    ParticipantId,
    Ping,
    Pong,
    ReportStats,
    RoomId,
    Signal,
)
from protocol.numbering import Numbers
from server.cluster.command import (
    Change,
    Command,
    Cut,
    Deny,
    End,
    Enter,
    Entry,
    Expire,
    Lost,
    Part,
    Relay,
    Say,
    size,
    spoken,
)
from server.cluster.following import Following
from server.cluster.leases import SILENT
from server.cluster.replica import ELSEWHERE, Hold, Replica
from server.cluster.streams import Read, Streams
from server.errors import Refused, StreamError
from server.room import Delivery, Departure
from server.rooms import Rooms
from server.seat import Line, Seat
from server.store import RoomRecord
from server.tokens import Pass
from server.wire import TO_CLIENT

log = logging.getLogger("tertulia.cluster")

ENTER: Final = 4.0  # seconds to come in; a hello has five
SNAPSHOT: Final = 512  # entries
SNAPSHOT_SIZE: Final = 1024 * 1024  # bytes that one process wrote
SHORT: Final = 16 * 1024  # bytes of a signal that certainly fits in a message
ASK_AGAIN: Final = 2.0  # seconds, for an end that didn't come

_ABNORMAL: Final = 1006
_UNNUMBERED: Final = Numbers()


class SharedSwitchboard(Following):
    """Every seat in the rooms that this process follows."""

    def __init__(self, rooms: Rooms, *parts: Any, node: str, streams: Streams) -> None:
        super().__init__(rooms, *parts, node=node, streams=streams)
        self.save: Callable[[RoomId, str, bytes], None] = lambda room, id, state: None
        self._new_id, rooms.new_id = rooms.new_id, lambda: self._given
        self._given = ""  # the id for somebody new
        self._keys = itertools.count(1)
        self._entering: dict[str, tuple[Line, asyncio.Future[Seat]]] = {}

    # -- what clients and callers ask

    async def enter(
        self, line: Line, hello: Hello, granted: Pass, record: RoomRecord | None = None
    ) -> Seat:
        """Admit somebody, once it stands in the stream; may raise ``StreamError``."""
        claim = self._seating.claim(hello, granted, record)
        try:
            async with asyncio.timeout(ENTER):
                await self.open(claim.room)
                key = f"{self.node}:{next(self._keys)}"
                future: asyncio.Future[Seat] = (
                    asyncio.get_running_loop().create_future()
                )
                self._entering[key] = line, future
                self._write(claim.room, Enter(key, self._new_id(), claim))
                return await future
        except TimeoutError:
            raise StreamError("Redis does not answer") from None

    def heard(
        self,
        seat: Seat,
        line: Line,
        message: ClientMessage,
        numbers: Numbers = _UNNUMBERED,
    ) -> None:
        """Pass on what a client asks, unless it was passed on already."""
        if not self._has(seat, line):
            return
        seat.outbox.acknowledge(numbers.ack)
        hold = self._holds[seat.participant]
        match message:
            case Ping(serial):
                self._deliver(seat, Pong(serial))
            case ReportStats():
                self._stays.measure(seat, message)
            case Leave():
                self._write(seat.room.id, Part(hold.key, seat.participant))
            case _ if refusal := _in_vain(seat, message):
                code, about = refusal.code, tag_of(type(message))
                self.refuse(seat, line, code, str(refusal), about, numbers)
            case _ if self._take(hold, line, numbers.number):
                said = spoken(hold.key, seat.participant, message, numbers.number)
                self._write(seat.room.id, said)

    def refuse(
        self,
        seat: Seat,
        line: Line,
        code: ErrorCode,
        text: str,
        about: str = "",
        numbers: Numbers = _UNNUMBERED,
    ) -> None:
        """Tell a client that it isn't understood, or not listened to."""
        self.observers.refused(code)
        if not self._has(seat, line):
            return
        hold = self._holds[seat.participant]
        if not numbers.number:
            self._deliver(seat, Failed(code, text, about))
        elif self._take(hold, line, numbers.number):
            denied = Deny(hold.key, seat.participant, numbers.number, code, text, about)
            self._write(seat.room.id, denied)

    def end(self, room: RoomId) -> None:
        """Close a room for everyone in it, for good."""
        self._write(room, End(deserted=False))

    def change(self, before: RoomRecord, after: RoomRecord) -> None:
        """Change what differs between the two, be somebody in the room or not."""
        self._write(before.id, Change(before, after))

    async def look(self, room: RoomId) -> None:
        """Follow a room that others follow; may raise ``StreamError``."""
        await self.open(room, known=True)

    async def prepare(self, room: RoomId) -> None:
        """Follow a room, so that it can be changed or ended here."""
        await self.open(room)

    async def settle(self) -> None:
        """Return once everything asked for until now has been done."""
        await self._streams.flush()

    def _take(self, hold: Hold, line: Line, number: int) -> bool:
        """Whether to pass on what has this number."""
        if self._streams.full:
            line.close(CloseCode.SLOW)
            return False
        if number and number <= hold.taken:
            return False
        hold.taken = number or hold.taken
        return True

    def _has(self, seat: Seat, line: Line) -> bool:
        return super()._has(seat, line) and seat.participant in self._holds

    def _part(self, seat: Seat) -> None:
        hold = self._holds[seat.participant]
        self._write(seat.room.id, Part(hold.key, seat.participant))
        seat.lose_line(self._clock.monotonic())

    def _cut(self, seat: Seat, code: int, ago: float = 0.0) -> None:
        """What is said to them waits from now on; that they are gone, others hear."""
        seat.lose_line(self._clock.monotonic())
        hold = self._holds.get(seat.participant)
        if hold is not None and hold.key:
            self._write(seat.room.id, Cut(hold.key, seat.participant, code))

    def _expire(self, now: float) -> None:
        for room, who in self.rooms.overdue(now):
            hold = self._holds[who]
            if now - hold.expiring >= ASK_AGAIN:
                hold.expiring = now
                self._write(room.id, Expire(who, hold.since))
        for deserted in self.rooms.fade(now):
            if deserted in self._replicas:
                self._write(deserted, End(deserted=True))

    # -- what is read

    def apply(self, room: RoomId, entries: Sequence[Read]) -> None:
        """Do what stands in a room's stream."""
        replica = self._replicas.get(room)
        if replica is None:
            return
        self._remember(replica, entries)
        self._apply_all(room, entries)

    def _apply_all(self, room: RoomId, entries: Sequence[Read]) -> None:
        replica = self._replicas[room]
        for id, entry in entries:
            replica.last = self._entry = id
            if replica.is_new(entry.node, entry.serial):
                said = entry.command
                if type(said) is not Relay or not self._pass_on(said):
                    self._apply_one(room, replica, entry)
                elif entry.node == self.node:
                    self._keep(room, replica, said)
            if entry.node == self.node:
                self._streams.came_back(entry.serial)

    def _keep(self, room: RoomId, replica: Replica, said: Command) -> None:
        """Save a room now and then: what came long before may go from its stream."""
        replica.unsaved += size(said)
        if replica.count % SNAPSHOT == 0 or replica.unsaved >= SNAPSHOT_SIZE:
            replica.unsaved = 0
            self.save(room, *self.snapshot(room))

    def _pass_on(self, said: Relay) -> bool:
        """Do the short way what nearly all entries ask; False if it isn't so simple."""
        seat, receiver = self._seats.get(said.who), self._seats.get(said.to)
        if seat is None or receiver is None or seat is receiver:
            return False
        members = seat.room.members
        if said.who not in members or said.to not in members:
            return False
        if self._holds[said.who].key != said.key or len(said.body) > SHORT:
            return False
        if said.number:
            if said.number <= seat.heard:
                return True
            seat.heard = said.number
        seat.arrived()
        if receiver.here:
            message = said.signaled()
            text = TO_CLIENT.encode(message)
            timed = self._traffic.relayed(len(text)) and seat.here
            received = seat.line.heard_at if timed and seat.line else 0.0
            self._put(receiver, message, text, received)
        return True

    def _apply_one(self, room: RoomId, replica: Replica, entry: Entry) -> None:
        mine = entry.node == self.node and self._streams.awaits(entry.serial)
        self._clock_of_entries.at(self._entry)
        self._journal_of_origin.open = mine
        self.observers.muted = not mine
        try:
            self._do(room, replica, entry, mine=mine)
        except Exception:
            log.exception("= a command failed: %s", type(entry.command).__name__)
        finally:
            self._clock_of_entries.at(None)
            self._journal_of_origin.open = True
            self.observers.muted = False
        if mine:
            self._keep(room, replica, entry.command)

    def _do(self, room: RoomId, replica: Replica, entry: Entry, *, mine: bool) -> None:
        match entry.command:
            case Relay() | Say() as said:
                self._said(said)
            case Enter() as enter:
                self._entered(enter, replica, entry.node, mine=mine)
            case Deny(key, who, number, code, text, about):
                if (seat := self._speaker(key, who, number)) and seat.here:
                    self._deliver(seat, Failed(ErrorCode(code), text, about))
            case Cut(key, who, code):
                if (seat := self._speaker(key, who)) is not None:
                    self._lose(seat, code)
            case Part(key, who):
                if (seat := self._speaker(key, who)) is not None:
                    line = seat.line
                    self._leave(seat, LeaveReason.LEFT)
                    if line is not None:
                        line.close(CloseCode.NORMAL)
            case Expire(who, since):
                self._expired(ParticipantId(who), since)
            case Lost(node):
                for each in self._people(room):
                    hold = self._holds[each]
                    if hold.node == node and hold.key:
                        # Their grace began when the process was last heard of.
                        self._lose(self._seats[each], CloseCode.INTERNAL, SILENT)
            case Change(before, after):
                super().change(before, after)
            case End(deserted):
                found = self.rooms.find(room)
                if not (deserted and found) and not self.rooms.has_ended(room):
                    self._end(room)

    def _entered(
        self, enter: Enter, replica: Replica, node: str, *, mine: bool
    ) -> None:
        line, future = self._entering.pop(enter.key, (ELSEWHERE, None))
        self._given = enter.you
        ticket = enter.claim.ticket
        before = self._seats.get(ticket.participant) if ticket else None
        moved = mine and before is not None and not before.here
        try:
            seat = self._seat(line, enter.claim, here=mine)
        except Refused as refusal:
            if future is not None and not future.done():
                future.set_exception(refusal)
            return
        hold = Hold(node, enter.key, taken=seat.heard)
        self._holds[seat.participant] = hold
        if moved:
            missed = replica.missed(seat.participant, self._clock.unix())
            self._dispatch([Delivery(seat.participant, each) for each in missed])
        if future is None:
            return
        if future.done():  # they didn't wait
            self._cut(seat, _ABNORMAL)
        else:
            future.set_result(seat)

    def _said(self, said: Relay | Say) -> None:
        seat = self._speaker(said.key, said.who, said.number)
        if seat is not None:
            seat.arrived()
            self._ask(seat, said.message(), said.number)

    def _speaker(self, key: str, who: str, number: int = 0) -> Seat | None:
        """Return whose seat it is, if that connection has it and it is news."""
        seat = self._seats.get(ParticipantId(who))
        if seat is None or self._holds[seat.participant].key != key:
            return None
        if number:
            if number <= seat.heard:
                return None
            seat.heard = number
        return seat

    def _lose(self, seat: Seat, code: int, ago: float = 0.0) -> None:
        """A connection is gone; whatever still comes in its name isn't heard."""
        hold = self._holds[seat.participant]
        hold.key, hold.since = "", self._entry
        line = seat.line
        super()._cut(seat, code, ago)
        if line is not None:
            line.close(CloseCode.INTERNAL)

    def _expired(self, who: ParticipantId, since: str) -> None:
        hold = self._holds.get(who)
        if hold is None or hold.key or hold.since != since:
            return
        self._leave(self._seats[who], LeaveReason.LOST)

    def _vacate(self, departure: Departure) -> Seat:
        seat = super()._vacate(departure)
        self._holds.pop(departure.who, None)
        return seat


def _in_vain(seat: Seat, message: ClientMessage) -> Refused | None:
    """Return why something needn't be written: nobody would hear it, at no process.

    Whoever may hear it, their own process knows as soon as the one who speaks.
    """
    members = seat.room.members
    if isinstance(message, Hello):  # it has a token, which is nobody else's business
        return Refused(ErrorCode.BAD_MESSAGE, "not expected now")
    if seat.participant not in members:
        return Refused(ErrorCode.FORBIDDEN)  # before the door nothing is heard
    if isinstance(message, Signal):
        if message.to not in members or message.to == seat.participant:
            return Refused(ErrorCode.NO_SUCH_PEER)
    return None
