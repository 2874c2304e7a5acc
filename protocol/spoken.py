"""What people of an encrypted room tell each other, sealed: no server reads it.

Where nothing is encrypted the server carries the same as ``chat``, ``react``,
``set-media`` and ``set-hand``.
"""

from dataclasses import dataclass
from typing import Annotated

from protocol.codec import Limit, message
from protocol.codes import MAX_CHAT, MAX_PARTICIPANTS
from protocol.media import MediaState
from protocol.names import Id, Label, ParticipantId

MAX_LINES = 32  # in one message


@dataclass(frozen=True, slots=True)
class Line:
    """A line of chat; ``id`` is unique among its author's, ``at`` is Unix time."""

    id: Id
    text: Annotated[str, Limit(MAX_CHAT)]
    at: float


@message("showing")
class Showing:
    """Tells what I send, and whether my hand is raised, from now on."""

    media: MediaState
    hand: bool = False


@message("written")
class Written:
    """Lines that I wrote; ``earlier`` ones were there before you were."""

    lines: Annotated[tuple[Line, ...], Limit(MAX_LINES)]
    earlier: bool = False


@message("received")
class Received:
    """Confirms lines by their ids. Those that are not confirmed come again."""

    ids: Annotated[tuple[Id, ...], Limit(MAX_LINES)]


@message("feeling")
class Feeling:
    """Shows an emoji on my tile for a moment."""

    emoji: Annotated[str, Limit(16)]


@dataclass(frozen=True, slots=True)
class Seen:
    """Somebody, and their identity key in base64; ``""`` while it isn't proved."""

    id: ParticipantId
    key: Label


@message("seeing")
class Seeing:
    """Tells whom I see in the room, myself among them.

    ``number`` rises whenever that changes; ``heard`` is the other end's last one.
    """

    people: Annotated[tuple[Seen, ...], Limit(MAX_PARTICIPANTS)]
    number: int
    heard: int = 0


Word = Showing | Written | Received | Feeling | Seeing
