"""One room: who is in it, what they show of themselves, what they said last.

Sans-I/O: every method returns the deliveries that follow, in order. ``Rooms``
decides who comes in and who is gone; what goes on inside is decided here.
"""

import json
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from typing import Any, Final, NamedTuple

from protocol.codes import (
    MAX_PARTICIPANTS,
    REACTIONS,
    ErrorCode,
    LeaveReason,
)
from protocol.messages import (
    Chat,
    ChatLine,
    Chatted,
    ClientMessage,
    IceServer,
    Joined,
    ParticipantChanged,
    ParticipantId,
    ParticipantInfo,
    ParticipantJoined,
    ParticipantLeft,
    React,
    Reacted,
    RoomId,
    ServerMessage,
    SetHand,
    SetMedia,
    Signal,
    Signaled,
)
from server.errors import Refused

CHAT_TAIL: Final = 50  # lines
CHAT_TAIL_BYTES: Final = 40 * 1024  # so that a joined fits in one message
REMEMBERED: Final = 256  # ids of chat lines per participant


class Delivery(NamedTuple):
    """A message for one participant."""

    to: ParticipantId
    message: ServerMessage


@dataclass(slots=True)
class Member:
    """One participant as the room keeps them."""

    info: ParticipantInfo
    subject: str
    said: deque[str] = field(default_factory=lambda: deque(maxlen=REMEMBERED))


class Room:
    """The members of one room, in the order in which they came."""

    def __init__(self, room: RoomId) -> None:
        self.id = room
        self.members: dict[ParticipantId, Member] = {}
        self._chat: deque[ChatLine] = deque(maxlen=CHAT_TAIL)

    @property
    def full(self) -> bool:
        """Whether nobody else can come in."""
        return len(self.members) >= MAX_PARTICIPANTS

    def enter(self, member: Member) -> list[Delivery]:
        """Take in a member; everyone else hears of them."""
        if self.full:
            raise Refused(ErrorCode.ROOM_FULL)
        self.members[member.info.id] = member
        return self._tell_others(member.info.id, ParticipantJoined(member.info))

    def remove(self, who: ParticipantId, reason: LeaveReason) -> list[Delivery]:
        """Let a member go; the others hear why."""
        del self.members[who]
        return self._tell_others(who, ParticipantLeft(who, reason))

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
        )

    def handle(
        self, who: ParticipantId, message: ClientMessage, now: float
    ) -> list[Delivery]:
        """Do what a member asks; ``now`` is Unix time. May raise ``Refused``."""
        match message:
            case Signal(to, generation, body):
                return self._relay(who, to, generation, body)
            case SetMedia(media):
                return self.update(who, media=media)
            case SetHand(raised):
                return self.update(who, hand=raised)
            case Chat():
                return self._say(who, message, now)
            case React(emoji):
                if emoji not in REACTIONS:
                    raise Refused(ErrorCode.BAD_REQUEST, "not one of the reactions")
                return self._tell_all(Reacted(who, emoji))
        raise Refused(ErrorCode.BAD_MESSAGE, "not expected now")

    def _relay(
        self, who: ParticipantId, to: ParticipantId, generation: int, body: Any
    ) -> list[Delivery]:
        if to == who or to not in self.members:
            raise Refused(ErrorCode.NO_SUCH_PEER)
        return [Delivery(to, Signaled(who, generation, body))]

    def _say(self, who: ParticipantId, chat: Chat, now: float) -> list[Delivery]:
        if not chat.text.strip():
            raise Refused(ErrorCode.BAD_REQUEST, "nothing said")
        member = self.members[who]
        if chat.id in member.said:
            return []  # said again after a cut; everyone has it
        member.said.append(chat.id)
        line = ChatLine(chat.id, who, member.info.name, chat.text, now)
        self._chat.append(line)
        return self._tell_all(Chatted(line))

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

    def _tell_all(self, message: ServerMessage) -> list[Delivery]:
        return [Delivery(each, message) for each in self.members]
