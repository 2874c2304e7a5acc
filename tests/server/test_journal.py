"""The journal: nothing lost, nothing twice, nothing out of order; nobody waits."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from store_contract import RECORD, ROOM, link, stay

from server import record
from server.errors import StoreError
from server.journal import Journal
from server.spill import Spill

PATIENCE = 5.0  # seconds; only a failing test waits so long


class FakeStore:
    """Takes notes while it is there; tells of every try."""

    def __init__(self, *, there: bool = True) -> None:
        self.there = there
        self.written: list[tuple[object, ...]] = []
        self.tried = asyncio.Semaphore(0)
        self.let_through = asyncio.Event()
        self.let_through.set()

    async def tries(self, count: int = 1) -> None:
        """Wait until it was asked so often."""
        for _ in range(count):
            await asyncio.wait_for(self.tried.acquire(), PATIENCE)

    async def came(self, *participations):
        await self._write(*(("came", each) for each in participations))

    async def returned(self, participation):
        await self._write(("returned", participation))

    async def went(self, participation, at, reason):
        await self._write(("went", participation, at, reason))

    async def change_room(self, room):
        await self._write(("change", room))

    async def end_room(self, room, at, hosts):
        await self._write(("end", room, at, hosts))

    async def reached(self, participation, connection):
        await self._write(("reached", participation, connection))

    async def measured(self, measured):
        await self._write(("measured", measured))

    async def _write(self, *what):
        self.tried.release()
        await self.let_through.wait()
        if not self.there:
            raise StoreError("away")
        self.written += what


class CountingFile(Spill):
    """Knows how many records ever went into it."""

    kept = 0

    def append(self, records):
        super().append(records)
        self.kept += len(records)


class FullDisk(Spill):
    """A disk that takes nothing until there is room again."""

    full = True

    def append(self, records):
        if self.full:
            raise OSError(28, "No space left on device")
        super().append(records)


@contextlib.asynccontextmanager
async def running(journal: Journal) -> AsyncIterator[None]:
    """Let a journal work, and end it as the server does."""
    await journal.recover()
    task = asyncio.create_task(journal.run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await journal.close()


async def written(journal: Journal) -> None:
    await asyncio.wait_for(journal.flush(), PATIENCE)


async def until(happened) -> None:
    """Let others run until something is so; the test's own time limit ends it."""
    while not happened():  # noqa: ASYNC110 (what is looked at tells nobody)
        await asyncio.sleep(0)


def came(*numbers: int) -> list[tuple[object, ...]]:
    return [("came", stay(number)) for number in numbers]


def say_everything(journal: Journal) -> list[tuple[object, ...]]:
    """Put one of each into a journal; return what the store has to hear."""
    locked = replace(RECORD, locked=True, banned=("bo", "¿eva?"))
    journal.came(stay(1))
    journal.returned(stay(2))
    journal.reached("p1", "relay")
    journal.change(locked)
    journal.measured(link(1))
    journal.went("p1", 1060.5, "lost")
    journal.end(ROOM, 1070.5, ("ana",))
    return [
        ("came", stay(1)),
        ("returned", stay(2)),
        ("reached", "p1", "relay"),
        ("change", locked),
        ("measured", link(1)),
        ("went", "p1", 1060.5, "lost"),
        ("end", ROOM, 1070.5, ("ana",)),
    ]


@pytest.mark.parametrize(
    "entry",
    [
        record.Came(stay(1)),
        record.Returned(stay(1)),
        record.Went("p1", 1.5, "left"),
        record.Changed(replace(RECORD, banned=("a", "\u202e"))),
        record.Ended(ROOM, 2.5),
        record.Reached("p1", "direct"),
        record.Measured(link(1)),
    ],
)
def test_a_record_is_the_same_after_it_was_in_a_file(entry):
    line = record.to_bytes(entry)
    assert b"\n" not in line
    assert record.from_bytes(line) == entry


@pytest.mark.parametrize(
    "line", [b"", b"{}", b'["gone", {}]', b'["went", {}]', b"\xff"]
)
def test_a_line_that_is_no_record_is_an_error(line):
    with pytest.raises(ValueError):
        record.from_bytes(line)


@pytest.mark.parametrize("with_file", [True, False])
async def test_everything_is_written_in_its_order(tmp_path, with_file):
    store = FakeStore()
    journal = Journal(store, 0, Spill(tmp_path) if with_file else None)
    async with running(journal):
        expected = say_everything(journal)
        await written(journal)
        assert store.written == expected
        assert (journal.depth, journal.healthy) == (0, True)


