"""One room: who is in it, who waits, what they show, what they said last.

Sans-I/O: every method returns the deliveries that follow, in order. ``Rooms``
decides who comes in and who is gone; what goes on inside is decided here.
"""

import json
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from protocol.codes import (
    MAX_WAITING,
    REACTIONS,
    ErrorCode,
    LeaveReason,
    Presence,
    Role,
)
from protocol.links import Reach
from protocol.messages import (
    Chat,
    ChatLine,
    Chatted,
    ClientMessage,
    Door,
    Failed,
    IceServer,
    Joined,
    LinkReport,
    LinksChanged,
    MediaState,
    Newcomer,
    ParticipantChanged,
    ParticipantId,
    ParticipantInfo,
    ParticipantJoined,
    ParticipantLeft,
    React,
    Reacted,
    Rename,
    ReportLinks,
    RoomId,
    ServerMessage,
    SetHand,
    SetMedia,
    Signal,
    Signaled,
    Waiting,
)
from server.errors import EXPLANATIONS, Refused
from server.name import display_name
from server.store import RoomRecord

CHAT_TAIL: Final = 50  # lines
CHAT_TAIL_BYTES: Final = 40 * 1024  # so that a joined fits in one message
REMEMBERED: Final = 256  # ids of chat lines per participant


class Delivery(NamedTuple):
    """A message for one participant."""

    to: ParticipantId
    message: ServerMessage


class Departure(NamedTuple):
    """Somebody is gone for good; ``waited`` if they never were in."""

    who: ParticipantId
    reason: LeaveReason
    deliveries: list[Delivery]
    waited: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """Who asks to come in, and what they show of themselves."""

    subject: str
    name: str
    media: MediaState = MediaState()
    role: Role = Role.MEMBER
    vouched: str = ""  # the name by which their pass calls them, if it does

    @property
    def shown(self) -> str:
        """The name as others see it."""
        return display_name(self.vouched or self.name)


class Waiter(NamedTuple):
    """Somebody before the door."""

    info: Newcomer
    entry: Entry


@dataclass(slots=True)
class Member:
    """One participant as the room keeps them."""

    info: ParticipantInfo
    subject: str
    granted: Role = Role.MEMBER  # by their token
    links: tuple[LinkReport, ...] = ()
    said: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))


