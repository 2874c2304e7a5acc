"""A server in memory: does for its lines what the real one does for sockets.

Everything reaches a client in a later turn of the loop, in order. A line is cut
by the test.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from itertools import count

from client_py.core.errors import SignalingError
from client_py.core.ports import Closed, TextReceived
from client_py.core.state import Problem
from client_py.core.wake import Sign
from protocol import messages as m
from protocol.codec import Codec
from protocol.codes import GRACE, ErrorCode, LeaveReason, Presence
from protocol.numbering import N

FROM_CLIENT: Codec[m.ClientMessage] = Codec(m.ClientMessage, json.loads, json.dumps)
TO_CLIENT: Codec[m.ServerMessage] = Codec(m.ServerMessage, json.loads, json.dumps)


@dataclass(eq=False)
class Seat:
    """One participant's place; ``line`` is None while they are cut off."""

    info: m.ParticipantInfo
    secret: str
    line: "Line | None"
    missed: list[m.ServerMessage] = field(default_factory=list)
    said: set[str] = field(default_factory=set)
    number: int = 0
    links: tuple[m.LinkReport, ...] = ()


class Hub:
    """One room."""

    def __init__(self) -> None:
        self.seats: dict[m.ParticipantId, Seat] = {}
        self.acknowledged: dict[m.ParticipantId, int] = {}
        self.heard: list[tuple[m.ParticipantId, m.ClientMessage]] = []
        self._numbers = count(1)
        self._chat: list[m.ChatLine] = []

    def line(self) -> "Line":
        """Return the way of a new client to this server."""
        return Line(self)

    def seat(self, line: "Line") -> Seat | None:
        """Return the place of whoever is on a line."""
        return next((each for each in self.seats.values() if each.line is line), None)

    def hear(self, line: "Line", message: m.ClientMessage, number: int) -> None:
        """Do what a client asks."""
        if isinstance(message, m.Hello):
            self._admit(line, message)
            return
        seat = self.seat(line)
        if seat is None:
            return
        if 0 < number <= seat.number:
            return
        seat.number = number or seat.number
        me = seat.info.id
        if not isinstance(message, m.Ping):
            self.heard.append((me, message))
        match message:
            case m.Ping(id):
                self._tell(seat, m.Pong(id))
            case m.Leave():
                self.remove(me, LeaveReason.LEFT)
            case m.Signal(to, generation, body):
                if to in self.seats:
                    self._tell(self.seats[to], m.Signaled(me, generation, body))
                else:
                    self._tell(seat, m.Failed(ErrorCode.NO_SUCH_PEER, "", "signal"))
            case m.SetMedia(media):
                self._change(seat, media=media)
            case m.SetHand(raised):
                self._change(seat, hand=raised)
            case m.ReportLinks(links):
                seat.links = links
                for each in self.seats.values():
                    if each is not seat:
                        self._tell(each, m.LinksChanged(me, links))
            case m.React(emoji):
                self._tell_all(m.Reacted(me, emoji))
            case m.Chat(id, text) if id not in seat.said:
                seat.said.add(id)
                line_said = m.ChatLine(id, me, seat.info.name, text, 1.0)
                self._chat.append(line_said)
                self._tell_all(m.Chatted(line_said))

    def cut(self, line: "Line") -> None:
        """A line is gone; who was on it is waited for."""
        if seat := self.seat(line):
            seat.line = None
            self._change(seat, presence=Presence.RECONNECTING)
            asyncio.get_running_loop().call_later(GRACE, self._expire, seat)

    def remove(
        self, who: m.ParticipantId, reason: LeaveReason, *, tell: bool = False
    ) -> None:
        """Somebody is gone for good; the others hear why, and they if ``tell``."""
        if tell:
            self._tell(self.seats[who], m.ParticipantLeft(who, reason))
        del self.seats[who]
        self._tell_all(m.ParticipantLeft(who, reason))

    def _expire(self, seat: Seat) -> None:
        # A second cut begins a second grace; the first one's end is as good.
        if seat.line is None and self.seats.get(seat.info.id) is seat:
            self.remove(seat.info.id, LeaveReason.LOST)

    def _admit(self, line: "Line", hello: m.Hello) -> None:
        known = [each for each in self.seats.values() if each.secret == hello.resume]
        if hello.resume and known:
            (seat,) = known
            seat.line = line
            missed, seat.missed = seat.missed, []
            self._welcome(seat, resumed=True)
            self._change(seat, media=hello.media, presence=Presence.PRESENT)
            for each in missed:
                self._tell(seat, each)
            return
        id = m.ParticipantId(f"p{next(self._numbers)}")
        info = m.ParticipantInfo(id, hello.name, hello.media)
        seat = Seat(info, f"secret of {id}", line)
        self._tell_all(m.ParticipantJoined(info))
        self.seats[id] = seat
        self._welcome(seat, resumed=False)

    def _welcome(self, seat: Seat, *, resumed: bool) -> None:
        others = tuple(each.info for each in self.seats.values() if each is not seat)
        self._tell(
            seat,
            m.Joined(
                you=seat.info.id,
                room="room",
                participants=others,
                resume=seat.secret,
                chat=tuple(self._chat),
                resumed=resumed,
                heard=seat.number,
            ),
        )
        for each in self.seats.values():
            if each is not seat and each.links:
                self._tell(seat, m.LinksChanged(each.info.id, each.links))

    def _change(self, seat: Seat, **changes: object) -> None:
        info = replace(seat.info, **changes)  # type: ignore[arg-type]
        if info != seat.info:
            seat.info = info
            for each in self.seats.values():
                if each is not seat:
                    self._tell(each, m.ParticipantChanged(info))

    def _tell_all(self, message: m.ServerMessage) -> None:
        for seat in self.seats.values():
            self._tell(seat, message)

    def _tell(self, seat: Seat, message: m.ServerMessage) -> None:
        if seat.line is None:
            seat.missed.append(message)
        else:
            seat.line.say(message)


