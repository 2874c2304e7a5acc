"""What waits to be sent to one participant, and what was sent but may be lost.

A letter gets its number when it is taken to be sent: until then a newer state of
the same participant may replace it. What was sent is kept until the participant
says that it came. Both are bounded, together.
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from protocol.messages import (
    GoingAway,
    Joined,
    LinksChanged,
    ParticipantChanged,
    ParticipantId,
    Pong,
    Resumed,
    ServerMessage,
)

MESSAGES: Final = 256
CHARACTERS: Final = 1024 * 1024

#: Answers that belong to the connection they were given on: not numbered, not kept.
_PASSING = frozenset({Joined, Resumed, Pong, GoingAway})


_State = tuple[type[Any], ParticipantId]

#: What tells a state: whose, by the kind of message.
_STATES: Final[Mapping[type[Any], Callable[[Any], ParticipantId]]] = {
    ParticipantChanged: lambda message: message.participant.id,
    LinksChanged: lambda message: message.from_,
}


@dataclass(slots=True)
class Letter:
    """One encoded message; ``about`` what, if only the latest such counts."""

    text: str
    counts: bool
    about: _State | None = None
    seq: int = 0  # none before it is sent, none ever if it doesn't count
    received: float = 0.0  # monotonic; of the few whose way is timed


class Outbox:
    """A numbered queue that drops nothing silently.

    What it can't keep makes it ``lost``: then it keeps nothing, and its reader has
    to learn everything anew. ``last`` is the last number that was given.
    """

    def __init__(self) -> None:
        self._waiting: deque[Letter] = deque()
        self._sent: deque[Letter] = deque()  # numbered, in order, without a gap
        self._changed: dict[_State, Letter] = {}
        self._size = 0  # characters that wait
        self._kept = 0  # characters that were sent
        self.last = 0
        self.lost = False

    def __len__(self) -> int:
        return len(self._waiting)

    def put(
        self,
        message: ServerMessage,
        text: str,
        *,
        cut: bool = False,
        received: float = 0.0,
    ) -> bool:
        """Append a message; return False if the reader is too slow for it.

        In a ``cut`` what belongs to the connection alone is dropped.
        """
        counts = type(message) not in _PASSING
        if self.lost or (cut and not counts):
            return not self.lost
        about = None
        if whose := _STATES.get(type(message)):
            about = type(message), whose(message)
            if waiting := self._changed.get(about):
                self._size += len(text) - len(waiting.text)
                waiting.text = text
                return True
        if not self._fits(text):
            self._forget()
            self.lost = True
            return False
        letter = Letter(text, counts, about, received=received)
        self._waiting.append(letter)
        self._size += len(text)
        if about is not None:
            self._changed[about] = letter
        self._trim()
        return True

    def put_first(self, text: str) -> None:
        """Let this go before everything else; it doesn't count."""
        self._waiting.appendleft(Letter(text, counts=False))
        self._size += len(text)

    def take(self) -> Letter | None:
        """Return what to send next; from now on it counts as sent."""
        if not self._waiting:
            return None
        letter = self._waiting.popleft()
        self._size -= len(letter.text)
        if letter.about is not None and self._changed.get(letter.about) is letter:
            del self._changed[letter.about]
        if letter.counts:
            if not letter.seq:
                self.last += 1
                letter.seq = self.last
            self._sent.append(letter)
            self._kept += len(letter.text)
        return letter

    def acknowledge(self, seq: int) -> None:
        """Everything up to this number came: it need not be kept any more."""
        while self._sent and self._sent[0].seq <= seq:
            self._drop()

    def rewind(self, seq: int) -> bool:
        """Let everything after this number wait again, in order.

        Return False, and change nothing, where some of it is gone.
        """
        first = self._first_kept()
        if self.lost or not first - 1 <= seq <= self.last:
            return False
        self.acknowledge(seq)
        again = list(self._sent)
        later = [
            letter
            for letter in self._waiting
            if letter.counts and not 0 < letter.seq <= seq
        ]
        self._sent.clear()
        self._kept = 0
        self._waiting = deque([*again, *later])
        self._size = sum(len(letter.text) for letter in self._waiting)
        return True

    def restart(self) -> None:
        """Forget everything; the numbers go on."""
        self._forget()
        self.lost = False

    def _first_kept(self) -> int:
        """Return the number of the first letter that is still here."""
        if self._sent:
            return self._sent[0].seq
        numbered = (letter.seq for letter in self._waiting if letter.seq)
        return next(numbered, self.last + 1)

    def _drop(self) -> None:
        self._kept -= len(self._sent.popleft().text)

    def _trim(self) -> None:
        """What waits is worth more than what came, most likely, already."""
        while self._sent and (
            len(self._waiting) + len(self._sent) > MESSAGES
            or self._size + self._kept > CHARACTERS
        ):
            self._drop()

    def _forget(self) -> None:
        self._waiting.clear()
        self._sent.clear()
        self._changed.clear()
        self._size = self._kept = 0

    def _fits(self, text: str) -> bool:
        return len(self._waiting) < MESSAGES and self._size + len(text) <= CHARACTERS
