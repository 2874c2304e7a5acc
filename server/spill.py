"""A file that keeps records while the database can't take them.

Append-only, one record a line: its length and checksum (CRC-32) in hexadecimal,
then the record. What a crash cut off in the middle is recognised and dropped.
Blocking: the journal asks it in a thread. Raises ``OSError``.
"""

import fcntl
import os
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

_HEAD: Final = len("00000000 00000000 ")
_PIECE: Final = 64 * 1024  # bytes read at once
_MOST: Final = 64  # processes that share a directory


class Spill:
    """One process's file in a directory; a process that runs has its own.

    ``open`` takes the first file that no other process holds, with what is in it
    and in the files of those that run no more.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._file = -1
        self._end = 0  # of the last whole line
        self._at = 0  # what is before was read
        self.unread = 0  # lines
        self.spoiled = 0  # lines that were none, since the file was opened

    def open(self) -> None:
        """Take a file, and count what a process before left in it."""
        self._directory.mkdir(parents=True, exist_ok=True)
        self._file = self._take_file()
        for line in _lines(self._file, 0, os.fstat(self._file).st_size):
            self._end += len(line)
            self.unread += 1
        # What follows the last whole line was being written when the process ended.
        os.ftruncate(self._file, self._end)
        for path in sorted(self._directory.glob("journal-*.log")):
            self._adopt(path)

    def append(self, records: Iterable[bytes]) -> None:
        """Write records, and return when they have reached the disk.

        After a failure none of them is in the file.
        """
        lines = [_line(record) for record in records]
        text = b"".join(lines)
        try:
            self._write(text)
            os.fsync(self._file)
        except OSError:
            os.ftruncate(self._file, self._end)
            raise
        self._end += len(text)
        self.unread += len(lines)

    def read(self, most: int) -> list[bytes]:
        """Return the next records, at most so many; spoiled lines are left out."""
        records: list[bytes] = []
        for line in _lines(self._file, self._at, self._end):
            self._at += len(line)
            self.unread -= 1
            record = _record(line)
            if record is None:
                self.spoiled += 1
            else:
                records.append(record)
            if len(records) == most:
                break
        return records

    def clear(self) -> None:
        """Forget everything that was written."""
        if self._end:
            os.ftruncate(self._file, 0)
            os.fsync(self._file)
        self._end = self._at = self.unread = 0

    def close(self) -> None:
        """Let go of the file; what is in it stays. Idempotent."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, text: bytes) -> None:
        written = 0
        while written < len(text):
            written += os.pwrite(self._file, text[written:], self._end + written)

    def _adopt(self, path: Path) -> None:
        """Take over what is in a file that no process holds."""
        file = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            found = map(_record, _lines(file, 0, os.fstat(file).st_size))
            if records := [each for each in found if each is not None]:
                self.append(records)
            os.ftruncate(file, 0)
        except BlockingIOError:
            pass  # somebody holds it: another process, or this one its own
        finally:
            os.close(file)

    def _take_file(self) -> int:
        for number in range(1, _MOST + 1):
            path = self._directory / f"journal-{number}.log"
            file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(file)
                continue
            return file
        raise OSError(f"more than {_MOST} processes share the data directory")


def _lines(file: int, start: int, end: int) -> Iterator[bytes]:
    """Yield the whole lines between two places."""
    rest = b""
    while start < end:
        piece = os.pread(file, min(_PIECE, end - start), start)
        if not piece:
            return
        start += len(piece)
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line + b"\n"


def _line(record: bytes) -> bytes:
    return b"%08x %08x %s\n" % (len(record), zlib.crc32(record), record)


def _record(line: bytes) -> bytes | None:
    """Return what a line holds, or None where it isn't what was written."""
    record = line[_HEAD:-1]
    return record if line == _line(record) else None
