"""The file that records wait in."""

import errno
import os
import resource
from collections.abc import Iterator
from pathlib import Path

import pytest

from server.spill import Spill

RECORDS = [b'["came", 1]', b"", "¿qué?".encode(), b"x" * 200_000]


@pytest.fixture
def spill(tmp_path: Path) -> Iterator[Spill]:
    spill = Spill(tmp_path / "deep")
    spill.open()
    yield spill
    spill.close()


def reopened(directory: Path) -> list[bytes]:
    """Return what a process after would find."""
    spill = Spill(directory)
    spill.open()
    found = spill.read(1000)
    spill.close()
    return found


def journal(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "journal-1.log"


def test_records_are_read_in_their_order(spill):
    spill.append(RECORDS[:2])
    spill.append(RECORDS[2:])
    assert spill.unread == 4
    assert spill.read(3) == RECORDS[:3]
    assert spill.read(3) == RECORDS[3:]
    assert (spill.read(3), spill.unread, spill.spoiled) == ([], 0, 0)


def test_records_outlive_the_process(spill, tmp_path):
    spill.append(RECORDS)
    spill.read(2)
    spill.close()
    assert reopened(tmp_path / "deep") == RECORDS


def test_a_cleared_file_is_empty_and_can_be_written_again(spill, tmp_path):
    spill.append(RECORDS)
    spill.read(2)
    spill.clear()
    assert (spill.unread, spill.read(9)) == (0, [])
    spill.append([b"new"])
    spill.close()
    assert reopened(tmp_path / "deep") == [b"new"]


@pytest.mark.parametrize("cut", range(1, 31))
def test_a_torn_last_line_is_dropped_wherever_it_was_torn(spill, tmp_path, cut):
    spill.append([b"whole", b"torn in two"])
    spill.close()
    text = journal(tmp_path).read_bytes()
    journal(tmp_path).write_bytes(text[:-cut])
    torn = Spill(tmp_path / "deep")
    torn.open()
    torn.append([b"after"])
    torn.close()
    assert reopened(tmp_path / "deep") == [b"whole", b"after"]


def test_a_spoiled_line_costs_itself_alone(spill, tmp_path):
    spill.append([b"one", b"two", b"three"])
    path = journal(tmp_path)
    path.write_bytes(path.read_bytes().replace(b"two", b"tw0"))
    assert spill.read(9) == [b"one", b"three"]
    assert (spill.spoiled, spill.unread) == (1, 0)


def test_two_processes_have_two_files(spill, tmp_path):
    other = Spill(tmp_path / "deep")
    other.open()
    spill.append([b"mine"])
    other.append([b"theirs"])
    assert (spill.read(9), other.read(9)) == ([b"mine"], [b"theirs"])
    other.close()


def test_what_processes_left_that_run_no_more_is_taken_over(spill, tmp_path):
    second, third = Spill(tmp_path / "deep"), Spill(tmp_path / "deep")
    second.open()
    third.open()
    spill.append([b"one"])
    second.append([b"still running"])
    third.append([b"three", b"four"])
    spill.close()
    third.close()
    assert reopened(tmp_path / "deep") == [b"one", b"three", b"four"]
    assert reopened(tmp_path / "deep") == [b"one", b"three", b"four"]
    assert second.read(9) == [b"still running"]
    second.close()


def test_the_file_is_for_its_owner_alone(spill, tmp_path):
    assert journal(tmp_path).stat().st_mode & 0o777 == 0o600


def test_what_does_not_fit_leaves_no_trace(spill, tmp_path):
    """A limit of the process stands for the disk: the kernel writes a part of it."""
    spill.append([b"fits"])
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, hard))
    try:
        with pytest.raises(OSError) as full:
            spill.append([b"small", b"x" * 8192])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert full.value.errno in (errno.EFBIG, errno.ENOSPC)
    spill.append([b"later"])
    assert spill.read(9) == [b"fits", b"later"]
    spill.close()
    assert reopened(tmp_path / "deep") == [b"fits", b"later"]


def test_a_place_that_can_not_be_written_is_an_error():
    with pytest.raises(OSError):
        Spill(Path(os.devnull) / "below").open()
