"""How a process stops without a call noticing.

Nobody new comes in; everyone is told to come back after a while, one after the
other, so that the next process doesn't meet them all at once; what waits for them
goes out first.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Final

from server.seat import Seat
from server.switchboard import Switchboard

log = logging.getLogger("tertulia.drain")

LONGEST: Final = 10.0  # seconds for all of it
FAREWELL: Final = 3.0  # of them for the last messages of the last ones
APART: Final = 0.02  # seconds between two of few
SETTLE: Final = 0.5  # seconds that the next process gets to start

_LOOK: Final = 0.05  # seconds between two looks at who is still here


class Drain:
    """Lets everyone at a switchboard go, over at most ``spread`` seconds.

    ``begin`` is called first: whoever watches has to know before anybody is gone.
    """

    def __init__(
        self, switchboard: Switchboard, spread: float, begin: Callable[[], None]
    ) -> None:
        self._switchboard = switchboard
        self._begin = begin
        self._spread = min(spread, LONGEST - FAREWELL)

    async def run(self) -> None:
        """Let everyone go; return once they are gone, or time is over."""
        board = self._switchboard
        board.draining = True
        self._begin()
        seats = board.connected()
        if not seats:
            return
        log.info("= draining %s connections", len(seats))
        apart = min(APART, self._spread / len(seats))
        whole = apart * len(seats)
        for seat in seats:
            # All come back after the last was let go, as far apart as they went.
            self._send_away(seat, round(whole + SETTLE, 2))
            await asyncio.sleep(apart)
        for _ in range(round(FAREWELL / _LOOK)):
            if not board.connected():
                return
            await asyncio.sleep(_LOOK)

    def _send_away(self, seat: Seat, retry_after: float) -> None:
        try:
            self._switchboard.send_away(seat, retry_after)
        except Exception:  # the others are to be told all the same
            log.exception("= %s was not sent away", seat.participant)
