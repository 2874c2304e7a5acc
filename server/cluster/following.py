"""The rooms that a process follows: how it comes to know them, and forgets them."""

import asyncio
import logging
from abc import abstractmethod
from collections.abc import Callable, Sequence

from protocol.codes import CloseCode, LeaveReason
from protocol.messages import ParticipantId, RoomId
from server.awaited import Awaited
from server.clock import Clock
from server.cluster.command import Command, Cut, Lost, Relay
from server.cluster.origin import EntryClock, OriginJournal
from server.cluster.replica import IDLE, Hold, Replica
from server.cluster.snapshot import decode, restore, take
from server.cluster.streams import FIRST, Past, Read, Streams, is_after
from server.journal import Records
from server.metrics import Traffic
from server.observer import Observers
from server.rooms import Rooms
from server.seating import Seating
from server.switchboard import Switchboard
from server.ticket import Tickets

log = logging.getLogger("tertulia.cluster")


class Following(Switchboard):
    """A switchboard that knows of a room what its stream tells; ``node`` is its name.

    A room is followed from the first time that somebody here wants it, until nobody
    whom this process has to look after is in it.
    """

    def __init__(
        self,
        rooms: Rooms,
        journal: Records,
        clock: Clock,
        tickets: Tickets,
        observers: Observers,
        traffic: Traffic,
        written: Callable[[float], None],
        *,
        node: str,
        streams: Streams,
    ) -> None:
        self.node = node
        self._clock_of_entries = EntryClock(clock)
        self._journal_of_origin = OriginJournal(journal)
        seating = Seating(
            rooms,
            tickets,
            self._clock_of_entries,
            lambda: self._entry,
            # Who was here before is in the streams: nobody else is awaited.
            Awaited(tickets.process, float("-inf")),
        )
        super().__init__(
            rooms,
            self._journal_of_origin,
            self._clock_of_entries,
            tickets,
            observers,
            traffic,
            written,
            seating,
        )
        self._streams = streams
        self._entry = FIRST  # that is applied just now
        self._holds: dict[ParticipantId, Hold] = {}
        self._replicas: dict[RoomId, Replica] = {}
        self._opening: dict[RoomId, asyncio.Task[bool]] = {}

    async def open(self, room: RoomId, *, known: bool = False) -> bool:
        """Follow a room, if it isn't followed; return whether it is.

        One that is only asked about (``known``) is followed if anything is known of
        it. May raise ``StreamError``.
        """
        while (replica := self._replicas.get(room)) is None:
            task = self._opening.get(room)
            if task is None:
                task = asyncio.create_task(self._open(room, known=known))
                self._opening[room] = task
                task.add_done_callback(lambda done: self._opening.pop(room, None))
            if not await asyncio.shield(task) and known:
                return False
        replica.wanted_at = self._clock.monotonic()
        return True

    async def _open(self, room: RoomId, *, known: bool) -> bool:
        past = await self._streams.past(room)
        if past is None and known:
            return False
        replica = Replica(wanted_at=self._clock.monotonic())
        self._replicas[room] = replica
        if past is not None:
            if past.state:
                whole = any(not is_after(id, past.id) for id, _ in past.entries)
                self._restore(room, replica, past, whole=whole)
            self._remember(replica, past.entries)
            self._apply_all(room, [e for e in past.entries if is_after(e[0], past.id)])
        self._streams.follow(room, replica.last)
        for who in self._people(room):
            hold = self._holds[who]
            if hold.node == self.node and hold.key:  # forgotten, and here again
                self._write(room, Cut(hold.key, who, CloseCode.INTERNAL))
        return True

    async def catch_up(self) -> None:
        """Redis was away: begin anew with the rooms of which something was missed.

        May raise ``StreamError``.
        """
        for room, replica in list(self._replicas.items()):
            if self._replicas.get(room) is not replica or replica.last == FIRST:
                continue  # it was closed while Redis was waited for, or is empty
            last, state = self.snapshot(room)
            kept = await self._streams.save(room, last, state)
            if not is_after(kept, last):
                continue  # nobody knows more than we do
            if await self._streams.contains(room, last, kept):
                continue
            if self._replicas.get(room) is replica:
                log.warning("= a part of a room was missed")
                self.close(room)
                await self.open(room)

    def _restore(
        self, room: RoomId, replica: Replica, past: Past, *, whole: bool
    ) -> None:
        snapshot = decode(past.state)
        found = restore(snapshot, self.rooms, room, self._clock.monotonic())
        self._seats.update(found.seats)
        self._holds.update(found.holds)
        replica.last, replica.count = past.id, snapshot.count
        replica.serials = dict(snapshot.serials)
        if not whole:  # what came before isn't in the stream any more
            for id, said in snapshot.recent:
                replica.remember(id, said)
        self.observers.muted = True
        for each in snapshot.members:
            self.observers.joined(room, each.info.id)
        self.observers.muted = False

    def snapshot(self, room: RoomId) -> tuple[str, bytes]:
        """Return a room that is followed as it is, after which entry."""
        replica = self._replicas[room]
        state = take(self.rooms, room, replica, self._seats, self._holds)
        return replica.last, state.encode()

    def is_empty(self, room: RoomId) -> bool:
        """Whether nobody is in a room, at any process, in which somebody was."""
        return self._replicas[room].last != FIRST and not self._people(room)

    def close(self, room: RoomId) -> None:
        """Follow a room no more, and forget it."""
        self._streams.leave(room)
        del self._replicas[room]
        self.observers.muted = True
        for who in self._people(room):
            seat = self._seats.pop(who)
            del self._holds[who]
            if seat.here and seat.line:
                seat.line.close(CloseCode.SLOW)  # they come back to all there is
            if who in seat.room.members:
                self.observers.left(room, who, LeaveReason.LEFT)
        self.observers.muted = False
        self.rooms.forget(room)

    def idle(self, living: frozenset[str]) -> list[RoomId]:
        """Return the rooms that others can look after."""
        now = self._clock.monotonic()
        # What was said while Redis is away comes back to those who follow it alone.
        unread = self._streams.unread
        idle = []
        for room, replica in self._replicas.items():
            people = [self._holds[who] for who in self._people(room)]
            if room in unread or any(
                hold.node == self.node or hold.node not in living for hold in people
            ):
                replica.wanted_at = now
            elif now - replica.wanted_at >= IDLE:
                idle.append(room)
        return idle

    def tick(self) -> None:
        """Let go of who is silent, whose grace is over, and what everybody heard."""
        super().tick()
        now = self._clock.monotonic()
        for replica in self._replicas.values():
            replica.forget_old(now)

    def people(self) -> frozenset[ParticipantId]:
        """Return everybody in the rooms that are followed."""
        return frozenset(self._seats)

    def served(self) -> set[RoomId]:
        """Return the rooms in which somebody's socket is this process's."""
        return {
            self._seats[who].room.id
            for who, hold in self._holds.items()
            if hold.node == self.node
        }

    def give_up(self, living: frozenset[str]) -> None:
        """Cut the connections of the processes that live no more."""
        lost = {
            (self._seats[who].room.id, hold.node)
            for who, hold in self._holds.items()
            if hold.key and hold.node not in living and hold.node != self.node
        }
        for room, node in lost:
            self._write(room, Lost(node))

    def _people(self, room_id: RoomId) -> list[ParticipantId]:
        room = self.rooms.find(room_id)
        return [*room.members, *room.waiting] if room else []

    def _remember(self, replica: Replica, entries: Sequence[Read]) -> None:
        """Keep the signals, for receivers whose process dies."""
        for id, entry in entries:
            said = entry.command
            if type(said) is Relay and said.number:
                replica.remember(id, said)

    def _write(self, room: RoomId, command: Command) -> None:
        self._streams.append(room, command)

    @abstractmethod
    def _apply_all(self, room: RoomId, entries: Sequence[Read]) -> None:
        """Do what stands in a room's stream."""
