"""Watches that nothing leaves a connection that was not encrypted.

A browser may ignore a transform without a word, and send plain frames. Then it
encodes frames that nobody who encrypts has ever counted.
"""

from collections.abc import Mapping

from client_py.core.slot import Slot

_LEAST = 5  # frames between two looks: fewer may be on their way


class Watch:
    """Compares, look by look, what was encoded with what came by to be encrypted."""

    def __init__(self) -> None:
        self._encoded: dict[Slot, int] = {}
        self._before: dict[Slot, int] = {}

    def look(
        self,
        before: Mapping[Slot, int],
        encoded: Mapping[Slot, int],
        after: Mapping[Slot, int],
    ) -> list[Slot]:
        """Take the totals of now; return the slots that sent plain frames since.

        What came by is counted ``before`` the encoder's totals and ``after`` them. What
        was encoded since the last look came by between its first count and my second;
        counted once a look, a burst that ends would seem to be plain.
        """
        plain = [
            slot
            for slot, total in encoded.items()
            if total - self._encoded.get(slot, 0) >= _LEAST
            and after.get(slot, 0) <= self._before.get(slot, 0)
        ]
        self._encoded, self._before = dict(encoded), dict(before)
        return plain
