"""Watches that nothing leaves a connection or comes out of it past the cipher.

A browser may ignore a transform without a word, and send plain frames. Then it
encodes frames that nobody who encrypts has ever counted; or it receives some, and
plays them as they came, that nobody has ever counted who opens them.
"""

from collections.abc import Mapping

from client_py.core.slot import Slot

_LEAST = 5  # frames between two looks: fewer may be on their way

Totals = Mapping[Slot, int]


class Watch:
    """Compares, look by look, the frames of one way with those that came by the cipher.

    They are those that were encoded, or those that were received.
    """

    def __init__(self) -> None:
        self._frames: dict[Slot, int] = {}  # when some were last seen to come by
        self._came: tuple[Totals, Totals] = {}, {}  # at the two looks before

    def look(self, frames: Totals, came: Totals) -> list[Slot]:
        """Take the totals of now; return the slots of which frames passed by since.

        What ``came`` by is counted after the browser's totals. What was encoded since
        the last look came by after the count of the look before that one: by the last
        look's own, a burst that had ended before it would seem to be plain. Of a slow
        picture it takes several looks until there was enough.
        """
        long_ago, before = self._came
        plain = []
        for slot, total in frames.items():
            if came.get(slot, 0) > long_ago.get(slot, 0):
                self._frames[slot] = total
            elif total - self._frames.get(slot, 0) >= _LEAST:
                plain.append(slot)
                self._frames[slot] = total
        self._came = before, dict(came)
        return plain
