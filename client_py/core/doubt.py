"""Whether what somebody sends can be opened at all.

Keys that change cost no frame, and frames that browsers repeat are none that are
refused; so who sends nothing but frames that can't be opened, for some seconds, has
other keys or isn't honest. Their picture stands still then, and that wants words.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from client_py.core.slot import Slot

LOOKS: Final = 3  # without a frame that can be opened; as many to forget it
_LEAST = 3  # refused frames of one look: fewer are parts of what was lost


@dataclass(frozen=True, slots=True)
class Came:
    """What became of the frames that came in a slot, since the connection began.

    Frames that come twice, or far too late, are in neither number.
    """

    slot: Slot
    opened: int
    refused: int


class Doubt:
    """Looks at the totals of one link, once a second."""

    def __init__(self) -> None:
        self._before: dict[Slot, Came] = {}
        self._looks = dict.fromkeys(Slot, 0)
        self._doubted: set[Slot] = set()

    def look(self, totals: Iterable[Came]) -> bool:
        """Take the totals of now; tell whether a slot brings only what is refused."""
        for now in totals:
            self._judge(now, self._before.get(now.slot, Came(now.slot, 0, 0)))
            self._before[now.slot] = now
        return bool(self._doubted)

    def _judge(self, now: Came, before: Came) -> None:
        if now.opened < before.opened or now.refused < before.refused:
            before = Came(now.slot, 0, 0)  # the totals of another connection
        slot, opened = now.slot, now.opened - before.opened
        refused = now.refused - before.refused
        if not opened and refused >= _LEAST:
            self._looks[slot] = min(LOOKS, self._looks[slot] + 1)
        elif opened and slot not in self._doubted:
            self._looks[slot] = 0
        elif not refused:
            self._looks[slot] = max(0, self._looks[slot] - 1)
        if self._looks[slot] == LOOKS:
            self._doubted.add(slot)
        elif not self._looks[slot]:
            self._doubted.discard(slot)
