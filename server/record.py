"""What is to be written into the store: plain data, so that it can wait in a file.

Writing records a second time, all in their order, changes nothing.
"""

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from itertools import islice, takewhile
from typing import Final

import msgspec

from protocol.messages import RoomId
from server.store import LinkRecord, Participation, RoomRecord, Store


@dataclass(frozen=True, slots=True)
class Came:
    """Somebody came into a room."""

    participation: Participation


@dataclass(frozen=True, slots=True)
class Returned:
    """Somebody is back after the server was started anew; their stay goes on."""

    participation: Participation


@dataclass(frozen=True, slots=True)
class Went:
    """Somebody is gone from a room."""

    participation: str
    at: float
    reason: str


@dataclass(frozen=True, slots=True)
class Changed:
    """A room is now like this."""

    room: RoomRecord


@dataclass(frozen=True, slots=True)
class Ended:
    """A room is closed for good."""

    room: RoomId
    at: float
    hosts: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reached:
    """Somebody's media goes this way, ``direct`` or ``relay``."""

    participation: str
    connection: str


@dataclass(frozen=True, slots=True)
class Hosted:
    """Somebody became host, or is host no longer."""

    participation: str
    host: bool


@dataclass(frozen=True, slots=True)
class Measured:
    """A link is over, and this is how it was."""

    link: LinkRecord


Record = Came | Returned | Went | Changed | Ended | Reached | Hosted | Measured

_KINDS: Final[dict[str, type[Record]]] = {
    kind.__name__.lower(): kind
    for kind in (Came, Returned, Went, Changed, Ended, Reached, Hosted, Measured)
}


TOGETHER: Final = 200  # records that go into the store at once, at most


def together(waiting: Iterable[Record], most: int = TOGETHER) -> list[Record]:
    """Return what goes into the store at once: the first, or all who come first.

    Many come at the same time, after a restart or to a meeting, and for a database
    a hundred of them are hardly more than one.
    """
    came = list(takewhile(lambda each: type(each) is Came, islice(waiting, most)))
    return came or list(islice(waiting, 1))


async def write_all(records: Sequence[Record], store: Store) -> None:
    """Write records that go ``together`` into the store; raises ``StoreError``."""
    came = [each.participation for each in records if type(each) is Came]
    if came:
        await store.came(*came)
    else:
        await write(records[0], store)


async def write(record: Record, store: Store) -> None:
    """Write a record into the store; raises ``StoreError``."""
    match record:
        case Came(participation):
            await store.came(participation)
        case Returned(participation):
            await store.returned(participation)
        case Went(participation, at, reason):
            await store.went(participation, at, reason)
        case Changed(room):
            await store.change_room(room)
        case Ended(room, at, hosts):
            await store.end_room(room, at, hosts)
        case Reached(participation, connection):
            await store.reached(participation, connection)
        case Hosted(participation, host):
            await store.hosted(participation, host)
        case Measured(link):
            await store.measured(link)


def to_bytes(record: Record) -> bytes:
    """Return a record as one line of JSON, without the line's end."""
    kind = type(record).__name__.lower()
    return msgspec.json.encode((kind, asdict(record)))


def from_bytes(line: bytes) -> Record:
    """Return the record in a line; raises ``ValueError`` where there is none."""
    kind, fields = msgspec.json.decode(line, type=tuple[str, dict[str, object]])
    if kind not in _KINDS:
        raise ValueError(f"no record is a {kind}")
    record: Record = msgspec.convert(fields, _KINDS[kind])
    return record
