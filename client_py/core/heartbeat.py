"""Notices a socket that is open but dead: a ping, and a deadline for its pong."""

import asyncio
from collections.abc import Callable

from protocol.codes import HEARTBEAT, HEARTBEAT_DEADLINE

CHECK_DEADLINE = 1.0  # seconds for the answer when there is reason to doubt


class Heartbeat:
    """Pings every ``interval`` seconds; calls ``lost`` once when none comes back.

    ``check`` lets it ping at once and wait less long for the answer, as after
    sleep.
    """

    def __init__(
        self,
        ping: Callable[[int], None],
        lost: Callable[[], None],
        interval: float = HEARTBEAT,
        deadline: float = HEARTBEAT_DEADLINE,
    ) -> None:
        self._ping = ping
        self._lost = lost
        self._interval = interval
        self._deadline = deadline
        self._answered = asyncio.Event()
        self._asked = asyncio.Event()
        self._serial = 0

    def pong(self, serial: int) -> None:
        """The server answered this ping."""
        if serial == self._serial:
            self._answered.set()

    def check(self) -> None:
        """Find out now."""
        self._asked.set()

    async def run(self) -> None:
        """Beat until nobody answers, or until cancelled."""
        while True:
            deadline = await self._pause()
            self._serial += 1
            self._answered.clear()
            self._ping(self._serial)
            try:
                async with asyncio.timeout(deadline):
                    await self._answered.wait()
            except TimeoutError:
                break
        self._lost()

    async def _pause(self) -> float:
        """Wait for the next beat; return the seconds its answer may take."""
        try:
            async with asyncio.timeout(self._interval):
                await self._asked.wait()
        except TimeoutError:
            return self._deadline
        self._asked.clear()
        return min(self._deadline, CHECK_DEADLINE)