@pytest.mark.parametrize("with_file", [True, False])
async def test_an_outage_loses_nothing_and_keeps_the_order(tmp_path, with_file):
    store = FakeStore()
    journal = Journal(store, 0, Spill(tmp_path) if with_file else None)
    async with running(journal):
        journal.came(stay(1))
        await written(journal)
        store.there = False
        expected = came(1) + say_everything(journal)
        await store.tries(5)
        assert (journal.depth, journal.healthy) == (7, False)
        journal.came(stay(7))
        store.there = True
        await written(journal)
        assert store.written == [*expected, *came(7)]
        assert (journal.depth, journal.healthy) == (0, True)


async def test_those_who_come_wait_for_others_and_are_written_at_once():
    store = FakeStore()
    journal = Journal(store, 0, company=PATIENCE)
    async with running(journal):
        for number in range(3):
            journal.came(stay(number))
            await asyncio.sleep(0)
        await asyncio.wait_for(written(journal), PATIENCE / 2)
        assert store.written == came(0, 1, 2)
        await store.tries(1)
        assert store.tried.locked()  # it was asked once


async def test_nothing_but_who_comes_waits_for_company():
    store = FakeStore()
    journal = Journal(store, 0, company=PATIENCE)
    async with running(journal):
        journal.came(stay(1))
        journal.went("p1", 1060.5, "removed")
        await asyncio.wait_for(store.tries(2), PATIENCE / 2)


async def test_so_many_come_that_none_waits():
    store = FakeStore()
    journal = Journal(store, 0, company=PATIENCE)
    async with running(journal):
        for number in range(record.TOGETHER):
            journal.came(stay(number))
        await asyncio.wait_for(store.tries(1), PATIENCE / 2)


async def test_outages_in_the_middle_of_catching_up_change_nothing(tmp_path):
    store = FakeStore(there=False)
    journal = Journal(store, 0, Spill(tmp_path))
    async with running(journal):
        for number in range(1200):
            journal.came(stay(number))
        await store.tries(3)
        for done in range(100, 1200, 100):
            store.there = True
            await until(lambda done=done: len(store.written) >= done)
            store.there = False
            journal.came(stay(1200 + done))
            await store.tries(2)
        store.there = True
        await written(journal)
    numbers = [*range(1200), *(1200 + done for done in range(100, 1200, 100))]
    assert store.written == came(*numbers)


async def test_what_waits_for_the_store_is_on_the_disk(tmp_path):
    store = FakeStore(there=False)
    file = Spill(tmp_path)
    journal = Journal(store, 0, file)
    async with running(journal):
        expected = say_everything(journal)
        await until(lambda: file.unread == 7)
        # The power goes: nobody closes anything. Another process reads the file.
        text = (tmp_path / "journal-1.log").read_bytes()
    after = tmp_path / "after"
    after.mkdir()
    (after / "journal-1.log").write_bytes(text)
    store = FakeStore()
    async with running(Journal(store, 0, Spill(after))):
        assert store.written == expected
    assert (after / "journal-1.log").read_bytes() == b""


async def test_a_process_that_ends_in_an_outage_leaves_it_to_the_next(tmp_path):
    store = FakeStore(there=False)
    journal = Journal(store, 0, Spill(tmp_path))
    async with running(journal):
        journal.came(stay(1))
        await store.tries(2)
        journal.came(stay(2))
    store = FakeStore()
    async with running(Journal(store, 0, Spill(tmp_path))):
        # Before anybody comes in, and maybe twice: that changes nothing in a store.
        assert list(dict.fromkeys(store.written)) == came(1, 2)
    store = FakeStore()
    async with running(Journal(store, 0, Spill(tmp_path))):
        assert store.written == []


async def test_a_store_that_fails_at_the_start_costs_nothing(tmp_path):
    store = FakeStore(there=False)
    journal = Journal(store, 0, Spill(tmp_path))
    async with running(journal):
        expected = say_everything(journal)
        await store.tries(2)
    journal = Journal(store, 0, Spill(tmp_path))
    with pytest.raises(StoreError):
        await journal.recover()
    await journal.close()
    store = FakeStore()
    async with running(Journal(store, 0, Spill(tmp_path))):
        assert list(dict.fromkeys(store.written)) == expected


async def test_what_comes_too_fast_goes_through_the_file(tmp_path):
    store = FakeStore()
    file = CountingFile(tmp_path)
    journal = Journal(store, 0, file, length=10)
    store.let_through.clear()
    async with running(journal):
        for number in range(40):
            journal.came(stay(number))
            await until(lambda n=number: journal.depth == n + 1 and n - file.kept < 5)
        assert journal.healthy
        store.let_through.set()
        await written(journal)
    # The one that was on its way when the rest went into the file comes again.
    assert list(dict.fromkeys(store.written)) == came(*range(40))


