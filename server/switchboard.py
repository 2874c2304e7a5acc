"""Joins the pure rooms to the live sockets.

Every participant has a *seat*: their place in a room, and the outbox that outlives
a cut. A seat has a *line* while a socket stands. Everything here runs to its end
without waiting, so each call sees and leaves a consistent state.
"""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final, Protocol

from protocol.codec import tag_of
from protocol.codes import MAX_MESSAGE, SILENCE, CloseCode, ErrorCode, LeaveReason
from protocol.messages import (
    ClientMessage,
    Failed,
    Hello,
    IceRenewed,
    Leave,
    ParticipantId,
    Ping,
    Pong,
    RoomId,
    ServerMessage,
    Signal,
)
from server.clock import Clock
from server.errors import Refused
from server.ice import RENEWAL
from server.journal import Journal
from server.metrics import Traffic
from server.observer import Observers
from server.outbox import Outbox
from server.room import Delivery, Room
from server.rooms import Admission, Departure, Entry, Rooms
from server.store import Participation
from server.tokens import Pass
from server.wire import TO_CLIENT

log = logging.getLogger("tertulia.switchboard")

_GONE: Final = (CloseCode.NORMAL, CloseCode.GOING_AWAY)


class Line(Protocol):
    """What the switchboard needs of a connection."""

    heard_at: float

    def ring(self) -> None:
        """Something waits in the outbox."""

    def close(self, code: CloseCode) -> None:
        """Close the socket, soon; what waits in the outbox goes first."""


@dataclass(slots=True, eq=False)
class Seat:
    """One participant's place; ``line`` is None while they are cut off."""

    participant: ParticipantId
    room: Room
    outbox: Outbox = field(default_factory=Outbox)
    line: Line | None = None
    ice_at: float = 0.0  # when it was last told of the ICE servers, monotonic


