"""What goes into a room's stream: everything that changes the room.

A ``key`` names one connection. It is void from the command on that cuts the
connection, and with it whatever its process still says in its name: that is the
fence against processes that were taken for dead.
"""

from typing import Any, Final, cast

import msgspec

from protocol.messages import ClientMessage, ParticipantId, Signal, Signaled
from server.seating import Claim
from server.store import RoomRecord
from server.wire import FROM_CLIENT


class Enter(msgspec.Struct, frozen=True, tag=True):
    """Somebody said hello; ``you`` is their id if they are new."""

    key: str
    you: str
    claim: Claim


class Relay(msgspec.Struct, frozen=True, tag=True, gc=False):
    """A participant signals to another one: nearly all that is said.

    The body is JSON that one process has read and judged: no other has to.
    """

    key: str
    who: ParticipantId
    number: int
    to: ParticipantId
    generation: int
    body: bytes

    def message(self) -> Signal:
        """Return what was said, with its body unread."""
        return Signal(self.to, self.generation, self._raw)

    def signaled(self) -> Signaled:
        """Return what its receiver is told."""
        return Signaled(self.who, self.generation, self._raw, self.number)

    @property
    def _raw(self) -> dict[str, Any]:
        # The codec of the server writes it as it stands; nobody looks inside.
        return cast(dict[str, Any], msgspec.Raw(self.body))


class Say(msgspec.Struct, frozen=True, tag=True):
    """A participant says anything else."""

    key: str
    who: str
    number: int
    text: str

    def message(self) -> ClientMessage:
        """Return what was said."""
        return FROM_CLIENT.decode(self.text)


class Deny(msgspec.Struct, frozen=True, tag=True):
    """What a participant said is refused; it counts as heard."""

    key: str
    who: str
    number: int
    code: str
    text: str
    about: str


class Cut(msgspec.Struct, frozen=True, tag=True):
    """A connection is gone, its participant not yet."""

    key: str
    who: str
    code: int


class Part(msgspec.Struct, frozen=True, tag=True):
    """A participant leaves."""

    key: str
    who: str


class Expire(msgspec.Struct, frozen=True, tag=True):
    """The grace of somebody is over who is cut off since that entry."""

    who: str
    since: str


class Lost(msgspec.Struct, frozen=True, tag=True):
    """A process lives no more; its connections are cut."""

    node: str


class Change(msgspec.Struct, frozen=True, tag=True):
    """What is known of the room changes in what differs between the two."""

    before: RoomRecord
    after: RoomRecord


class End(msgspec.Struct, frozen=True, tag=True):
    """The room ends for good; ``deserted``: if nobody is in it."""

    deserted: bool


Command = Enter | Relay | Say | Deny | Cut | Part | Expire | Lost | Change | End


class Entry(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A command, whose process counts what it writes: again is not twice."""

    node: str
    serial: int
    command: Command


_decoder: Final = msgspec.msgpack.Decoder(Entry)
_encoder: Final = msgspec.msgpack.Encoder()
_json: Final = msgspec.json.Encoder()


def encode(entry: Entry) -> bytes:
    """Return the bytes of an entry."""
    return _encoder.encode(entry)


def decode(data: bytes) -> Entry:
    """Return the entry; ``msgspec.DecodeError`` if it is none."""
    return _decoder.decode(data)


def size(command: Command) -> int:
    """Return about how many bytes it is, where people choose how many."""
    match command:
        case Relay():
            return len(command.body)
        case Say():
            return len(command.text)
    return 0


def spoken(
    key: str, who: ParticipantId, message: ClientMessage, number: int
) -> Command:
    """Return the command for what a participant says."""
    if isinstance(message, Signal):
        body = _json.encode(message.body)
        return Relay(key, who, number, message.to, message.generation, body)
    return Say(key, who, number, FROM_CLIENT.encode(message))
