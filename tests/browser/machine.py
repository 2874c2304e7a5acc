"""A browser that has a machine to itself, as far as anybody can tell."""

import os
import signal
from collections.abc import Callable

from playwright.sync_api import Browser, BrowserContext

from client_py.testing import Participant, Room
from client_py.testing.cast import Cast


class Machine:
    """Falls asleep, wakes up and dies, with whoever is at it."""

    def __init__(
        self, browser: Browser, room: Room, prepare: Callable[[BrowserContext], None]
    ) -> None:
        self._browser = browser
        self._cast = Cast(
            room, browser=lambda engine: browser, background=_none, prepare=prepare
        )
        self._devtools = browser.new_browser_cdp_session()
        self._asleep: list[int] = []

    def tab(self, name: str) -> Participant:
        """Put somebody into the room."""
        return self._cast.tab(name)

    def sleep(self) -> None:
        """Stop all that runs; no connection is closed."""
        self._asleep = self._processes()
        self._signal(self._asleep, signal.SIGSTOP)

    def wake(self) -> None:
        """Go on. Idempotent."""
        asleep, self._asleep = self._asleep, []
        self._signal(asleep, signal.SIGCONT)

    def kill(self) -> None:
        """End all that runs, at once.

        Stopped first: what outlives its page by a millisecond says goodbye for it.
        """
        all_of_it = self._processes()
        self._signal(all_of_it, signal.SIGSTOP)
        self._signal(all_of_it, signal.SIGKILL)

    def close(self) -> list[str]:
        """Let it go; return what its pages complained of."""
        self.wake()
        if self._browser.is_connected():
            self._browser.close()
        return self._cast.complaints

    def _processes(self) -> list[int]:
        found = self._devtools.send("SystemInfo.getProcessInfo")["processInfo"]
        return [int(each["id"]) for each in found]

    @staticmethod
    def _signal(processes: list[int], number: signal.Signals) -> None:
        for process in processes:
            os.kill(process, number)


def _none() -> None:
    raise NotImplementedError("nobody is headless here")
