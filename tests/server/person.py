"""People at a switchboard without any socket: honest ones, and some who lie."""

from dataclasses import dataclass, field
from typing import Any

from client_py.core.stream import Outgoing, Stream, Verdict
from protocol import messages as m
from protocol.codes import CloseCode, Role
from protocol.numbering import SEQ
from server.seat import Seat
from server.tokens import Pass, Role as Granted
from server.wire import TO_CLIENT

LIARS = ("leo", "lia")


class Line:
    """A connection; ``coming`` is on its way to the client, ``going`` from there."""

    def __init__(self, now: float) -> None:
        self.heard_at = now
        self.seat: Seat | None = None
        self.coming: list[str] = []
        self.going: list[Outgoing] = []
        self.slow = False  # takes nothing more for now
        self.behind = False  # what comes is on its way for long
        self.code: CloseCode | None = None

    def ring(self) -> None:
        while self.seat and self.seat.line is self and not self.slow:
            if (letter := self.seat.outbox.take()) is None:
                break
            self.coming.append(self.seat.stamped(letter))

    def close(self, code: CloseCode) -> None:
        self.code = self.code or code


@dataclass(eq=False)
class Person:
    """Somebody at a page of theirs, and what they must believe."""

    subject: str
    room: m.RoomId
    stream: Stream = field(default_factory=Stream)
    line: Line | None = None
    inside: bool = False  # by this line
    ticket: str = ""
    me: m.ParticipantId = m.ParticipantId("")
    role: Role = Role.MEMBER
    others: dict[m.ParticipantId, m.ParticipantInfo] = field(default_factory=dict)
    known: set[m.ParticipantId] = field(default_factory=set)  # and who may come back
    said: dict[m.ParticipantId, int] = field(
        default_factory=dict
    )  # signals, by whom to
    heard: dict[m.ParticipantId, int] = field(default_factory=dict)  # the last, by whom
    #: Of whom something may be missed, or come again: one of us met another server.
    unsure: set[m.ParticipantId] = field(default_factory=set)

    @property
    def lies(self) -> bool:
        return self.subject in LIARS

    @property
    def granted(self) -> Pass:
        role = Granted.HOST if self.subject == "eva" else Granted.MEMBER
        return Pass(self.subject, self.room, role)

    def begin_anew(self) -> None:
        """Be nobody whom the server knows any more."""
        self.stream, self.ticket, self.me = Stream(), "", m.ParticipantId("")
        self.others.clear()
        self.known.clear()

    def told(self, text: str) -> list[Outgoing]:
        """Hear a message; return what is to be said again."""
        message: Any
        message, numbers = TO_CLIENT.decode_numbered(text, SEQ)
        verdict = self.stream.hear(numbers)
        assert verdict is not Verdict.GAP
        if verdict is Verdict.AGAIN:
            return []
        self.believe(message)
        if isinstance(message, m.Joined | m.Resumed):
            self.ticket, self.inside = message.resume, True
            return self.stream.go_on(message)
        return []

    def believe(self, message: m.ServerMessage) -> None:
        match message:
            case m.Waiting() if not self.inside:
                assert len(message.people) == 1
                self.stream.wait()
                self.me = m.ParticipantId("")  # whoever they were before
                self.others.clear()
            case m.Joined():
                if not message.resumed:
                    self.heard, self.said, self.known = {}, {}, set()
                self.me, self.role = message.you, message.role
                self.others = {each.id: each for each in message.participants}
                self.unsure = {*self.others, *self.heard}
                self.known |= self.others.keys()
            case m.ParticipantJoined(info):
                assert info.id not in self.others
                self.others[info.id] = info
                self.unsure.add(info.id)
                self.known.add(info.id)
            case m.ParticipantChanged(info) if info.id == self.me:
                self.role = info.role
            case m.ParticipantChanged(info):
                assert info.id in self.others
                self.others[info.id] = info
            case m.ParticipantLeft(who):
                assert self.others.pop(who, None) or who == self.me
                self.known.discard(who)
            case m.Signaled(who, _, body) if "serial" in body:
                assert who in self.others
                self.hear(who, body["serial"])

    def hear(self, who: m.ParticipantId, serial: int) -> None:
        """Hear the next of somebody's signals to me."""
        last = self.heard.get(who, 0)
        if who in self.unsure:
            if serial <= last:
                return  # I know it by its number
            self.unsure.discard(who)
        else:
            assert serial == last + 1
        self.heard[who] = serial
