"""Watches that nothing leaves a connection that was not encrypted.

A browser may ignore a transform without a word, and send plain frames. Then it
encodes frames that nobody who encrypts has ever counted.
"""

from collections.abc import Mapping

from client_py.core.slot import Slot

_LEAST = 5  # frames between two looks: fewer may be on their way

Totals = Mapping[Slot, int]


class Watch:
    """Compares, look by look, what was encoded with what came by to be encrypted."""

    def __init__(self) -> None:
        self._encoded: dict[Slot, int] = {}  # when some were last seen to come by
        self._came: tuple[Totals, Totals] = {}, {}  # at the two looks before

    def look(self, encoded: Totals, came: Totals) -> list[Slot]:
        """Take the totals of now; return the slots that sent plain frames since.

        What ``came`` by is counted after the encoder's totals. What was encoded since
        the last look came by after the count of the look before that one: by the last
        look's own, a burst that had ended before it would seem to be plain. Of a slow
        picture it takes several looks until enough was encoded.
        """
        long_ago, before = self._came
        plain = []
        for slot, total in encoded.items():
            if came.get(slot, 0) > long_ago.get(slot, 0):
                self._encoded[slot] = total
            elif total - self._encoded.get(slot, 0) >= _LEAST:
                plain.append(slot)
                self._encoded[slot] = total
        self._came = before, dict(came)
        return plain
