"""Joins the pure rooms to the live sockets.

Every participant has a *seat*: their place in a room, and the outbox that outlives
a cut. A seat has a *line* while a socket stands. Everything here runs to its end
without waiting, so each call sees and leaves a consistent state.
"""

import logging
from collections.abc import Callable, Sequence
from typing import Final

from protocol.codec import tag_of
from protocol.codes import (
    GRACE,
    MAX_MESSAGE,
    CloseCode,
    ErrorCode,
    LeaveReason,
)
from protocol.messages import (
    ClientMessage,
    Failed,
    GoingAway,
    Hello,
    IceRenewed,
    Leave,
    Ping,
    Pong,
    ReportStats,
    RoomId,
    ServerMessage,
    Signal,
)
from protocol.numbering import ROOM as ROOM_FOR_NUMBERS, Numbers
from server.clock import Clock
from server.errors import Refused
from server.journal import Records
from server.metrics import Traffic
from server.moderation import Outcome, change
from server.observer import Observers
from server.room import Delivery, Departure
from server.rooms import Rooms
from server.seat import Line, Seat
from server.seating import Claim, How, Seating
from server.stays import Stays
from server.store import Aftermath, RoomRecord, merged
from server.ticket import Tickets
from server.tokens import Pass
from server.wire import TO_CLIENT

log = logging.getLogger("tertulia.switchboard")

RECORD: Final = 300.0  # seconds of statistics that a kill may cost

_GONE: Final = (CloseCode.NORMAL, CloseCode.GOING_AWAY)
_UNNUMBERED: Final = Numbers()


