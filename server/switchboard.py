"""Joins the pure rooms to the live sockets.

Every participant has a *seat*: their place in a room, and the outbox that outlives
a cut. A seat has a *line* while a socket stands. Everything here runs to its end
without waiting, so each call sees and leaves a consistent state.

For one grace after the start, participants of the process before come back under
the ids that they had, and what is said to them meanwhile waits for them.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from protocol.codec import tag_of
from protocol.codes import (
    MAX_MESSAGE,
    SILENCE,
    CloseCode,
    ErrorCode,
    LeaveReason,
)
from protocol.messages import (
    ClientMessage,
    Failed,
    GoingAway,
    Hello,
    Joined,
    Leave,
    ParticipantId,
    Ping,
    Pong,
    Resumed,
    RoomId,
    ServerMessage,
    Signal,
    Signaled,
)
from protocol.numbering import ROOM as ROOM_FOR_NUMBERS
from protocol.numbering import Numbers
from server.awaited import Awaited
from server.clock import Clock
from server.errors import Refused
from server.journal import Journal
from server.room import Delivery
from server.rooms import Admission, Departure, Entry, Rooms
from server.seat import Line, Seat
from server.store import Participation
from server.ticket import Tickets
from server.tokens import Pass
from server.wire import TO_CLIENT

log = logging.getLogger("tertulia.switchboard")

_GONE: Final = (CloseCode.NORMAL, CloseCode.GOING_AWAY)
_UNNUMBERED: Final = Numbers()


class Switchboard:
    """Every seat of this process."""

    def __init__(
        self, rooms: Rooms, journal: Journal, clock: Clock, tickets: Tickets
    ) -> None:
        self.rooms = rooms
        self.draining = False  # no new sockets: this process stops
        self._journal = journal
        self._clock = clock
        self._tickets = tickets
        self._seats: dict[ParticipantId, Seat] = {}
        self._awaited = Awaited(tickets.process, clock.monotonic())

    @property
    def seats(self) -> int:
        """How many participants there are, the ones cut off included."""
        return len(self._seats)

    def admit(self, line: Line, hello: Hello, granted: Pass) -> Seat:
        """Give a seat to whoever says hello, or raise ``Refused``."""
        entry = Entry(granted.subject, hello.name, hello.media, granted.name)
        if not hello.resume:
            return self._sit(line, hello, granted, entry)
        ticket = self._tickets.read(hello.resume, self._clock.unix())
        if ticket is None or not ticket.is_of(granted.room, granted.subject):
            raise Refused(ErrorCode.RESUME_DENIED)
        seat = self._seats.get(ticket.participant)
        if seat is not None:
            return self._resume(seat, line, hello, entry)
        if self._awaited.admits(ticket, self._clock.monotonic()):
            you = ticket.participant
            seat = self._sit(line, hello, granted, entry, you=you)
            self._hand_over(seat)
            return seat
        return self._sit(line, hello, granted, entry)

    def _sit(
        self,
        line: Line,
        hello: Hello,
        granted: Pass,
        entry: Entry,
        you: ParticipantId | None = None,
    ) -> Seat:
        """Give a new seat; ``you`` to one who had it in the process before."""
        admission = self.rooms.join(granted.room, entry, you)
        seat = Seat(admission.you, admission.room)
        self._seats[admission.you] = seat
        ticket = self._ticket(seat, entry, hello.resume if you else "")
        self._answer(seat, line, admission, ticket, resumed=you is not None)
        self._journal.came(
            Participation(
                id=seat.participant,
                room=granted.room,
                subject=granted.subject,
                agent=hello.agent,
                joined_at=self._clock.unix(),
            )
        )
        log.info("= %s %s", seat.participant, "returned" if you else "joined")
        return seat

    def heard(
        self,
        seat: Seat,
        line: Line,
        message: ClientMessage,
        numbers: Numbers = _UNNUMBERED,
    ) -> None:
        """Do what a client asks, unless it was done already."""
        if not self._holds(seat, line):
            return  # the last words of a connection that lost its seat
        if not _is_new(seat, numbers):
            return
        match message:
            case Ping(serial):
                self._deliver(seat, Pong(serial))
            case Leave():
                self._leave(seat, LeaveReason.LEFT)
                line.close(CloseCode.NORMAL)
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
        if self._holds(seat, line) and _is_new(seat, numbers):
            self._deliver(seat, Failed(code, text, about))

    def hung_up(self, seat: Seat, line: Line, code: int) -> None:
        """The socket is gone, closed with ``code`` or cut."""
        if not self._holds(seat, line):
            return
        if code in _GONE:
            self._leave(seat, LeaveReason.LEFT)
        else:
            self._cut(seat, code)

    def end(self, room: RoomId) -> None:
        """Close a room for everyone in it."""
        for departure in self.rooms.end(room, self._clock.monotonic()):
            self._dispatch(departure.deliveries)
            line = self._vacate(departure).line
            if line is not None:
                line.close(CloseCode.REFUSED)

    def connected(self) -> list[Seat]:
        """Return the seats of those who are not cut off."""
        return [seat for seat in self._seats.values() if seat.line is not None]

    def send_away(self, seat: Seat, retry_after: float) -> None:
        """Ask a participant to come back after so many seconds, and hang up."""
        if seat.line is not None:
            self._deliver(seat, GoingAway(retry_after))
        if seat.line is not None:  # unless that was one message too many
            seat.line.close(CloseCode.DRAINING)

    def tick(self) -> None:
        """Let go of who is silent, and of whose grace is over."""
        now = self._clock.monotonic()
        for seat in self._seats.values():
            if seat.line is not None and now - seat.line.heard_at >= SILENCE:
                seat.line.close(CloseCode.SILENT)
        self._awaited.tick(now)
        for departure in self.rooms.expire(now):
            self._vacate(departure)
            self._dispatch(departure.deliveries)

    # -- seats

    def _holds(self, seat: Seat, line: Line) -> bool:
        return seat.line is line and self._seats.get(seat.participant) is seat

    def _cut(self, seat: Seat, code: int) -> None:
        seat.line = None
        log.info("= %s cut off, %s", seat.participant, code)
        if seat.participant in seat.room.members:  # the room may have ended
            now = self._clock.monotonic()
            self._dispatch(self.rooms.cut(seat.room, seat.participant, now))

    def _resume(self, seat: Seat, line: Line, hello: Hello, entry: Entry) -> Seat:
        """Bring a participant back to their seat, which one holds already."""
        same = hello.epoch == seat.epoch
        if not seat.admits(hello.resume) or (
            same and hello.last_seq > seat.outbox.last
        ):
            raise Refused(ErrorCode.RESUME_DENIED)
        admission = self.rooms.resume(seat.room.id, seat.participant, entry)
        before, seat.line = seat.line, None
        if before is not None:
            before.close(CloseCode.ELSEWHERE)
        ticket = self._ticket(seat, entry, hello.resume)
        if same and seat.outbox.rewind(hello.last_seq):
            self._go_on(seat, line, admission, ticket)
        else:
            self._answer(seat, line, admission, ticket, resumed=True)
        log.info("= %s resumed", seat.participant)
        return seat

    def _ticket(self, seat: Seat, entry: Entry, used: str) -> str:
        now = self._clock.unix()
        ticket = self._tickets.give(seat.participant, seat.room.id, entry.subject, now)
        seat.give(ticket, used)
        return ticket

    def _go_on(self, seat: Seat, line: Line, admission: Admission, ticket: str) -> None:
        """Connect a line: what was missed follows, and nothing else."""
        mine, others = admission.deliveries[0], admission.deliveries[1:]
        assert isinstance(mine.message, Joined)
        resumed = Resumed(ticket, mine.message.ice_servers, seat.heard)
        seat.outbox.put_first(TO_CLIENT.encode(resumed))
        seat.line = line
        line.ring()
        self._dispatch(others)

    def _answer(
        self,
        seat: Seat,
        line: Line,
        admission: Admission,
        ticket: str,
        *,
        resumed: bool,
    ) -> None:
        """Connect a line: everything there is to know, then what happens."""
        mine, others = admission.deliveries[0], admission.deliveries[1:]
        assert isinstance(mine.message, Joined)
        seat.outbox.restart()
        joined = replace(
            mine.message,
            resume=ticket,
            resumed=resumed,
            epoch=seat.epoch,
            last_seq=seat.outbox.last,
            heard=seat.heard,
        )
        seat.line = line
        self._dispatch([Delivery(seat.participant, joined), *others])

    def _hand_over(self, seat: Seat) -> None:
        """Hand over what others said before this participant was back."""
        waiting = self._awaited.collect(seat.room.id, seat.participant)
        self._dispatch([Delivery(seat.participant, each) for each in waiting])

    def _leave(self, seat: Seat, reason: LeaveReason) -> None:
        departure = self.rooms.leave(seat.room, seat.participant, reason)
        self._vacate(departure)
        self._dispatch(departure.deliveries)

    def _vacate(self, departure: Departure) -> Seat:
        seat = self._seats.pop(departure.who)
        self._journal.went(departure.who, self._clock.unix(), departure.reason)
        log.info("= %s gone, %s", departure.who, departure.reason)
        return seat

    # -- messages

    def _ask(self, seat: Seat, message: ClientMessage, number: int) -> None:
        relayed = isinstance(message, Signal)
        try:
            deliveries = seat.room.handle(seat.participant, message, self._clock.unix())
            if relayed and number:
                deliveries = [_numbered(each, number) for each in deliveries]
            self._dispatch(deliveries, relayed=relayed)
        except Refused as refusal:
            absent = refusal.code is ErrorCode.NO_SUCH_PEER
            if absent and isinstance(message, Signal):
                if self._keep(seat, message, number):
                    return
            about = tag_of(type(message))
            self._deliver(seat, Failed(refusal.code, str(refusal), about))

    def _keep(self, seat: Seat, signal: Signal, number: int) -> bool:
        now = self._clock.monotonic()
        return self._awaited.keep(seat.room.id, seat.participant, signal, number, now)

    def _deliver(self, seat: Seat, message: ServerMessage) -> None:
        self._dispatch([Delivery(seat.participant, message)])

    def _dispatch(
        self, deliveries: Sequence[Delivery], *, relayed: bool = False
    ) -> None:
        """Put each message, encoded once, into the outboxes it is for."""
        last, text = None, ""
        for to, message in deliveries:
            if message is not last:
                last, text = message, TO_CLIENT.encode(message)
                if relayed and len(text) > MAX_MESSAGE - ROOM_FOR_NUMBERS:
                    # Numbers may grow when they are written anew.
                    raise Refused(ErrorCode.TOO_LARGE)
            self._put(self._seats[to], message, text)

    def _put(self, seat: Seat, message: ServerMessage, text: str) -> None:
        line = seat.line
        fits = seat.outbox.put(message, text, cut=line is None)
        if line is None:
            return
        if fits:
            line.ring()
        else:
            line.close(CloseCode.SLOW)
            self._cut(seat, CloseCode.SLOW)


def _numbered(delivery: Delivery, number: int) -> Delivery:
    """Let a relayed signal carry the number that its sender gave it."""
    assert isinstance(delivery.message, Signaled)
    return Delivery(delivery.to, replace(delivery.message, n=number))


def _is_new(seat: Seat, numbers: Numbers) -> bool:
    """Take note of a message's numbers; say whether it was not heard before."""
    seat.arrived()
    number, ack = numbers
    seat.outbox.acknowledge(ack)
    if not number:
        return True
    new = number > seat.heard
    seat.heard = max(seat.heard, number)
    return new
