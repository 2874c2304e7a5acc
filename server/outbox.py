"""What waits to be sent to one participant: bounded, and it outlives a cut.

*State* (who is in the room, what they show) is always told whole by ``joined``, so
it need not survive a cut. *Events* (signals, chat, reactions) must. *Answers* belong
to the connection they were given on.
"""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from protocol.messages import (
    Chatted,
    ParticipantChanged,
    ParticipantId,
    Reacted,
    ServerMessage,
    Signaled,
)

MESSAGES: Final = 256
CHARACTERS: Final = 1024 * 1024

_EVENTS = (Signaled, Chatted, Reacted)


@dataclass(slots=True)
class Letter:
    """One encoded message; ``about`` whom, if only the latest such counts."""

    text: str
    event: bool
    about: ParticipantId | None = None
    received: float = 0.0  # monotonic; of the few whose way is timed


class Outbox:
    """A queue that drops nothing silently: what it can't keep makes it ``lost``.

    A lost outbox keeps nothing; its owner has to learn everything anew.
    """

    def __init__(self) -> None:
        self._letters: deque[Letter] = deque()
        self._size = 0
        self._changed: dict[ParticipantId, Letter] = {}
        self.lost = False

    def __len__(self) -> int:
        return len(self._letters)

    def put(
        self,
        message: ServerMessage,
        text: str,
        *,
        cut: bool = False,
        received: float = 0.0,
    ) -> bool:
        """Append a message; return False if the reader is too slow for it.

        After False only events are left, and whoever reads has to start over. In
        a ``cut`` only events are kept in the first place.
        """
        event = isinstance(message, _EVENTS)
        if self.lost or (cut and not event):
            return not self.lost
        about = None
        if isinstance(message, ParticipantChanged):
            about = message.participant.id
            if waiting := self._changed.get(about):
                self._size += len(text) - len(waiting.text)
                waiting.text = text
                return True
        if self._fits(text):
            self._append(Letter(text, event, about, received))
            return True
        self.keep_events()
        if event and self._fits(text):
            self._append(Letter(text, event))
        elif event:
            self._forget()
            self.lost = True
        return False

    def first(self) -> Letter | None:
        """Return what to send next, which then doesn't change any more."""
        if not self._letters:
            return None
        letter = self._letters[0]
        if letter.about is not None:
            self._changed.pop(letter.about, None)
            letter.about = None
        return letter

    def sent(self, letter: Letter) -> None:
        """Remove the first letter, once it is on its way."""
        if self._letters and self._letters[0] is letter:
            self._letters.popleft()
            self._size -= len(letter.text)

    def keep_events(self) -> None:
        """Forget what the next ``joined`` tells anyway."""
        events = [letter for letter in self._letters if letter.event]
        self._forget()
        self.extend(events)

    def extend(self, letters: Iterable[Letter]) -> None:
        """Append what was kept from before a cut."""
        for letter in letters:
            self._append(letter)

    def __iter__(self) -> Iterator[Letter]:
        return iter(self._letters)

    def _append(self, letter: Letter) -> None:
        self._letters.append(letter)
        self._size += len(letter.text)
        if letter.about is not None:
            self._changed[letter.about] = letter

    def _forget(self) -> None:
        self._letters.clear()
        self._changed.clear()
        self._size = 0

    def _fits(self, text: str) -> bool:
        return len(self._letters) < MESSAGES and self._size + len(text) <= CHARACTERS
