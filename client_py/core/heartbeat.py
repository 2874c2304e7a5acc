"""Notices a socket that is open but dead: a ping, and a deadline for its pong."""

import asyncio
from collections.abc import Callable

from protocol.codes import HEARTBEAT, HEARTBEAT_DEADLINE


class Heartbeat:
    """Pings every ``interval`` seconds; calls ``lost`` once when none comes back.

    A clock that jumped ahead, as after sleep, is noticed at the next beat: the
    ping goes out at once, and the deadline counts from there.
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
        self._serial = 0

    def pong(self, serial: int) -> None:
        """The server answered this ping."""
        if serial == self._serial:
            self._answered.set()

    async def run(self) -> None:
        """Beat until nobody answers, or until cancelled."""
        while True:
            await asyncio.sleep(self._interval)
            self._serial += 1
            self._answered.clear()
            self._ping(self._serial)
            try:
                async with asyncio.timeout(self._deadline):
                    await self._answered.wait()
            except TimeoutError:
                break
        self._lost()
