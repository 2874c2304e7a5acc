"""Whether what somebody sends can be opened, and is new, at all.

Keys that change cost no frame; so who sends nothing but frames that can't be opened,
for some seconds, has other keys or isn't honest. Browsers repeat a frame now and then,
beside new ones; who sends only what was there before isn't honest either. A picture
stands still then, and that wants words.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from client_py.core.slot import Slot
from client_py.core.state import Cause

LOOKS: Final = 3  # without a frame that can be shown; as many to forget it
_LEAST: Final = 3  # refused frames of one look: fewer are parts of what was lost
# Where nothing is sent any more, browsers try the way out with frames of before.
_REPEATS: Final = 5


@dataclass(frozen=True, slots=True)
class Came:
    """What became of the frames that came in a slot, since the connection began.

    Those that are ``repeated`` came twice, or far too late.
    """

    slot: Slot
    opened: int
    refused: int
    repeated: int = 0

    @property
    def total(self) -> int:
        """All that came by to be opened."""
        return self.opened + self.refused + self.repeated


class Doubt:
    """Looks at the totals of one link, once a second."""

    def __init__(self) -> None:
        self._before: dict[Slot, Came] = {}
        self._unreadable = {slot: _Suspicion() for slot in Slot}
        self._repeated = {slot: _Suspicion() for slot in Slot}

    def look(self, totals: Iterable[Came]) -> Cause:
        """Take the totals of now; tell what is wrong with a slot, if anything is."""
        for now in totals:
            self._judge(now, self._before.get(now.slot, Came(now.slot, 0, 0)))
            self._before[now.slot] = now
        if any(each.held for each in self._unreadable.values()):
            return Cause.UNREADABLE
        if any(each.held for each in self._repeated.values()):
            return Cause.REPEATED
        return Cause.NONE

    def _judge(self, now: Came, before: Came) -> None:
        if (
            now.opened < before.opened
            or now.refused < before.refused
            or now.repeated < before.repeated
        ):
            before = Came(now.slot, 0, 0)  # the totals of another connection
        slot, opened = now.slot, now.opened - before.opened
        refused = now.refused - before.refused
        repeated = now.repeated - before.repeated
        self._unreadable[slot].take(
            opened, bad=not opened and refused >= _LEAST, good=not refused
        )
        # Repeated frames beside new ones are nothing to be suspicious of.
        self._repeated[slot].take(
            opened,
            bad=not opened and repeated >= _REPEATS,
            good=bool(opened) or not repeated,
        )


class _Suspicion:
    """One kind of fault in one slot: ``held`` after ``LOOKS`` that were bad."""

    def __init__(self) -> None:
        self.held = False
        self._looks = 0

    def take(self, opened: int, *, bad: bool, good: bool) -> None:
        """Take what a look found; one may be neither bad nor good."""
        if bad:
            self._looks = min(LOOKS, self._looks + 1)
        elif opened and not self.held:
            self._looks = 0
        elif good:
            self._looks = max(0, self._looks - 1)
        self.held = self._looks == LOOKS or (self.held and self._looks > 0)
