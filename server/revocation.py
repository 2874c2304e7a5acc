"""The sessions that were ended before their time."""

from typing import Final

MOST: Final = 100_000


class Revocations:
    """Remembers an ended session for as long as its token would have lived.

    In memory: it ends with the process, unless others tell the next one. When there
    are too many, the one that was ended first is forgotten.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._until: dict[str, float] = {}

    def add(self, token_id: str, until: float, now: float) -> None:
        """End the session of this id, which dies by itself at ``until``."""
        while self._until:
            first = next(iter(self._until))
            if len(self._until) < self._most and self._until[first] > now:
                break
            del self._until[first]
        self._until[token_id] = until

    def __contains__(self, token_id: str) -> bool:
        return token_id in self._until
