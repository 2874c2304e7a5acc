"""One participant's place: what outlives their connections."""

from dataclasses import dataclass, field, replace
from typing import Final, Protocol

from protocol.codes import MISSED_SILENCE, SILENCE, CloseCode
from protocol.messages import Joined, ParticipantId
from protocol.numbering import SEQ, Numbers, stamp
from server.identifier import identifier
from server.limits import Allowance
from server.outbox import Letter, Outbox
from server.room import Room

_TICKETS: Final = 4  # answers in a row that may be lost


class Line(Protocol):
    """What the switchboard needs of a connection."""

    heard_at: float

    def ring(self) -> None:
        """Something waits in the outbox."""

    def close(self, code: CloseCode) -> None:
        """Close the socket, soon; what waits in the outbox goes first."""


def new_epoch() -> str:
    """Return a name for one run of numbers."""
    return identifier(9)


@dataclass(slots=True, eq=False)
class Seat:
    """One participant's place; ``line`` is None while they are cut off."""

    participant: ParticipantId
    room: Room
    agent: str = ""
    outbox: Outbox = field(default_factory=Outbox)
    line: Line | None = None
    host: bool = False  # as it was recorded last
    joined_at: float = 0.0  # Unix seconds; 0 before the door
    ice_at: float = 0.0  # when it was last told of the ICE servers, monotonic
    epoch: str = field(default_factory=new_epoch)
    heard: int = 0  # the number of the last message of theirs that came
    tickets: list[str] = field(default_factory=list)  # nonces of the good ones, by age
    heard_at: float = 0.0  # on the line before this one, monotonic
    allowance: Allowance | None = None  # what may still be said, on any line
    away: float = 0.0  # seconds between that line and this one
    here: bool = True  # else another process has the line, and the outbox

    def is_silent(self, line: Line, now: float) -> bool:
        """Whether their connection is to be taken for dead."""
        quiet = now - line.heard_at
        return quiet >= SILENCE or (
            quiet >= MISSED_SILENCE and self.room.misses(self.participant)
        )

    def move(self, *, here: bool) -> None:
        """Let this process, or another one, tell the participant what they missed."""
        if self.here is not here:
            self.here = here
            self.outbox = Outbox()
            self.epoch = new_epoch()

    def take_line(self, line: Line, now: float) -> Line | None:
        """Be connected by this line; return the one before, if it still stands."""
        before, self.line = self.line, line
        if before is not None:
            self.heard_at = min(before.heard_at, now)
        self.away = now - self.heard_at
        return before

    def lose_line(self, now: float) -> None:
        """Be cut off."""
        if self.line is not None:
            self.heard_at = min(self.line.heard_at, now)
            self.line = None

    def admits(self, nonce: str) -> bool:
        """Whether the ticket with this nonce still opens the place."""
        return nonce in self.tickets

    def give(self, new: str, used: str = "") -> None:
        """Give a ticket. Those older than the one used are void.

        The used one stays good until the new one has surely arrived: the answer
        that carries it may be lost.
        """
        if used in self.tickets:
            del self.tickets[: self.tickets.index(used)]
        elif used:
            self.tickets = [used]  # it was given by the process before
        del self.tickets[1 : max(1, len(self.tickets) - _TICKETS + 2)]
        self.tickets.append(new)

    def arrived(self) -> None:
        """The participant speaks on the line: its answer, and ticket, arrived."""
        if len(self.tickets) > 1:
            del self.tickets[:-1]

    def begin(self, joined: Joined, ticket: str, *, resumed: bool) -> Joined:
        """Return the answer that tells everything anew, completed."""
        return replace(
            joined,
            resume=ticket,
            resumed=resumed,
            epoch=self.epoch,
            last_seq=self.outbox.last,
            heard=self.heard,
        )

    def stamped(self, letter: Letter) -> str:
        """Return the text of a letter to send now, with its numbers."""
        return stamp(letter.text, SEQ, Numbers(letter.seq, self.heard))