async def test_what_the_store_takes_long_for_is_on_the_disk_meanwhile(tmp_path):
    store = FakeStore()
    file = CountingFile(tmp_path)
    journal = Journal(store, 0, file, patience=0)
    store.let_through.clear()
    async with running(journal):
        expected = say_everything(journal)
        await until(lambda: file.kept == 7)
        assert (store.written, journal.healthy) == ([], True)
        store.let_through.set()
        await written(journal)
        # The one that was on its way comes again, and that changes nothing.
        assert list(dict.fromkeys(store.written)) == expected
        assert file.unread == 0


async def test_a_store_that_answers_in_time_needs_no_file(tmp_path):
    file = CountingFile(tmp_path)
    journal = Journal(FakeStore(), 0, file, patience=PATIENCE)
    async with running(journal):
        say_everything(journal)
        await written(journal)
        assert file.kept == 0


async def test_a_full_disk_loses_nothing_while_memory_has_room(tmp_path, caplog):
    store = FakeStore(there=False)
    file = FullDisk(tmp_path)
    journal = Journal(store, 0, file)
    async with running(journal):
        journal.came(stay(1))
        await store.tries(3)
        await until(lambda: "the disk takes no records: No space left" in caplog.text)
        journal.came(stay(2))
        await store.tries(3)
        store.there = True
        await written(journal)
        assert store.written == came(1, 2)
        store.there = False
        journal.came(stay(3))
        await store.tries(3)
        file.full = False
        await until(lambda: file.unread)
        store.there = True
        await written(journal)
        assert store.written == came(1, 2, 3)
    assert caplog.text.count("takes no records") <= 2  # once for each outage


async def test_with_disk_and_memory_full_nobody_waits_and_it_says_so(tmp_path, caplog):
    store = FakeStore(there=False)
    journal = Journal(store, 0, FullDisk(tmp_path), length=3)
    async with running(journal):
        for number in range(5):
            journal.came(stay(number))
        assert (journal.depth, journal.healthy) == (3, False)
        store.there = True
        await written(journal)
        journal.came(stay(9))
        await written(journal)
        assert store.written == came(0, 1, 2, 9)
        assert journal.healthy
    assert "= the journal is full: records are lost from now on" in caplog.messages
    assert "= 2 records were lost" in caplog.messages


async def test_a_record_nobody_can_read_is_left_out_and_told(tmp_path, caplog):
    file = Spill(tmp_path)
    file.open()
    file.append([b"no record", record.to_bytes(record.Came(stay(1)))])
    file.close()
    store = FakeStore()
    async with running(Journal(store, 0, Spill(tmp_path))):
        assert store.written == came(1)
    assert "can't be read, and is left out" in caplog.text


async def test_a_fault_of_ours_is_seen_and_costs_no_record(tmp_path, caplog):
    store = FakeStore()

    async def fail(participation):
        raise ValueError("a fault")

    store.came = fail
    journal = Journal(store, 0, Spill(tmp_path))
    async with running(journal):
        journal.came(stay(1))
        await until(lambda: not journal.healthy)
    assert "the journal failed" in caplog.text
    store = FakeStore()
    async with running(Journal(store, 0, Spill(tmp_path))):
        assert store.written == came(1)


async def test_a_record_that_no_process_can_write_keeps_none_from_starting(
    tmp_path, caplog
):
    file = Spill(tmp_path)
    file.open()
    file.append([record.to_bytes(record.Came(stay(number))) for number in (1, 2)])
    file.close()
    store = FakeStore()
    write = store.came

    async def fail_once(participation):
        store.came = write
        raise ValueError("a fault")

    store.came = fail_once
    async with running(Journal(store, 0, Spill(tmp_path))):
        assert store.written == came(2)
    assert "can't be written, and is left out" in caplog.text


async def test_without_a_place_for_its_file_memory_has_to_do(caplog):
    store = FakeStore()
    async with running(Journal(store, 0, Spill(Path("/dev/null/below")))) as _:
        assert "no file for the journal, memory alone" in caplog.text


async def test_no_log_line_tells_who_somebody_is(tmp_path, caplog):
    caplog.set_level(logging.DEBUG)
    store = FakeStore(there=False)
    journal = Journal(store, 0, Spill(tmp_path))
    async with running(journal):
        say_everything(journal)
        await store.tries(3)
        store.there = True
        await written(journal)
    assert "eva" not in caplog.text
    assert "ana" not in caplog.text
