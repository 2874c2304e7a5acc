"""The write-behind queue between the calls and the database.

A call never waits for the database: it appends here, one task writes in order.
While the database is away, or slower than what comes, records go into a file and
from there, in order, into the database::

                failed, or too long, too much        failed
    DIRECT ──────────────▶ CATCHING_UP ◀─────────────────▶ AWAY
       ▲                        │          written
       └── the file is empty ───┘
"""

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from enum import Enum, auto
from functools import partial
from itertools import islice
from typing import Final, Protocol, TypeVar

from protocol.messages import RoomId
from server import record
from server.errors import StoreError
from server.record import Record
from server.store import LinkRecord, Participation, RoomRecord, Store

log = logging.getLogger("tertulia.journal")

LENGTH: Final = 20_000  # records in memory: some megabytes
RETRY: Final = 1.0  # seconds
COMPANY: Final = 0.02  # seconds for those who come to wait for others
PATIENCE: Final = 0.1  # seconds that a record may wait in memory alone
_BATCH: Final = 500  # records that go to or come from the file at once

T = TypeVar("T")


class File(Protocol):
    """What the journal needs of a ``Spill``."""

    unread: int
    spoiled: int

    def open(self) -> None: ...
    def append(self, records: Sequence[bytes], /) -> None: ...
    def read(self, most: int, /) -> list[bytes]: ...
    def clear(self) -> None: ...
    def close(self) -> None: ...


class Records(Protocol):
    """Where the switchboard writes down what happens in the rooms."""

    def came(self, participation: Participation) -> None: ...
    def returned(self, participation: Participation) -> None: ...
    def went(self, participation: str, at: float, reason: str) -> None: ...
    def reached(self, participation: str, connection: str) -> None: ...
    def hosted(self, participation: str, host: bool) -> None: ...
    def measured(self, link: LinkRecord) -> None: ...
    def change(self, room: RoomRecord) -> None: ...
    def end(self, room: RoomId, at: float, hosts: tuple[str, ...]) -> None: ...


class Flow(Enum):
    """Which way the records go."""

    DIRECT = auto()  # from memory into the database
    CATCHING_UP = auto()  # through the file, which the database empties
    AWAY = auto()  # into the file: the database doesn't answer


