"""Several processes behind one port: ``tertulia serve --workers N``.

They share a listening socket, so one that dies takes no connection with it that it
didn't accept. The first is let start alone: it prepares the database.
"""

import logging
import os
import select
import signal
import socket
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, NamedTuple

log = logging.getLogger("tertulia.workers")

MOST: Final = 64
PATIENCE: Final = 30.0  # seconds for one to start
HASTE: Final = 1.0  # seconds; one that dies sooner is not started again at once

Work = Callable[[list[socket.socket], Callable[[], None]], None]


class _Place(NamedTuple):
    """Which of the processes one is, and when it began."""

    number: int
    began: float


class Workers:
    """Forks processes that ``work`` over a socket, and replaces those that die.

    ``work`` gets the sockets and what it calls once it serves. Each process has one of
    its ``own``, too, if there are any, and who replaces it has the same. To be used
    before there are threads or loops.
    """

    def __init__(
        self,
        count: int,
        listener: socket.socket,
        work: Work,
        own: Sequence[socket.socket] = (),
    ) -> None:
        self._count = count
        self._listener = listener
        self._work = work
        self._own = own
        self._running: dict[int, _Place] = {}  # by the id of the process
        self._stopping = False

    def run(self, started: Callable[[], None]) -> int:
        """Serve until a signal; return the exit status. ``started``: all serve."""
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, self._stop)
        for number in range(self._count):
            if self._stopping or not self._start(number):
                break
        if len(self._running) == self._count and not self._stopping:
            started()
        elif not self._stopping:
            self._stop()
            self._wait()
            return 1
        self._wait()
        return 0

    def _wait(self) -> None:
        while self._running:
            pid, status = os.wait()
            place = self._running.pop(pid, None)
            if place is None or self._stopping:
                continue
            code = os.waitstatus_to_exitcode(status)
            log.warning("= a process ended with %s; another one begins", code)
            if time.monotonic() - place.began < HASTE:
                time.sleep(HASTE)
            if not self._stopping:
                self._start(place.number)

    def _start(self, number: int) -> bool:
        """Begin one; return whether it came so far as to serve."""
        heard, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            os.close(heard)
            self._be(number, told)
        os.close(told)
        self._running[pid] = _Place(number, time.monotonic())
        if self._stopping:  # the signal came in between
            self._stop()
        try:
            ready, _, _ = select.select([heard], [], [], PATIENCE)
            return bool(ready and os.read(heard, 1))
        finally:
            os.close(heard)

    def _be(self, number: int, told: int) -> None:
        """Be one of them, and nothing else any more."""
        for stop in (signal.SIGTERM, signal.SIGINT):
            signal.signal(stop, signal.SIG_DFL)
        status = 1
        try:
            sockets = [self._listener, *self._own[number : number + 1]]
            self._work(sockets, lambda: (os.write(told, b"."), None)[1])
            status = 0
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
            if isinstance(end.code, str):
                os.write(2, f"{end.code}\n".encode())
        finally:
            os._exit(status)

    def _stop(self, number: int = 0, frame: object = None) -> None:
        self._stopping = True
        for pid in self._running:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
