"""Who has which place, and how they come to it, or back to it.

Sans-I/O: what others have to hear of it is returned, to be dispatched.

For one grace after the start, participants of the process before come back under
the ids that they had, and what is said to them meanwhile waits for them.
"""

from collections.abc import Sequence
from enum import Enum
from typing import NamedTuple

from protocol.codes import CloseCode, ErrorCode, Role
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
from server.ticket import Ticket, Tickets
from server.tokens import Pass
from server.wire import TO_CLIENT


class How(Enum):
    """How somebody came to their seat."""

    WAITS = "waits"  # before the door
    JOINED = "joined"
    RETURNED = "returned"  # from the process before
    RESUMED = "resumed"


class Seated(NamedTuple):
    """Somebody has a seat, with a line; the deliveries are still to be made."""

    seat: Seat
    how: How
    deliveries: Sequence[Delivery]


class Seating:
    """Every seat of this process."""

    def __init__(self, rooms: Rooms, tickets: Tickets, clock: Clock) -> None:
        self.seats: dict[ParticipantId, Seat] = {}
        self._rooms = rooms
        self._tickets = tickets
        self._clock = clock
        self._awaited = Awaited(tickets.process, clock.monotonic())

    def admit(
        self, line: Line, hello: Hello, granted: Pass, record: RoomRecord | None
    ) -> Seated:
        """Give a seat to whoever says hello, or raise ``Refused``."""
        entry = _entry(hello, granted)
        if not hello.resume:
            return self._sit(line, hello, granted.room, entry, record, None)
        ticket = self._tickets.read(hello.resume, self._clock.unix())
        if ticket is None or not ticket.is_of(granted.room, granted.subject):
            raise Refused(ErrorCode.RESUME_DENIED)
        seat = self.seats.get(ticket.participant)
        if seat is not None:
            return self._resume(seat, line, hello, entry)
        if self._awaited.bars(ticket):
            raise Refused(ErrorCode.REMOVED)
        back = self._awaited.admits(ticket, self._clock.monotonic())
        before = ticket if back else None
        return self._sit(line, hello, granted.room, entry, record, before)

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

    def bar(self, participants: frozenset[str]) -> None:
        """Let none of these come back by a ticket of the process before."""
        self._awaited.bar(participants)

    def tick(self) -> None:
        """Stop waiting for people of the process before, once it was long enough."""
        self._awaited.tick(self._clock.monotonic())

    def _sit(
        self,
        line: Line,
        hello: Hello,
        room: RoomId,
        entry: Entry,
        record: RoomRecord | None,
        before: Ticket | None,
    ) -> Seated:
        """Give a new seat; ``before`` shows that they had it in the process before."""
        you = before.participant if before else None
        admission = self._rooms.join(room, entry, record, you)
        seat = Seat(admission.you, admission.room, hello.agent, line=line)
        self.seats[admission.you] = seat
        if admission.you in admission.room.waiting:
            return Seated(seat, How.WAITS, admission.deliveries)
        # The stay goes on: it began when the process before said so.
        seat.joined_at = (before and before.joined_at) or self._clock.unix()
        ticket = self._ticket(seat, entry.subject, hello.resume if you else "")
        told = self._begun(seat, admission.deliveries, ticket, resumed=you is not None)
        if you is None:
            return Seated(seat, How.JOINED, told)
        missed = self._awaited.collect(room, you)
        told += [Delivery(you, each) for each in missed]
        return Seated(seat, How.RETURNED, told)

    def _resume(self, seat: Seat, line: Line, hello: Hello, entry: Entry) -> Seated:
        """Bring a participant back to their seat, which one holds already."""
        same = hello.epoch == seat.epoch
        if not seat.admits(hello.resume) or (
            same and hello.last_seq > seat.outbox.last
        ):
            raise Refused(ErrorCode.RESUME_DENIED)
        admission = self._rooms.resume(seat.room.id, seat.participant, entry)
        before, seat.line = seat.line, line
        if before is not None:
            before.close(CloseCode.ELSEWHERE)
        ticket = self._ticket(seat, entry.subject, hello.resume)
        if not (same and seat.outbox.rewind(hello.last_seq)):
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
        now = self._clock.unix()
        ticket = self._tickets.give(
            seat.participant, seat.room.id, subject, now, joined_at=seat.joined_at
        )
        seat.give(ticket, used)
        return ticket

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
