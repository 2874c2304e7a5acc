"""What the links of a call were like, summed up while it lasts.

Pure. Every end of a link tells of its own side; what it says counts for its own
links alone, and of people who are in the room.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final, Self

from protocol.messages import ParticipantId, RoomId
from protocol.statistics import LinkSample
from server.store import Aftermath, LinkRecord, Spread

_MOST: Final = 2**53 - 1  # what every store holds exactly


@dataclass(slots=True)
class _Sum:
    """Many values of one number, as their sum and the greatest."""

    total: float = 0.0
    most: float = 0.0

    def add(self, value: float) -> None:
        self.total += value
        self.most = max(self.most, value)

    def over(self, count: int) -> Spread:
        return Spread(self.total / count, self.most)

    @classmethod
    def of(cls, spread: Spread, count: int) -> Self:
        return cls(spread.mean * count, spread.most)


@dataclass(slots=True)
class _Link:
    """One end of one link until now."""

    samples: int = 0
    round_trip: _Sum = field(default_factory=_Sum)
    loss: _Sum = field(default_factory=_Sum)
    up: _Sum = field(default_factory=_Sum)
    down: _Sum = field(default_factory=_Sum)
    frame_rate: _Sum = field(default_factory=_Sum)
    freezes: int = 0
    width: int = 0
    height: int = 0
    connection: str = "unknown"
    transport: str = "unknown"
    kept: int = 0  # samples of which the store knows

    @classmethod
    def of(cls, link: LinkRecord) -> Self:
        """Go on with what was recorded until now."""
        count = link.samples
        return cls(
            count,
            _Sum.of(link.round_trip, count),
            _Sum.of(link.loss, count),
            _Sum.of(link.up, count),
            _Sum.of(link.down, count),
            _Sum.of(link.frame_rate, count),
            link.freezes,
            link.width,
            link.height,
            link.connection,
            link.transport,
            kept=count,
        )

    def add(self, sample: LinkSample) -> None:
        self.samples += 1
        self.round_trip.add(sample.rtt)
        self.loss.add(sample.loss)
        self.up.add(sample.up)
        self.down.add(sample.down)
        self.frame_rate.add(sample.fps)
        self.freezes = min(_MOST, self.freezes + sample.freezes)
        self.width = max(self.width, sample.width)
        self.height = max(self.height, sample.height)
        # What was known once stays known when a later look finds nothing.
        if sample.connection != "unknown":
            self.connection = sample.connection
        if sample.transport != "unknown":
            self.transport = sample.transport

    def record(
        self, who: ParticipantId, peer: ParticipantId, room: RoomId, at: float
    ) -> LinkRecord:
        count = self.kept = self.samples
        return LinkRecord(
            participation=who,
            peer=peer,
            room=room,
            ended_at=at,
            samples=count,
            round_trip=self.round_trip.over(count),
            loss=self.loss.over(count),
            up=self.up.over(count),
            down=self.down.over(count),
            frame_rate=self.frame_rate.over(count),
            freezes=self.freezes,
            width=self.width,
            height=self.height,
            connection=self.connection,
            transport=self.transport,
        )


class Statistics:
    """The links of everyone who is in some room."""

    def __init__(self) -> None:
        self._links: dict[ParticipantId, dict[ParticipantId, _Link]] = {}
        self._connections: dict[ParticipantId, str] = {}

    def recall(self, aftermath: Aftermath) -> None:
        """Go on with what the process before had recorded."""
        for stay in aftermath.stopped:
            if stay.connection:
                self._connections[ParticipantId(stay.id)] = stay.connection
        for link in aftermath.links:
            mine = self._links.setdefault(ParticipantId(link.participation), {})
            mine[ParticipantId(link.peer)] = _Link.of(link)

    def news(self, who: ParticipantId, room: RoomId, at: float) -> list[LinkRecord]:
        """Return how somebody's links are, of which more was told than is recorded."""
        return [
            link.record(who, peer, room, at)
            for peer, link in self._links.get(who, {}).items()
            if link.samples > link.kept
        ]

    def report(
        self,
        who: ParticipantId,
        present: Collection[ParticipantId],
        samples: Iterable[LinkSample],
    ) -> str:
        """Take what somebody tells of their links to those ``present``.

        Returns how their media goes, ``direct`` or ``relay`` if any link needs one,
        where that is news; else nothing.
        """
        links = self._links.setdefault(who, {})
        told: set[ParticipantId] = set()
        for sample in samples:
            peer = ParticipantId(sample.peer)
            if peer == who or peer not in present or peer in told:
                continue
            told.add(peer)
            links.setdefault(peer, _Link()).add(sample)
        ways = {link.connection for link in links.values()} - {"unknown"}
        way = "relay" if "relay" in ways else "".join(ways)
        before = self._connections.get(who, "")
        if way in ("", before) or before == "relay":
            return ""
        self._connections[who] = way
        return way

    def leave(self, who: ParticipantId, room: RoomId, at: float) -> list[LinkRecord]:
        """Return how every link of somebody was, from both ends; they are over."""
        self._connections.pop(who, None)
        mine = self._links.pop(who, {})
        over = [link.record(who, peer, room, at) for peer, link in mine.items()]
        for peer, links in self._links.items():
            if link := links.pop(who, None):
                over.append(link.record(peer, who, room, at))
        return over