class Journal:
    """Hands records to the store. ``recover`` first, ``run`` in a task, then ``close``.

    Without a file everything waits in memory, and is lost with the process.
    """

    def __init__(
        self,
        store: Store,
        retry: float = RETRY,
        file: File | None = None,
        length: int = LENGTH,
        company: float = COMPANY,
        patience: float = PATIENCE,
    ) -> None:
        self._store = store
        self._retry = retry
        self._company = company
        self._patience = patience
        self._file = file
        self._length = length
        self._flow = Flow.DIRECT
        self._waiting: deque[Record] = deque()
        self._replaying: deque[bytes] = deque()  # read from the file
        self._dropped = 0  # since memory was full
        self._disk_fails = False
        self._work = asyncio.Event()  # something waits
        self._hurry = asyncio.Event()  # and for no company
        self._flowing = asyncio.Event()  # something is to go into the file
        self._idle = asyncio.Event()  # everything is written
        self._idle.set()
        # The file's one thread: never two of its methods at once.
        self._thread = ThreadPoolExecutor(1, "journal")
        self._moving = asyncio.Lock()  # held while records leave memory

    @property
    def depth(self) -> int:
        """How many records wait, in memory and in the file."""
        unread = self._file.unread if self._file else 0
        return len(self._waiting) + len(self._replaying) + unread

    @property
    def healthy(self) -> bool:
        """Whether the database takes what comes, and nothing is being lost."""
        return self._flow is not Flow.AWAY and not self._dropped

    def came(self, participation: Participation) -> None:
        """Somebody came into a room."""
        self._put(record.Came(participation))

    def returned(self, participation: Participation) -> None:
        """Somebody of the process before is back: their stay goes on."""
        self._put(record.Returned(participation))

    def went(self, participation: str, at: float, reason: str) -> None:
        """Somebody is gone from a room."""
        self._put(record.Went(participation, at, reason))

    def reached(self, participation: str, connection: str) -> None:
        """Somebody's media goes this way."""
        self._put(record.Reached(participation, connection))

    def hosted(self, participation: str, host: bool) -> None:
        """Somebody became host, or is host no longer."""
        self._put(record.Hosted(participation, host))

    def measured(self, link: LinkRecord) -> None:
        """A link is over, and this is how it was."""
        self._put(record.Measured(link))

    def change(self, room: RoomRecord) -> None:
        """A room is now like this."""
        self._put(record.Changed(room))

    def end(self, room: RoomId, at: float, hosts: tuple[str, ...] = ()) -> None:
        """A room is closed for good; ``hosts`` are those of then."""
        self._put(record.Ended(room, at, hosts))

    async def recover(self) -> None:
        """Write what a process before left in its file; raises ``StoreError``."""
        if self._file is None:
            return
        try:
            await self._in_thread(self._file.open)
            if self._file.unread:
                log.info("= %s records are left from before", self._file.unread)
            while await self._read(self._file):
                await self._replay()
            await self._in_thread(self._file.clear)
        except OSError as error:
            self._file = None
            log.error("= no file for the journal, memory alone: %s", error.strerror)

    async def run(self) -> None:
        """Write what comes, for ever."""
        try:
            async with asyncio.TaskGroup() as group:
                group.create_task(self._write())
                if self._file is not None:
                    group.create_task(self._keep(self._file))
        except* Exception:
            self._flow = Flow.AWAY  # nothing is written any more: be seen
            log.exception("= the journal failed, records wait for the next start")
            raise

    async def flush(self) -> None:
        """Wait until everything is in the store."""
        self._hurry.set()
        await self._idle.wait()

    async def close(self) -> None:
        """Put into the file what still waits. ``run`` has ended before."""
        waiting = len(self._waiting)
        if self._file is not None:
            try:
                await self._move(self._file)
            except OSError as error:
                log.error("= %s records are lost: %s", waiting, error.strerror)
            await self._in_thread(self._file.close)
        elif waiting:
            log.error("= %s records are lost: the journal has no file", waiting)
        self._thread.shutdown()

    # -- into the store

    async def _write(self) -> None:
        while True:
            await self._work.wait()
            if self._flow is Flow.DIRECT:
                await self._gather()
            try:
                await self._write_next()
            except StoreError as error:
                self._away(error)
                await asyncio.sleep(self._retry)
            except OSError as error:
                log.error("= the journal's file fails: %s", error.strerror)
                await asyncio.sleep(self._retry)

    async def _gather(self) -> None:
        """Let those who come wait for others: a hundred are hardly more than one.

        Whatever else happened is written at once, and with it who came before.
        """
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._company):
                await self._hurry.wait()

    async def _write_next(self) -> None:
        """Write a record, or note that there is none."""
        if self._flow is not Flow.DIRECT and self._file is not None:
            await self._pass_on(self._file)
            if await self._read(self._file):
                await self._replay()
                self._back()
                return
            if self._file.unread:
                return  # more came in just now, and that is older than memory
        if self._waiting:
            # Where the disk takes nothing, memory goes on beside the file.
            await self._write_from_memory()
        if self._flow is Flow.CATCHING_UP:
            await self._close_the_gap()
        if self._flow is Flow.DIRECT and not self._waiting:
            self._work.clear()
            self._hurry.clear()
            self._idle.set()

    async def _write_from_memory(self) -> None:
        written = record.together(self._waiting)
        loop = asyncio.get_running_loop()
        timer = loop.call_later(self._patience, self._go_by_the_file)
        try:
            await record.write_all(written, self._store)
        finally:
            timer.cancel()
        self._back()
        async with self._moving:
            # They may have gone into the file meanwhile: then they come again.
            for each in written:
                if self._waiting and self._waiting[0] is each:
                    self._waiting.popleft()

    async def _close_the_gap(self) -> None:
        """The file is read to its end: what comes now needs it no longer."""
        async with self._moving:
            if self._file is not None:
                if self._file.unread:
                    return
                await self._in_thread(self._file.clear)
            self._flow = Flow.DIRECT

    async def _replay(self) -> None:
        """Write the next record of the file."""
        line = self._replaying[0]
        try:
            kept = record.from_bytes(line)
        except ValueError:
            log.error("= a record in the journal's file can't be read, and is left out")
        else:
            try:
                await record.write(kept, self._store)
            except StoreError:
                raise
            except Exception:
                # A fault of ours, which would keep every next process from starting.
                log.exception("= a record can't be written, and is left out")
        self._replaying.popleft()

    def _go_by_the_file(self) -> None:
        """The database takes long: what waits for it is lost by no crash any more."""
        if self._flow is Flow.DIRECT and self._file is not None:
            self._flow = Flow.CATCHING_UP
            self._flowing.set()

    def _away(self, error: StoreError) -> None:
        if self._flow is not Flow.AWAY:
            log.warning("= the store fails, records are kept: %s", error)
        self._flow = Flow.AWAY
        self._flowing.set()

    def _back(self) -> None:
        if self._flow is Flow.AWAY:
            log.info("= the store takes records again, %s wait", self.depth)
            self._flow = Flow.CATCHING_UP

    # -- into the file

    async def _keep(self, file: File) -> None:
        """Let what comes go into the file, also while the database is waited for."""
        while True:
            await self._flowing.wait()
            self._flowing.clear()
            if not await self._pass_on(file):
                self._flowing.set()
                await asyncio.sleep(self._retry)

    async def _pass_on(self, file: File) -> bool:
        """Move what waits into the file, if that is the way; say if it could be."""
        try:
            async with self._moving:
                if self._flow is not Flow.DIRECT:
                    await self._move(file)
        except OSError as error:
            if not self._disk_fails:
                log.error("= the disk takes no records: %s", error.strerror)
            self._disk_fails = True
            return False
        self._disk_fails = False
        return True

    async def _move(self, file: File) -> None:
        while batch := list(islice(self._waiting, _BATCH)):
            lines = [record.to_bytes(each) for each in batch]
            await self._in_thread(partial(file.append, lines))
            for _ in batch:
                self._waiting.popleft()

    async def _read(self, file: File) -> bool:
        """Have records of the file at hand; say whether there are any."""
        if not self._replaying and file.unread:
            spoiled = file.spoiled
            self._replaying.extend(await self._in_thread(partial(file.read, _BATCH)))
            if file.spoiled > spoiled:
                log.error("= %s records were spoiled", file.spoiled - spoiled)
        return bool(self._replaying)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)

    def _put(self, what: Record) -> None:
        if len(self._waiting) >= self._length:
            if not self._dropped:
                log.error("= the journal is full: records are lost from now on")
            self._dropped += 1
            return
        if self._dropped:
            log.error("= %s records were lost", self._dropped)
            self._dropped = 0
        self._waiting.append(what)
        self._idle.clear()
        self._work.set()
        if type(what) is not record.Came or len(self._waiting) >= record.TOGETHER:
            self._hurry.set()
        if self._flow is Flow.DIRECT and self._file is not None:
            if len(self._waiting) >= self._length // 2:
                self._go_by_the_file()  # it has more room
            return
        self._flowing.set()
