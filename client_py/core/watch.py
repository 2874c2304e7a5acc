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
        self._passed: dict[Slot, int] = {}

    def look(
        self, encoded: Mapping[Slot, int], passed: Mapping[Slot, int]
    ) -> list[Slot]:
        """Take the totals of now; return the slots that sent plain frames since."""
        plain = [
            slot
            for slot, total in encoded.items()
            if total - self._encoded.get(slot, 0) >= _LEAST
            and passed.get(slot, 0) <= self._passed.get(slot, 0)
        ]
        self._encoded, self._passed = dict(encoded), dict(passed)
        return plain
