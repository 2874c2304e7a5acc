"""What is written down of each stay, and told to observers: came, went, how it was."""

from collections.abc import Iterable, Mapping

from protocol.codes import LeaveReason, Role
from protocol.messages import ParticipantId, ReportStats
from server.clock import Clock
from server.journal import Records
from server.observer import Observers
from server.room import Departure, Room
from server.seat import Seat
from server.seating import How
from server.statistics import Statistics
from server.store import Aftermath, Participation


class Stays:
    """Keeps the records of those who have a seat."""

    def __init__(
        self,
        seats: Mapping[ParticipantId, Seat],
        journal: Records,
        clock: Clock,
        observers: Observers,
    ) -> None:
        self._seats = seats
        self._journal = journal
        self._clock = clock
        self._observers = observers
        self._statistics = Statistics()

    def recall(self, aftermath: Aftermath) -> None:
        """Know of those who were in, of whom the process before has told."""
        self._statistics.recall(aftermath)
        for stay in aftermath.stopped:
            self._observers.recall(stay.room, ParticipantId(stay.id))

    def came(self, seat: Seat, how: How) -> None:
        """Somebody is in, for the first time or after a restart."""
        seat.host = seat.participant in seat.room.hosts()
        note = self._journal.came if how is How.JOINED else self._journal.returned
        note(
            Participation(
                id=seat.participant,
                room=seat.room.id,
                subject=seat.room.members[seat.participant].subject,
                agent=seat.agent,
                joined_at=seat.joined_at,
                host=seat.host,
            )
        )
        self._observers.joined(seat.room.id, seat.participant)

    def went(self, seat: Seat, departure: Departure) -> None:
        """Somebody who was in is gone."""
        who, room, now = departure.who, seat.room.id, self._clock.unix()
        for link in self._statistics.leave(who, room, now):
            self._journal.measured(link)
        self._journal.went(who, now, departure.reason)
        self._observers.left(room, who, departure.reason)

    def record_links(self) -> None:
        """Write down how links are until now: a call may outlive the process."""
        now = self._clock.unix()
        for who, seat in self._seats.items():
            for link in self._statistics.news(who, seat.room.id, now):
                self._journal.measured(link)

    def lost(self, stays: Iterable[Participation]) -> None:
        """Nobody came back to these stays after a restart: they ended with it."""
        for stay in stays:
            if stay.left_at is not None:
                # No longer one that may go on, should this process be killed, too.
                self._journal.returned(stay)
                self._journal.went(stay.id, stay.left_at, LeaveReason.LOST)
            who = ParticipantId(stay.id)
            for link in self._statistics.leave(who, stay.room, self._clock.unix()):
                self._journal.measured(link)
            self._observers.left(stay.room, who, LeaveReason.LOST)

    def measure(self, seat: Seat, report: ReportStats) -> None:
        """Somebody tells how their links are."""
        who, members = seat.participant, seat.room.members
        if who in members:
            for sample in report.samples:
                if sample.peer in members:
                    self._observers.measured(sample)
            if way := self._statistics.report(who, members, report.samples):
                self._journal.reached(who, way)

    def note_hosts(self, room: Room) -> None:
        """Write down who became host of a room, and who is it no longer."""
        for who, member in room.members.items():
            seat, host = self._seats[who], member.info.role is Role.HOST
            if seat.host is not host:
                seat.host = host
                self._journal.hosted(who, host)