class Line:
    """``Signaling`` to a hub.

    ``refuse`` holds problems, each raised once by whatever is asked next; ``swallow``
    is how many of the next requests are never answered; a line that is ``deaf`` is
    open, but nothing comes through any more.
    """

    def __init__(self, hub: Hub) -> None:
        self.refuse: list[Problem] = []
        self.swallow = 0
        self.asked: list[str] = []
        self.deaf = False
        self.wake: Callable[[Sign], None] | None = None
        self._hub = hub
        self._emit: Callable[[TextReceived | Closed], None] | None = None

    # -- the port

    async def create_room(self, *, e2ee: bool = True) -> str:
        await self._ask("create_room" if e2ee else "create_room in the clear")
        return "made"

    async def admit(self, room: str, passcode: str = "") -> str:
        await self._ask(f"admit {room}")
        return "token"

    async def connect(self, emit: Callable[[TextReceived | Closed], None]) -> None:
        await self._ask("connect")
        self._emit, self.deaf = emit, False

    def watch(self, wake: Callable[[Sign], None] | None) -> None:
        self.wake = wake

    def send(self, text: str) -> None:
        if self._emit is not None and not self.deaf:
            message, numbers = FROM_CLIENT.decode_numbered(text, N)
            if seat := self._hub.seat(self):
                self._hub.acknowledged[seat.info.id] = numbers.ack
            self._soon(lambda: self._hub.hear(self, message, numbers.number))

    def close(self) -> None:
        if self._emit is not None:
            self._emit = None
            asyncio.get_running_loop().call_soon(self._hub.cut, self)

    # -- the test as the network

    def say(self, message: m.ServerMessage) -> None:
        """Say this to the client."""
        self.say_text(TO_CLIENT.encode(message))

    def say_text(self, text: str) -> None:
        """Say anything."""
        emit = self._emit

        def arrive() -> None:
            if emit is not None and self._emit is emit and not self.deaf:
                emit(TextReceived(text))

        self._soon(arrive)

    def drop(self, code: int = 1006) -> None:
        """Cut the socket."""
        emit, self._emit = self._emit, None
        self._hub.cut(self)
        if emit is not None:
            emit(Closed(code))

    async def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.refuse:
            raise SignalingError(self.refuse.pop(0))
        if self.swallow:
            self.swallow -= 1
            await asyncio.get_running_loop().create_future()

    def _soon(self, act: Callable[[], None]) -> None:
        asyncio.get_running_loop().call_soon(act)
