"""Who has which place, and how they come to it, or back to it.

Sans-I/O: what others have to hear of it is returned, to be dispatched.

For one grace after the start, participants of the process before come back under
the ids that they had, and what is said to them meanwhile waits for them.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import NamedTuple

from protocol.codes import GRACE, CloseCode, ErrorCode, Role
from protocol.messages import (
    Hello,
    Joined,
    LinksChanged,
    ParticipantId,
    Resumed,
    RoomId,
    Signal,
)
from server.awaited import Awaited
from server.clock import Clock
from server.errors import Refused
from server.room import Delivery, Entry
from server.rooms import Rooms
from server.seat import Line, Seat
from server.store import RoomRecord
from server.ticket import Ticket, Tickets, new_nonce
from server.tokens import Pass
from server.wire import TO_CLIENT


class How(Enum):
    """How somebody came to their seat."""

    WAITS = "waits"  # before the door
    JOINED = "joined"
    RETURNED = "returned"  # from the process before
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True)
class Claim:
    """Who says hello, as their token and their ticket prove it."""

    room: RoomId
    entry: Entry
    agent: str = ""
    record: RoomRecord | None = None  # what is known of the room
    ticket: Ticket | None = None
    epoch: str = ""
    last_seq: int = 0


class Seated(NamedTuple):
    """Somebody has a seat, with a line; the deliveries are still to be made."""

    seat: Seat
    how: How
    deliveries: Sequence[Delivery]


class Seating:
    """Every seat of this process."""

    def __init__(
        self,
        rooms: Rooms,
        tickets: Tickets,
        clock: Clock,
        nonce: Callable[[], str] = new_nonce,
        awaited: Awaited | None = None,
    ) -> None:
        self.seats: dict[ParticipantId, Seat] = {}
        self._rooms = rooms
        self._tickets = tickets
        self._clock = clock
        self._nonce = nonce
        self._awaited = awaited or Awaited(tickets.process, clock.monotonic())

    def claim(self, hello: Hello, granted: Pass, record: RoomRecord | None) -> Claim:
        """Return what a hello proves, or raise ``Refused``."""
        ticket = None
        if hello.resume:
            ticket = self._tickets.read(hello.resume, self._clock.unix())
            if ticket is None or not ticket.is_of(granted.room, granted.subject):
                raise Refused(ErrorCode.RESUME_DENIED)
            self._check_numbers(ticket, hello)
        return Claim(
            room=granted.room,
            entry=_entry(hello, granted),
            agent=hello.agent,
            record=record,
            ticket=ticket,
            epoch=hello.epoch,
            last_seq=hello.last_seq,
        )

    def _check_numbers(self, ticket: Ticket, hello: Hello) -> None:
        """Nobody heard what was never told them, where that is known.

        Only here: numbers are of one process, and where several serve a room each
        of them must come to the same end with a claim.
        """
        seat = self.seats.get(ticket.participant)
        if seat and hello.epoch == seat.epoch and hello.last_seq > seat.outbox.last:
            raise Refused(ErrorCode.RESUME_DENIED)

    def admit(self, line: Line, claim: Claim, *, here: bool = True) -> Seated:
        """Give a seat to whoever said hello, or raise ``Refused``."""
        ticket = claim.ticket
        if ticket is None:
            return self._sit(line, claim, None, here=here)
        seat = self.seats.get(ticket.participant)
        if seat is not None:
            return self._resume(seat, line, claim, ticket, here=here)
        back = self._awaited.admits(ticket, self._clock.monotonic())
        room = self._rooms.find(claim.room)
        # Whose other page was taken out meanwhile is out with all of theirs.
        back = back and not (room and claim.entry.subject in room.removed)
        return self._sit(line, claim, ticket if back else None, here=here)

    def let_in(self, seat: Seat, deliveries: Sequence[Delivery]) -> list[Delivery]:
        """Somebody waits no longer: complete what they are told of the room."""
        seat.joined_at = self._clock.unix()
        subject = seat.room.members[seat.participant].subject
        ticket = self._ticket(seat, subject)
        return self._begun(seat, deliveries, ticket, resumed=False)

    def keep(self, seat: Seat, signal: Signal, number: int) -> bool:
        """Keep a signal for one who may still come back; False if it can't be."""
        now = self._clock.monotonic()
        return self._awaited.keep(seat.room.id, seat.participant, signal, number, now)

    def bar(self, over: frozenset[str]) -> None:
        """Let none of these stays go on by a ticket of the process before."""
        self._awaited.bar(over)

    def tick(self) -> None:
        """Stop waiting for people of the process before, once it was long enough."""
        self._awaited.tick(self._clock.monotonic())

    def _sit(
        self, line: Line, claim: Claim, before: Ticket | None, *, here: bool
    ) -> Seated:
        """Give a new seat; ``before`` shows that they had it in the process before."""
        you = before.participant if before else None
        admission = self._rooms.join(claim.room, claim.entry, claim.record, you)
        seat = Seat(admission.you, admission.room, claim.agent, line=line, here=here)
        self.seats[admission.you] = seat
        if admission.you in admission.room.waiting:
            return Seated(seat, How.WAITS, admission.deliveries)
        # The stay goes on: it began when the process before said so.
        seat.joined_at = (before and before.joined_at) or self._clock.unix()
        used = before.nonce if before else ""
        ticket = self._ticket(seat, claim.entry.subject, used)
        told = self._begun(seat, admission.deliveries, ticket, resumed=you is not None)
        if you is None:
            return Seated(seat, How.JOINED, told)
        seat.away = GRACE  # at most: who tells when the process before ended?
        members = seat.room.members  # who spoke may be gone meanwhile
        missed = self._awaited.collect(claim.room, you)
        told += [Delivery(you, each) for each in missed if each.from_ in members]
        return Seated(seat, How.RETURNED, told)

    def _resume(
        self, seat: Seat, line: Line, claim: Claim, used: Ticket, *, here: bool
    ) -> Seated:
        """Bring a participant back to their seat, which one holds already."""
        if not seat.admits(used.nonce):
            raise Refused(ErrorCode.RESUME_DENIED)
        admission = self._rooms.resume(seat.room.id, seat.participant, claim.entry)
        before = seat.take_line(line, self._clock.monotonic())
        if before is not None:
            before.close(CloseCode.ELSEWHERE)
        seat.move(here=here)
        same = claim.epoch == seat.epoch
        ticket = self._ticket(seat, claim.entry.subject, used.nonce)
        if not (same and seat.outbox.rewind(claim.last_seq)):
            told = self._begun(seat, admission.deliveries, ticket, resumed=True)
            return Seated(seat, How.RESUMED, told)
        # What was missed follows, and nothing else.
        mine = admission.deliveries[0].message
        assert isinstance(mine, Joined)
        others = [
            each
            for each in admission.deliveries[1:]
            if not isinstance(each.message, LinksChanged)
        ]
        resumed = Resumed(ticket, mine.ice_servers, seat.heard)
        seat.ice_at = self._clock.monotonic()
        seat.outbox.put_first(TO_CLIENT.encode(resumed))
        line.ring()
        return Seated(seat, How.RESUMED, others)

    def _ticket(self, seat: Seat, subject: str, used: str = "") -> str:
        """Return a new ticket, for one who used that with the nonce ``used``."""
        nonce = self._nonce()
        seat.give(nonce, used)
        return self._tickets.give(
            seat.participant,
            seat.room.id,
            subject,
            self._clock.unix(),
            joined_at=seat.joined_at,
            nonce=nonce,
        )

    def _begun(
        self,
        seat: Seat,
        deliveries: Sequence[Delivery],
        ticket: str,
        *,
        resumed: bool,
    ) -> list[Delivery]:
        """Let everything be told anew; complete the ``joined`` that does."""
        seat.outbox.restart()
        seat.ice_at = self._clock.monotonic()
        return [
            Delivery(to, seat.begin(message, ticket, resumed=resumed))
            if to == seat.participant and isinstance(message, Joined)
            else Delivery(to, message)
            for to, message in deliveries
        ]


def _entry(hello: Hello, granted: Pass) -> Entry:
    """Return who asks to come in, as their token and they themselves tell."""
    host = granted.role.value == Role.HOST.value
    role = Role.HOST if host else Role.MEMBER
    return Entry(granted.subject, hello.name, hello.media, role, granted.name)