class Switchboard:
    """Every seat of this process."""

    def __init__(
        self,
        rooms: Rooms,
        journal: Records,
        clock: Clock,
        tickets: Tickets,
        observers: Observers | None = None,
        traffic: Traffic | None = None,
        written: Callable[[float], None] = lambda seconds: None,
        seating: Seating | None = None,
    ) -> None:
        self.rooms = rooms
        self.draining = False  # no new sockets: this process stops
        self.observers = observers or Observers()
        self.written = written
        self._traffic = traffic or Traffic()
        self._journal = journal
        self._clock = clock
        self._seating = seating or Seating(rooms, tickets, clock)
        self._seats = self._seating.seats
        self._recorded_at = clock.monotonic()
        self._stays = Stays(self._seats, journal, clock, self.observers)

    @property
    def seats(self) -> int:
        """How many participants this process serves, the ones cut off included."""
        return sum(seat.here for seat in self._seats.values())

    @property
    def waiting(self) -> int:
        """How many messages wait for their readers."""
        return sum(len(seat.outbox) for seat in self._seats.values())

    def admit(
        self,
        line: Line,
        hello: Hello,
        granted: Pass,
        record: RoomRecord | None = None,
    ) -> Seat:
        """Give a seat to whoever says hello, or raise ``Refused``.

        The seat may be one before the door. ``record`` is what is known of the room.
        """
        return self._seat(line, self._seating.claim(hello, granted, record))

    async def enter(
        self, line: Line, hello: Hello, granted: Pass, record: RoomRecord | None = None
    ) -> Seat:
        """Admit somebody, once everybody who serves the room agrees."""
        return self.admit(line, hello, granted, record)

    def _seat(self, line: Line, claim: Claim, *, here: bool = True) -> Seat:
        seat, how, deliveries = self._seating.admit(line, claim, here=here)
        self._dispatch(deliveries)
        if how in (How.JOINED, How.RETURNED):
            self._stays.came(seat, how)
        elif how is How.RESUMED:
            self._stays.note_hosts(seat.room)
            self.observers.resumed(seat.room.id, seat.participant)
        log.info("= %s %s", seat.participant, how.value)
        return seat

    def heard(
        self,
        seat: Seat,
        line: Line,
        message: ClientMessage,
        numbers: Numbers = _UNNUMBERED,
    ) -> None:
        """Do what a client asks, unless it was done already."""
        if not self._has(seat, line):
            return  # the last words of a connection that lost its seat
        if not _is_new(seat, numbers):
            return
        match message:
            case Ping(serial):
                self._deliver(seat, Pong(serial))
            case Leave():
                self._leave(seat, LeaveReason.LEFT)
                line.close(CloseCode.NORMAL)
            case ReportStats():
                self._stays.measure(seat, message)
            case _:
                self._ask(seat, message, numbers.number)

    def refuse(
        self,
        seat: Seat,
        line: Line,
        code: ErrorCode,
        text: str,
        about: str = "",
        numbers: Numbers = _UNNUMBERED,
    ) -> None:
        """Tell a client that it isn't understood, or not listened to.

        What is refused counts as heard: it must not be said again.
        """
        self.observers.refused(code)
        if self._has(seat, line) and _is_new(seat, numbers):
            self._deliver(seat, Failed(code, text, about))

    def hung_up(self, seat: Seat, line: Line, code: int) -> None:
        """The socket is gone, closed with ``code`` or cut."""
        if not self._has(seat, line):
            return
        if code in _GONE:
            self._part(seat)
        else:
            self._cut(seat, code)

    def recall(self, aftermath: Aftermath) -> None:
        """Go on where the process before stopped, for one grace."""
        self._seating.bar(aftermath.over)
        self.rooms.recall(aftermath, self._clock.monotonic() + GRACE)
        self._stays.recall(aftermath)

    def record_links(self) -> None:
        """Write down how links are that go on."""
        self._recorded_at = self._clock.monotonic()
        self._stays.record_links()

    def end(self, room: RoomId) -> None:
        """Close a room for everyone in it, for good."""
        self._end(room)

    async def look(self, room: RoomId) -> None:
        """Return once this process knows what others know of a room."""

    async def prepare(self, room: RoomId) -> None:
        """Return once a room can be changed or ended here."""

    async def settle(self) -> None:
        """Return once everything asked for until now has been done."""

    def _end(self, room: RoomId, hosts: tuple[str, ...] = ()) -> None:
        hosts = hosts or self.rooms.hosts(room)
        self._journal.end(room, self._clock.unix(), hosts)
        self._depart(self.rooms.end(room, self._clock.monotonic()))

    def change(self, before: RoomRecord, after: RoomRecord) -> None:
        """Change what differs between the two, be somebody in the room or not."""
        known = self.rooms.record(before.id) or before
        self._perform(change(self.rooms, merged(known, before, after)))

    def connected(self) -> list[Seat]:
        """Return the seats of those who are not cut off."""
        return [seat for seat in self._seats.values() if seat.here and seat.line]

    def send_away(self, seat: Seat, retry_after: float) -> None:
        """Ask a participant to come back after so many seconds, and hang up."""
        if self._seats.get(seat.participant) is not seat:
            return  # they left meanwhile
        if seat.line is not None:
            self._deliver(seat, GoingAway(retry_after))
        if seat.line is not None:  # unless that was one message too many
            seat.line.close(CloseCode.DRAINING)

    def tick(self) -> None:
        """Let go of who is silent, and of whose grace is over."""
        now = self._clock.monotonic()
        for seat in self._seats.values():
            if seat.line is not None and seat.is_silent(seat.line, now):
                seat.line.close(CloseCode.SILENT)
        self._seating.tick()
        self._settle(now)
        self._renew_ice(now)
        self._expire(now)
        if now - self._recorded_at >= RECORD:
            self.record_links()

    def _settle(self, now: float) -> None:
        """Give up those who didn't come back after a restart."""
        missing, deliveries = self.rooms.settle(now)
        self._stays.lost(missing)
        self._dispatch(deliveries)
        for who in {delivery.to for delivery in deliveries}:
            self._stays.note_hosts(self._seats[who].room)

    def _expire(self, now: float) -> None:
        """Let go of whose grace is over, and end what nobody came back to."""
        for departure in self.rooms.expire(now):
            left = self._vacate(departure).room
            self._dispatch(departure.deliveries)
            self._stays.note_hosts(left)
        for room in self.rooms.fade(now):
            self.end(room)

    def _renew_ice(self, now: float) -> None:
        """Give new credentials to everyone whose old ones end soon."""
        age = self.rooms.ice_renewal
        for seat in list(self._seats.values()):
            if not seat.here or seat.line is None or now - seat.ice_at < age:
                continue  # who is cut off gets them when they come back
            if seat.participant in seat.room.waiting:
                continue  # a relay is for those who are in
            seat.ice_at = now
            servers = self.rooms.ice_for(seat.room.id, seat.participant)
            if any(server.credential for server in servers):
                self._deliver(seat, IceRenewed(servers))

    # -- seats

    def _has(self, seat: Seat, line: Line) -> bool:
        return seat.line is line and self._seats.get(seat.participant) is seat

    def _cut(self, seat: Seat, code: int, ago: float = 0.0) -> None:
        now = self._clock.monotonic() - ago
        seat.lose_line(now)
        log.info("= %s cut off, %s", seat.participant, code)
        if seat.participant in seat.room.waiting:
            self._leave(seat, LeaveReason.LOST)  # nothing to come back to
        elif seat.participant in seat.room.members:  # the room may have ended
            self._dispatch(self.rooms.cut(seat.room, seat.participant, now))

    def _part(self, seat: Seat) -> None:
        """They closed the page, or left."""
        self._leave(seat, LeaveReason.LEFT)

    def _leave(self, seat: Seat, reason: LeaveReason) -> None:
        departure = self.rooms.leave(seat.room, seat.participant, reason)
        self._vacate(departure)
        self._dispatch(departure.deliveries)
        self._stays.note_hosts(seat.room)

    def _vacate(self, departure: Departure) -> Seat:
        seat = self._seats.pop(departure.who)
        if not departure.waited:
            self._stays.went(seat, departure)
        log.info("= %s gone, %s", departure.who, departure.reason)
        return seat

    def _depart(self, departures: Sequence[Departure]) -> None:
        """Let people go whom somebody else sends away."""
        for departure in departures:
            self._dispatch(departure.deliveries)
            line = self._vacate(departure).line
            if line is not None:
                line.close(CloseCode.REFUSED)

    # -- messages

    def _perform(self, outcome: Outcome) -> None:
        self._depart(outcome.departures)
        deliveries: Sequence[Delivery] = outcome.deliveries
        for who in outcome.admitted:
            deliveries = self._seating.let_in(self._seats[who], deliveries)
        self._dispatch(deliveries)
        for who in outcome.admitted:
            self._stays.came(self._seats[who], How.JOINED)
            log.info("= %s joined", who)
        if outcome.record is not None:
            self._journal.change(outcome.record)

    def _ask(self, seat: Seat, message: ClientMessage, number: int) -> None:
        try:
            if type(message) is Signal:  # nearly all that is said
                self._relay(seat, message, number)
                return
            room, now = seat.room, self._clock.unix()
            outcome = self.rooms.handle(room, seat.participant, message, now)
            self._perform(outcome)
            self._stays.note_hosts(room)
            if outcome.ended:
                self._end(room.id, outcome.ended)
        except Refused as refusal:
            absent = refusal.code is ErrorCode.NO_SUCH_PEER
            if absent and isinstance(message, Signal):
                if self._seating.keep(seat, message, number):
                    return
            self.observers.refused(refusal.code)
            about = tag_of(type(message))
            self._deliver(seat, Failed(refusal.code, str(refusal), about))

    def _relay(self, seat: Seat, signal: Signal, number: int) -> None:
        to, message = seat.room.relay(seat.participant, signal, number)
        receiver = self._seats[to]
        if not receiver.here and not seat.here:
            return  # other processes tell them, both
        text = TO_CLIENT.encode(message)
        if len(text) > MAX_MESSAGE - ROOM_FOR_NUMBERS:
            # Numbers may grow when they are written anew.
            raise Refused(ErrorCode.TOO_LARGE)
        if not receiver.here:
            return
        received = 0.0
        if self._traffic.relayed(len(text)) and seat.here and seat.line is not None:
            received = seat.line.heard_at
        self._put(receiver, message, text, received)

    def _deliver(self, seat: Seat, message: ServerMessage) -> None:
        self._dispatch([Delivery(seat.participant, message)])

    def _dispatch(self, deliveries: Sequence[Delivery]) -> None:
        """Put each message, encoded once, into the outboxes it is for."""
        last, text = None, ""
        for to, message in deliveries:
            seat = self._seats[to]
            if not seat.here:
                continue
            if message is not last:
                last, text = message, TO_CLIENT.encode(message)
            self._put(seat, message, text)

    def _put(
        self, seat: Seat, message: ServerMessage, text: str, received: float = 0.0
    ) -> None:
        line = seat.line
        fits = seat.outbox.put(message, text, cut=line is None, received=received)
        if line is None:
            return
        if fits:
            line.ring()
        else:
            line.close(CloseCode.SLOW)
            self._cut(seat, CloseCode.SLOW)


def _is_new(seat: Seat, numbers: Numbers) -> bool:
    """Take note of a message's numbers; say whether it was not heard before."""
    seat.arrived()
    number, ack = numbers
    seat.outbox.acknowledge(ack)
    if not number:
        return True
    if number <= seat.heard:
        return False
    seat.heard = number
    return True
