"""The work that passcodes take: a few at a time, and few that wait for it."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeVar

from server import passcode
from server.errors import TooMany

AT_ONCE: Final = 2  # each takes 16 MiB and a core
WAITING: Final = 40  # about a second of work
SOON: Final = 2.0  # seconds after which it is worth to try again

R = TypeVar("R")


class Hashing:
    """Hashes and compares passcodes. Raises ``TooMany`` where too much waits."""

    def __init__(self, at_once: int = AT_ONCE, waiting: int = WAITING) -> None:
        # Each thread keeps the memory that it needed once: let them be few.
        self._threads = ThreadPoolExecutor(at_once, "passcode")
        self._most = at_once + waiting
        self._here = 0

    async def hashed(self, word: str) -> str:
        """Return what is kept of a passcode."""
        return await self._do(lambda: passcode.hashed(word))

    async def matches(self, word: str, kept: str) -> bool:
        """Whether this is the passcode; without a kept one as much is done."""
        return await self._do(lambda: passcode.matches(word, kept))

    async def _do(self, work: Callable[[], R]) -> R:
        if self._here >= self._most:
            raise TooMany(SOON, 503)
        self._here += 1
        try:
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._threads, work)
        finally:
            self._here -= 1
