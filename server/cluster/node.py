"""One process of a cluster: reads the streams, keeps its lease, looks after others'.

Each process has a name of its own for every start, so that nobody takes the next
one for the one before.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Sequence
from contextlib import suppress
from typing import Any, Final

import msgspec

from protocol.messages import ParticipantId, RoomId
from server.cluster.leases import LIFE, RENEWAL, SILENT, Census, Leases
from server.cluster.ledger import Ended, EndedSessions, SharedAttempts
from server.cluster.streams import Streams
from server.cluster.switchboard import SharedSwitchboard
from server.errors import StreamError
from server.identifier import identifier
from server.rooms import Rooms

log = logging.getLogger("tertulia.cluster")

PROLONG: Final = 60.0  # seconds


class Node:
    """Has the ``switchboard``; ``begin``, ``run`` in a task, ``stop``, ``close``.

    ``rooms`` and the other ``parts`` are what a ``Switchboard`` is made of.
    """

    def __init__(self, url: str, rooms: Rooms, *parts: Any) -> None:
        name = identifier(9)
        self._streams = Streams(url, name)
        self._leases = Leases(self._streams.redis, name)
        self.switchboard = SharedSwitchboard(
            rooms, *parts, node=name, streams=self._streams
        )
        self.guesses = SharedAttempts(self._streams.redis)
        self.ended: Callable[[str, float], None] = lambda session, until: None
        self._ended = EndedSessions(self._streams.redis)
        self._noted: set[RoomId] = set()
        self._over = False
        self._tasks: set[asyncio.Task[None]] = set()
        self.switchboard.save = self._save_soon

    @property
    def lag(self) -> float:
        """How long the last command took to come back from Redis, in seconds."""
        return self._streams.lag

    async def answers(self) -> bool:
        """Whether Redis is there."""
        return await self._streams.answers()

    async def end_session(self, session: str, until: float) -> None:
        """Let all processes know that a session was ended."""
        await self._ended.add(Ended(session, until))

    async def begin(self) -> frozenset[ParticipantId] | None:
        """Take a lease; if no other process lives, return who may still come back.

        That is who was in the rooms of the processes before. None where others live:
        they know who is in.
        """
        await self._hear_of_ended()
        census = await self._leases.renew()
        if census.living == {self.switchboard.node}:
            # To a Redis that was away the living come back within this time.
            await asyncio.sleep(SILENT - await self._leases.age())
            census = await self._leases.renew()
        if census.living != {self.switchboard.node}:
            return None
        for dead in census.dead:
            for room in await self._leases.rooms(dead):
                await self._open(room)
        return self.switchboard.people()

    async def run(self) -> None:
        """Do it all, for ever."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._streams.run())
            group.create_task(self._read())
            group.create_task(self._live())

    async def stop(self) -> None:
        """Let what was said still go out, and others know where our people are."""
        try:
            await self._streams.flush()
            await self._note()
        except StreamError:
            log.warning("= Redis is away: what was said last is lost")
        self._over = True
        self._streams.stop()

    async def close(self) -> None:
        """End the lease and hang up. Another one looks after our people."""
        with suppress(StreamError):  # then it ends by itself
            await self._leases.end()
        await self._streams.close()

    # -- reading

    async def _read(self) -> None:
        async for room, entries in self._streams.read(self.switchboard.catch_up):
            self.switchboard.apply(room, entries)

    def _save_soon(self, room: RoomId, last: str, state: bytes) -> None:
        self._soon(self._save(room, last, state))

    def _soon(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _save(self, room: RoomId, last: str, state: bytes) -> None:
        try:
            await self._streams.save(room, last, state)
        except StreamError:
            log.warning("= a snapshot wasn't kept; the next one will be")

    # -- living

    async def _live(self) -> None:
        steady, prolonged = time.monotonic(), 0.0
        while not self._over:
            try:
                census = await self._leases.renew()
                now = time.monotonic()
                # After Redis was away all leases have ended, those of the living too.
                if now - steady >= LIFE:
                    await self._look_after(census)
                await self._note()
                await self._hear_of_ended()
                self._close_idle(census.living)
                if now - prolonged >= PROLONG:
                    await self._streams.prolong()
                    prolonged = now
            except StreamError:
                steady = time.monotonic()
            except Exception:
                log.exception("= looking after others failed")
            await asyncio.sleep(RENEWAL)

    async def _look_after(self, census: Census) -> None:
        self.switchboard.give_up(census.living)
        for dead in census.dead:
            rooms = await self._leases.inherit(dead)
            if rooms is None:
                continue
            log.info("= looking after %s rooms of a process that is gone", len(rooms))
            whole = [await self._open(room) for room in rooms]
            self.switchboard.give_up(census.living)
            await self._streams.flush()
            if all(whole):
                await self._leases.bury(dead)

    async def _open(self, room: RoomId) -> bool:
        """Look after a room; False if it can't be read, which is no others' loss."""
        try:
            await self.switchboard.open(room, known=True)
        except (StreamError, msgspec.DecodeError) as error:
            log.warning("= a room of theirs can't be read: %s", error)
            return False
        return True

    def _close_idle(self, living: frozenset[str]) -> None:
        """Follow no more what others can look after.

        What was said in a room that was left is kept no longer: it was idle for
        longer than anybody is behind without noticing.
        """
        left = []
        for room in self.switchboard.idle(living):
            if self.switchboard.is_empty(room):
                left.append((room, *self.switchboard.snapshot(room)))
            self.switchboard.close(room)
        if left:
            self._soon(self._clear(left))

    async def _clear(self, left: Sequence[tuple[RoomId, str, bytes]]) -> None:
        """Keep these snapshots alone, one after the other."""
        try:
            for room, last, state in left:
                await self._streams.save(room, last, state, behind=0)
        except StreamError:
            log.warning("= what was said in rooms that were left stays for a while")

    async def _hear_of_ended(self) -> None:
        for each in await self._ended.news():
            self.ended(each.id, each.until)

    async def _note(self) -> None:
        """Let an heir know where our people are."""
        served = self.switchboard.served()
        if served != self._noted:
            await self._leases.note(served - self._noted, self._noted - served)
            self._noted = served
