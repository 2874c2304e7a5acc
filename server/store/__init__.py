"""What outlives a call: rooms, and who took part in them when.

Chat is never stored, nor are names. Times are Unix seconds.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, fields, replace
from typing import Final, Protocol

from protocol.codes import MAX_PARTICIPANTS, LeaveReason
from protocol.messages import RoomId
from server.errors import SettingError


@dataclass(frozen=True, slots=True)
class RoomRecord:
    """A room that somebody created.

    ``passcode`` is a salted scrypt hash, empty where none is asked for; ``banned``
    are subjects. A room that isn't ``persistent`` ends with its last participant.
    Whether it is ``e2ee`` never changes. Each change has the next ``version``; an
    ended room has the ``hosts`` of its end.
    """

    id: RoomId
    name: str
    creator: str
    created_at: float
    persistent: bool = True
    passcode: str = ""
    locked: bool = False
    waiting_room: bool = False
    banned: tuple[str, ...] = ()
    capacity: int = MAX_PARTICIPANTS
    e2ee: bool = True
    version: int = 0
    hosts: tuple[str, ...] = ()


def merged(known: RoomRecord, before: RoomRecord, after: RoomRecord) -> RoomRecord:
    """Return a known room, changed in what differs between two others.

    So two changes that know nothing of each other both count.
    """
    pairs = ((name, getattr(after, name)) for name in _FIELDS)
    changes = {name: new for name, new in pairs if new != getattr(before, name)}
    return replace(known, **changes)


_FIELDS: Final = tuple(each.name for each in fields(RoomRecord))


@dataclass(frozen=True, slots=True)
class Participation:
    """One stay of one person in one room; ``reason`` is empty while it lasts.

    ``connection`` is how their media went: ``direct``, ``relay`` if any link needed
    one, or empty where that is not known; ``host`` is what they were last.
    """

    id: str
    room: RoomId
    subject: str
    agent: str
    joined_at: float
    left_at: float | None = None
    reason: str = ""
    connection: str = ""
    host: bool = False


@dataclass(frozen=True, slots=True)
class Spread:
    """What many samples of one number came to."""

    mean: float = 0.0
    most: float = 0.0


@dataclass(frozen=True, slots=True)
class LinkRecord:
    """How one link was, as one of its two ends saw it, over a whole stay.

    ``samples`` is how often that end reported. Round trips are in seconds, ``loss``
    is a share from 0 to 1, ``up`` and ``down`` are bit/s as that end sent and received.
    """

    participation: str
    peer: str
    room: RoomId
    ended_at: float
    samples: int
    round_trip: Spread
    loss: Spread
    up: Spread
    down: Spread
    frame_rate: Spread
    freezes: int
    width: int
    height: int
    connection: str
    transport: str


#: Why a stay ended that may go on with the next process.
STOPPED: Final = "server_stopped"


@dataclass(frozen=True, slots=True)
class Aftermath:
    """What the processes before left to the next one.

    ``stopped`` are the stays that ended with them, ``over`` those that ended before,
    and ``removed`` says who was taken out of which room. ``links`` are what is known
    of those of the stopped.
    """

    stopped: tuple[Participation, ...] = ()
    over: frozenset[str] = frozenset()
    removed: frozenset[tuple[RoomId, str]] = frozenset()
    links: tuple[LinkRecord, ...] = ()


def aftermath(stays: Iterable[Participation]) -> Aftermath:
    """Return what stays that ended tell the next process."""
    stays = list(stays)
    removed = LeaveReason.REMOVED.value
    return Aftermath(
        tuple(stay for stay in stays if stay.reason == STOPPED),
        frozenset(stay.id for stay in stays if stay.reason != STOPPED),
        frozenset(
            (stay.room, stay.subject) for stay in stays if stay.reason == removed
        ),
    )


@dataclass(frozen=True, slots=True)
class Page:
    """Some of the stays in a room; ``after`` is where the next page begins, 0: none."""

    stays: tuple[Participation, ...]
    after: int


@dataclass(frozen=True, slots=True)
class Pruned:
    """What one batch deleted. ``more`` says that there may be more to delete."""

    participations: int
    links: int
    rooms: int
    more: bool


class Store(Protocol):
    """A database. Each method raises ``StoreError`` when it can't do its work.

    Writes may be repeated after a failure: the second time changes nothing.
    """

    async def start(self) -> None:
        """Connect; comes before everything else."""

    async def add_room(self, room: RoomRecord) -> None:
        """Keep a new room."""

    async def room(self, room: RoomId) -> RoomRecord | None:
        """Return a room that was not ended."""

    async def rooms(self, rooms: Collection[RoomId]) -> list[RoomRecord]:
        """Return those of these rooms that were not ended, in any order."""

    async def past_room(self, room: RoomId) -> RoomRecord | None:
        """Return a room, be it ended or not."""

    async def change_room(self, room: RoomRecord) -> None:
        """Replace what can be changed of a room: all but its id, creator and age.

        A room that was never added, or was ended, or is in a later version already,
        stays as it is.
        """

    async def end_room(
        self, room: RoomId, at: float, hosts: Collection[str] = ()
    ) -> None:
        """Close a room for good; ``hosts`` are the subjects of its hosts then."""

    async def came(self, *participations: Participation) -> None:
        """Record who came, all at once."""

    async def returned(self, participation: Participation) -> None:
        """Record that somebody's stay goes on: it is open, and began when it did.

        It is added where it never was recorded.
        """

    async def went(self, participation: str, at: float, reason: str) -> None:
        """Record that somebody went; the first word on it counts.

        It may come before the word that they came, which another process writes.
        """

    async def reached(self, participation: str, connection: str) -> None:
        """Record how somebody's media goes; the last word counts."""

    async def hosted(self, participation: str, host: bool) -> None:
        """Record whether somebody is host; the last word counts."""

    async def measured(self, link: LinkRecord) -> None:
        """Record how a link was until now; the word of most samples counts."""

    async def participations(self, room: RoomId) -> list[Participation]:
        """Return everyone who came to a room, in the order in which they came."""

    async def page(self, room: RoomId, after: int, limit: int) -> Page:
        """Return stays in a room in their order, those that follow ``after``.

        0 is before the first one.
        """

    async def links(
        self, room: RoomId, stays: Collection[str] | None = None
    ) -> list[LinkRecord]:
        """Return the links of a room, or of these stays in it, in a stable order."""

    async def prune(self, before: float, batch: int) -> Pruned:
        """Delete some of what was over before a time, at most ``batch`` of a kind.

        That is stays and their links, rooms that were ended, and rooms that were
        made before then and nobody ever used.
        """

    async def end_open(self, at: float, reason: str, keep: Collection[str] = ()) -> int:
        """End what began until then and is open, but for these; return how many."""

    async def aftermath(self, since: float) -> Aftermath:
        """Return what the stays that ended at this time or later leave to do."""

    async def close(self) -> None:
        """Let go of the database."""


def engine_of(url: str) -> str:
    """Return which engine a URL asks for, ``sqlite`` or ``mongodb``.

    ``sqlite:///path`` or ``mongodb://host/database``. Raises ``SettingError``.
    """
    scheme, _, path = url.partition("://")
    if scheme == "sqlite" and path.startswith("/") and len(path) > 1:
        return "sqlite"
    if scheme in ("mongodb", "mongodb+srv") and path:
        return "mongodb"
    raise SettingError(
        "TERTULIA_DATABASE",
        "expected sqlite:///path/to/file.db or mongodb://host/database",
    )


def open_store(url: str) -> Store:
    """Return the store at ``url``; ``start`` connects it. Raises ``SettingError``."""
    if engine_of(url) == "sqlite":
        from server.store.sqlite import SqliteStore  # it imports the records above

        return SqliteStore(url.removeprefix("sqlite:///"))
    try:
        from server.store.mongo import MongoStore  # an extra: pip install .[mongodb]
    except ImportError:
        raise SettingError(
            "TERTULIA_DATABASE", "MongoDB needs: pip install tertulia[mongodb]"
        ) from None
    return MongoStore(url)