class Switchboard:
    """Every seat of this process."""

    def __init__(
        self,
        rooms: Rooms,
        journal: Journal,
        clock: Clock,
        observers: Observers | None = None,
        traffic: Traffic | None = None,
        written: Callable[[float], None] = lambda seconds: None,
    ) -> None:
        self.rooms = rooms
        self.observers = observers or Observers()
        self.written = written
        self._traffic = traffic or Traffic()
        self._journal = journal
        self._clock = clock
        self._seats: dict[ParticipantId, Seat] = {}

    @property
    def seats(self) -> int:
        """How many participants there are, the ones cut off included."""
        return len(self._seats)

    @property
    def waiting(self) -> int:
        """How many messages wait for their readers."""
        return sum(len(seat.outbox) for seat in self._seats.values())

    def admit(self, line: Line, hello: Hello, granted: Pass) -> Seat:
        """Give a seat to whoever says hello, or raise ``Refused``."""
        entry = Entry(granted.subject, hello.name, hello.media)
        if hello.resume and (seat := self._held(granted, hello.resume)):
            admission = self.rooms.resume(granted.room, seat.participant, entry)
            self._answer(seat, line, admission)
            self.observers.resumed(granted.room, seat.participant)
            log.info("= %s resumed", seat.participant)
            return seat
        admission = self.rooms.join(granted.room, entry)
        seat = Seat(admission.you, admission.room)
        self._seats[admission.you] = seat
        self._answer(seat, line, admission)
        self._journal.came(
            Participation(
                id=seat.participant,
                room=granted.room,
                subject=granted.subject,
                agent=hello.agent,
                joined_at=self._clock.unix(),
            )
        )
        self.observers.joined(granted.room, seat.participant)
        log.info("= %s joined", seat.participant)
        return seat

    def heard(self, seat: Seat, line: Line, message: ClientMessage) -> None:
        """Do what a client asks."""
        if not self._holds(seat, line):
            return  # the last words of a connection that lost its seat
        match message:
            case Ping(number):
                self._deliver(seat, Pong(number))
            case Leave():
                self._leave(seat, LeaveReason.LEFT)
                line.close(CloseCode.NORMAL)
            case _:
                self._ask(seat, message)

    def refuse(
        self, seat: Seat, line: Line, code: ErrorCode, text: str, about: str = ""
    ) -> None:
        """Tell a client that it isn't understood, or not listened to."""
        self.observers.refused(code)
        if self._holds(seat, line):
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

    def tick(self) -> None:
        """Let go of who is silent, and of whose grace is over."""
        now = self._clock.monotonic()
        for seat in self._seats.values():
            if seat.line is not None and now - seat.line.heard_at >= SILENCE:
                seat.line.close(CloseCode.SILENT)
        self._renew_ice(now)
        for departure in self.rooms.expire(now):
            self._vacate(departure)
            self._dispatch(departure.deliveries)

    def _renew_ice(self, now: float) -> None:
        """Give new credentials to everyone whose old ones end soon."""
        for seat in list(self._seats.values()):
            if seat.line is None or now - seat.ice_at < RENEWAL:
                continue  # who is cut off gets them when they come back
            seat.ice_at = now
            servers = self.rooms.ice_for(seat.room.id, seat.participant)
            if any(server.credential for server in servers):
                self._deliver(seat, IceRenewed(servers))

    # -- seats

    def _holds(self, seat: Seat, line: Line) -> bool:
        return seat.line is line and self._seats.get(seat.participant) is seat

    def _cut(self, seat: Seat, code: int) -> None:
        seat.line = None
        seat.outbox.keep_events()
        log.info("= %s cut off, %s", seat.participant, code)
        if seat.participant in seat.room.members:  # the room may have ended
            now = self._clock.monotonic()
            self._dispatch(self.rooms.cut(seat.room, seat.participant, now))

    def _held(self, granted: Pass, secret: str) -> Seat | None:
        """Return the seat to come back to, if nothing that it missed was lost."""
        member = self.rooms.holder(granted.room, secret, granted.subject)
        if member is None:
            return None
        seat = self._seats[member.info.id]
        before, seat.line = seat.line, None
        if before is not None:
            before.close(CloseCode.ELSEWHERE)
        if seat.outbox.lost:
            self._leave(seat, LeaveReason.LOST)
            return None
        seat.outbox.keep_events()
        return seat

    def _answer(self, seat: Seat, line: Line, admission: Admission) -> None:
        """Connect a line: first what it has to know, then what it missed."""
        missed, seat.outbox = seat.outbox, Outbox()
        seat.line = line
        seat.ice_at = self._clock.monotonic()
        self._dispatch(admission.deliveries)
        seat.outbox.extend(missed)

    def _leave(self, seat: Seat, reason: LeaveReason) -> None:
        departure = self.rooms.leave(seat.room, seat.participant, reason)
        self._vacate(departure)
        self._dispatch(departure.deliveries)

    def _vacate(self, departure: Departure) -> Seat:
        seat = self._seats.pop(departure.who)
        self._journal.went(departure.who, self._clock.unix(), departure.reason)
        self.observers.left(seat.room.id, departure.who, departure.reason)
        log.info("= %s gone, %s", departure.who, departure.reason)
        return seat

    # -- messages

    def _ask(self, seat: Seat, message: ClientMessage) -> None:
        try:
            deliveries = seat.room.handle(seat.participant, message, self._clock.unix())
            self._dispatch(
                deliveries, relayed=seat if type(message) is Signal else None
            )
        except Refused as refusal:
            self.observers.refused(refusal.code)
            about = tag_of(type(message))
            self._deliver(seat, Failed(refusal.code, str(refusal), about))

    def _deliver(self, seat: Seat, message: ServerMessage) -> None:
        self._dispatch([Delivery(seat.participant, message)])

    def _dispatch(
        self, deliveries: Sequence[Delivery], *, relayed: Seat | None = None
    ) -> None:
        """Put each message, encoded once, into the outboxes it is for."""
        last, text, received = None, "", 0.0
        for to, message in deliveries:
            if message is not last:
                last, text = message, TO_CLIENT.encode(message)
                if relayed and len(text) > MAX_MESSAGE:
                    # Numbers may grow when they are written anew.
                    raise Refused(ErrorCode.TOO_LARGE)
                if relayed and self._traffic.relayed(len(text)) and relayed.line:
                    received = relayed.line.heard_at
            self._put(self._seats[to], message, text, received)

    def _put(
        self, seat: Seat, message: ServerMessage, text: str, received: float
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