class Room:
    """The members of one room, in the order in which they came."""

    def __init__(self, record: RoomRecord) -> None:
        self.record = record
        self.members: dict[ParticipantId, Member] = {}
        self.waiting: dict[ParticipantId, Waiter] = {}
        self.removed: set[str] = set()  # subjects, for as long as anybody is in
        self.returning: set[ParticipantId] = set()  # hosts of the process before
        self._chat: deque[ChatLine] = deque(maxlen=CHAT_TAIL)

    @property
    def id(self) -> RoomId:
        """Return the room's id."""
        return self.record.id

    @property
    def chat(self) -> tuple[ChatLine, ...]:
        """The last lines that were said."""
        return tuple(self._chat)

    @chat.setter
    def chat(self, lines: Iterable[ChatLine]) -> None:
        self._chat.clear()
        self._chat.extend(lines)

    @property
    def full(self) -> bool:
        """Whether nobody else can come in."""
        return len(self.members) >= self.record.capacity

    @property
    def door(self) -> Door:
        """Return how the room takes newcomers."""
        return Door(self.record.locked, self.record.waiting_room, self.record.e2ee)

    def holds(self, subject: str) -> bool:
        """Whether somebody is in, the cut off included."""
        return any(member.subject == subject for member in self.members.values())

    def hosts(self) -> list[ParticipantId]:
        """Return who is host just now."""
        return [i for i, each in self.members.items() if each.info.role is Role.HOST]

    def hosting(self) -> tuple[str, ...]:
        """Return the subjects of those who are host just now."""
        return tuple(dict.fromkeys(self.members[who].subject for who in self.hosts()))

    def enter(self, member: Member) -> list[Delivery]:
        """Take in a member; everyone else hears of them."""
        if self.full:
            raise Refused(ErrorCode.ROOM_FULL)
        self.members[member.info.id] = member
        return self._tell_others(member.info.id, ParticipantJoined(member.info))

    def remove(self, who: ParticipantId, reason: LeaveReason) -> list[Delivery]:
        """Let a member go; the others hear why, and who is host now."""
        del self.members[who]
        told = self._tell_others(who, ParticipantLeft(who, reason))
        if not self.members:
            self.removed.clear()
        else:
            told += self.find_host()
        return told

    def find_host(self) -> list[Delivery]:
        """Let somebody be host, if nobody is nor comes back as such."""
        if not self.members or self.hosts() or self.returning:
            return []
        return self.give_role(self._eldest(), Role.HOST)

    def give_role(self, who: ParticipantId, role: Role) -> list[Delivery]:
        """Make a member host, or host no longer; everyone hears it."""
        member = self.members[who]
        if member.info.role is role:
            return []
        member.info = replace(member.info, role=role)
        told = self.tell_all(ParticipantChanged(member.info))
        if role is Role.HOST and self.waiting:
            told.append(Delivery(who, self._list_waiting()))
        return told

    def misses(self, who: ParticipantId) -> bool:
        """Whether all who are present say that they have no line to ``who``."""
        ends = [
            next((link for link in member.links if link.peer == who), None)
            for each, member in self.members.items()
            if each != who and member.info.presence is Presence.PRESENT
        ]
        return bool(ends) and all(
            end is not None and end.state is not Reach.CONNECTED for end in ends
        )

    def wait(self, who: ParticipantId, entry: Entry) -> list[Delivery]:
        """Let a newcomer wait; the hosts and they hear of it."""
        if len(self.waiting) >= MAX_WAITING:
            raise Refused(ErrorCode.ROOM_FULL)
        newcomer = Newcomer(who, entry.shown)
        self.waiting[who] = Waiter(newcomer, entry)
        return [Delivery(who, Waiting((newcomer,))), *self.tell_waiting()]

    def send_away(self, who: ParticipantId, code: ErrorCode) -> Departure:
        """Let somebody wait no longer; they hear why."""
        told = Delivery(who, Failed(code, EXPLANATIONS[code], "hello"))
        gone = self.stop_waiting(who)
        return gone._replace(deliveries=[told, *gone.deliveries])

    def stop_waiting(self, who: ParticipantId) -> Departure:
        """Somebody waits no longer."""
        del self.waiting[who]
        return Departure(who, LeaveReason.LEFT, self.tell_waiting(), waited=True)

    def tell_waiting(self) -> list[Delivery]:
        """Tell the hosts who waits."""
        waiting = self._list_waiting()
        return [Delivery(host, waiting) for host in self.hosts()]

    def update(self, who: ParticipantId, **changes: Any) -> list[Delivery]:
        """Change what is known of a member; the others hear it if it is new."""
        member = self.members[who]
        info = replace(member.info, **changes)
        if info == member.info:
            return []
        member.info = info
        return self._tell_others(who, ParticipantChanged(info))

    def welcome(
        self, who: ParticipantId, ice: tuple[IceServer, ...], *, resumed: bool
    ) -> Joined:
        """Return the whole room as ``who`` has to know it.

        The connection's own part (``resume``, ``epoch``, numbers) is left empty.
        """
        return Joined(
            you=who,
            room=self.id,
            participants=tuple(self.members[each].info for each in self._others(who)),
            resume="",
            ice_servers=ice,
            chat=self._tail(),
            resumed=resumed,
            role=self.members[who].info.role,
            door=self.door,
            waiting=self._list_waiting().people if who in self.hosts() else (),
        )

    def mesh(self, who: ParticipantId) -> list[Delivery]:
        """Return what ``who`` has to know of the others' links."""
        return [
            Delivery(who, LinksChanged(each, links))
            for each in self._others(who)
            if (links := self._present(self.members[each].links))
        ]

    def handle(
        self, who: ParticipantId, message: ClientMessage, now: float
    ) -> list[Delivery]:
        """Do what a member asks; ``now`` is Unix time. May raise ``Refused``."""
        match message:
            case Signal():
                return [self.relay(who, message)]
            case SetMedia(media):
                return self.update(who, media=media)
            case SetHand(raised):
                return self.update(who, hand=raised)
            case Chat():
                return self._say(who, message, now)
            case React(emoji):
                if emoji not in REACTIONS:
                    raise Refused(ErrorCode.BAD_REQUEST, "not one of the reactions")
                return self.tell_all(Reacted(who, emoji))
            case ReportLinks(links):
                return self._report(who, links)
            case Rename(name):
                return self._rename(who, display_name(name))
        raise Refused(ErrorCode.BAD_MESSAGE, "not expected now")

    def tell_all(self, message: ServerMessage) -> list[Delivery]:
        """Tell something to everyone who is in."""
        return [Delivery(each, message) for each in self.members]

    def relay(self, who: ParticipantId, signal: Signal, number: int = 0) -> Delivery:
        """Pass a signal on, under its sender's ``number``. May raise ``Refused``."""
        if who not in self.members:
            raise Refused(ErrorCode.FORBIDDEN)  # before the door nothing is heard
        if signal.to == who or signal.to not in self.members:
            raise Refused(ErrorCode.NO_SUCH_PEER)
        return Delivery(
            signal.to, Signaled(who, signal.generation, signal.body, number)
        )

    def _say(self, who: ParticipantId, chat: Chat, now: float) -> list[Delivery]:
        if not chat.text.strip():
            raise Refused(ErrorCode.BAD_REQUEST, "nothing said")
        member = self.members[who]
        if chat.id in member.said:
            return []  # said again after a cut; everyone has it
        member.said.append(chat.id)
        line = ChatLine(chat.id, who, member.info.name, chat.text, now)
        self._chat.append(line)
        return self.tell_all(Chatted(line))

    def _report(
        self, who: ParticipantId, links: tuple[LinkReport, ...]
    ) -> list[Delivery]:
        ends = {link.peer: link for link in links if link.peer != who}
        known = self._present(tuple(ends.values()))  # the last word on each end counts
        member = self.members[who]
        if known == member.links:
            return []
        member.links = known
        return self._tell_others(who, LinksChanged(who, known))

    def _present(self, links: tuple[LinkReport, ...]) -> tuple[LinkReport, ...]:
        return tuple(link for link in links if link.peer in self.members)

    def _rename(self, who: ParticipantId, name: str) -> list[Delivery]:
        told = self.update(who, name=name)
        # They hear it too: it may not be the name that they wrote.
        return [Delivery(who, ParticipantChanged(self.members[who].info)), *told]

    def _eldest(self) -> ParticipantId:
        """Return who is here longest, the cut off last."""
        for who, member in self.members.items():
            if member.info.presence is Presence.PRESENT:
                return who
        return next(iter(self.members))

    def _list_waiting(self) -> Waiting:
        return Waiting(tuple(waiter.info for waiter in self.waiting.values()))

    def _tail(self) -> tuple[ChatLine, ...]:
        """Return the last lines, as many as fit."""
        lines: list[ChatLine] = []
        size = 0
        for line in reversed(self._chat):
            words = json.dumps((line.name, line.text), ensure_ascii=False)
            size += len(words.encode()) + 256  # for ids and field names
            if size > CHAT_TAIL_BYTES:
                break
            lines.append(line)
        return tuple(reversed(lines))

    def _others(self, who: ParticipantId) -> Iterator[ParticipantId]:
        return (each for each in self.members if each != who)

    def _tell_others(
        self, who: ParticipantId, message: ServerMessage
    ) -> list[Delivery]:
        return [Delivery(each, message) for each in self._others(who)]
