"""One person's session in a room: what happens goes in, what to do comes out.

Sans-I/O: no clock, no socket, no device. ``handle`` takes one event and returns
the effects in order; ``snapshot`` is everything there is to show. The parts are
``Membership`` (the phase), ``Roster`` (the others and the links to them),
``Sources`` (my microphone, camera and screen), ``Company`` (who is shown, and who
speaks) and ``Log`` (chat, reactions, notices).
"""

from collections.abc import Callable
from typing import Any

from client_py.core import event as e
from client_py.core.company import Company
from client_py.core.effect import (
    Disconnect,
    Effect,
    MakeRoom,
    Send,
)
from client_py.core.log import Log
from client_py.core.membership import Membership
from client_py.core.roster import Roster
from client_py.core.slot import Slot
from client_py.core.source import Sources
from client_py.core.state import (
    Connection,
    NoticeKind,
    Phase,
    Problem,
    Snapshot,
)
from protocol import messages as m
from protocol.codec import Codec
from protocol.codes import (
    MAX_CHAT,
    MAX_NAME,
    VERSION,
    CloseCode,
    ErrorCode,
    LeaveReason,
)
from protocol.errors import ProtocolError

_PROBLEMS = {
    ErrorCode.ROOM_NOT_FOUND: Problem.ROOM_NOT_FOUND,
    ErrorCode.ROOM_FULL: Problem.ROOM_FULL,
    ErrorCode.TOKEN_EXPIRED: Problem.TOKEN_EXPIRED,
    ErrorCode.BAD_TOKEN: Problem.TOKEN_EXPIRED,
    ErrorCode.VERSION: Problem.PROTOCOL_MISMATCH,
    ErrorCode.BAD_MESSAGE: Problem.PROTOCOL_MISMATCH,
}
_PASSING = (ErrorCode.RESUME_DENIED, ErrorCode.TOO_MANY)


def _parsed(_: Any) -> Any:
    raise AssertionError("a signal's body comes parsed")


_PEER_CODEC: Codec[m.PeerMessage] = Codec(m.PeerMessage, _parsed, _parsed)


def _sendable(text: str, length: int) -> str:
    """Cut to what the codec lets through: fields can hold half a character."""
    whole = (c for c in text if not "\ud800" <= c <= "\udfff")
    return "".join(whole).strip()[:length]


class Session:
    """The state of one person's session. ``random`` gives floats in [0, 1)."""

    def __init__(self, random: Callable[[], float], agent: str = "") -> None:
        self._random = random
        self._agent = agent
        self._membership = Membership(random)
        self._name = ""
        self._log = Log()
        self._sources = Sources(self._log.tell)
        self._forget()

    def _forget(self) -> None:
        """Begin as nobody: what belongs to one stay in one room."""
        self._resume = ""
        self._roster = Roster(self._random)
        self._company = Company(self._roster, self._sources)
        self._log.clear()
        self._unsent: list[m.ClientMessage] = []
        self._announced = m.MediaState()
        self._hand = False

    def handle(self, event: e.Event) -> list[Effect]:
        """Take what happened, return what is to be done."""
        match event:
            case e.Heard(message):
                return self._heard(message)
            case e.PeerSaid():
                return self._sent(self._roster.said(event))
            case e.PeerChanged():
                return self._sent(self._roster.peer_changed(event))
            case e.RenewalDue():
                return self._roster.renewal_due(event)
            case e.QualityMeasured(who, quality):
                self._roster.score(who, quality)
            case e.LevelsMeasured(levels, now):
                self._company.measure(levels, now)
            case _ if isinstance(event, e.SignalingEvent):
                return self._signaling(event)
            case _ if isinstance(event, e.SourceEvent):
                return self._sent(self._source(event))
            case _:
                return self._sent(self._gesture(event))
        return []

    @property
    def snapshot(self) -> Snapshot:
        """Everything that a view needs, as it is now."""
        return Snapshot(
            phase=self._membership.phase,
            problem=self._membership.problem,
            room=self._membership.room,
            name=self._name,
            participants=self._company.participants(
                self._name,
                hand=self._hand,
                connection=(
                    Connection.RECONNECTING
                    if self._phase is Phase.RECONNECTING
                    else Connection.CONNECTED
                ),
            ),
            active_speaker=self._company.active_speaker,
            microphone=self._sources[Slot.MICROPHONE],
            camera=self._sources[Slot.CAMERA],
            screen=self._sources[Slot.SCREEN],
            output=self._sources.output,
            quality=self._sources.quality,
            devices=self._sources.devices,
            hand=self._hand,
            chat=self._log.chat,
            reactions=self._log.reactions,
            notices=self._log.notices,
            playback_blocked=self._sources.playback_blocked,
        )

    # -- gestures and devices

    def _source(self, event: e.SourceEvent) -> list[Effect]:
        before = self._sources.announced
        effects = self._sources.handle(event)
        after = self._sources.announced
        if after != before and self._membership.inside:
            effects.append(self._announce())
        return effects

    def _announce(self) -> Send:
        self._announced = self._sources.announced
        return Send(m.SetMedia(self._announced))

    def _gesture(self, event: e.Gesture) -> list[Effect]:
        match event:
            case e.CreateRoom():
                return [MakeRoom()]
            case e.EnterLobby(room):
                return self._enter_lobby(room)
            case e.Join(name):
                return self._join(name)
            case e.Leave():
                return self._leave()
            case _:
                return self._spoken(event)

    def _spoken(self, event: e.Say | e.ShowReaction | e.RaiseHand) -> list[Effect]:
        me = self._company.me
        if not self._membership.inside or me is None:
            return []
        match event:
            case e.Say(text):
                text = _sendable(text, MAX_CHAT)
                if not text:
                    return []
                return [Send(self._log.write(me, text))]
            case e.ShowReaction(emoji):
                return [Send(m.React(emoji))]
            case e.RaiseHand(raised):
                self._hand = raised
                return [Send(m.SetHand(raised))]

    def _enter_lobby(self, room: str) -> list[Effect]:
        effects = self._leave()
        self._membership.room = room
        if self._phase is not Phase.LOBBY:
            self._membership.go(Phase.LOBBY)
            effects += self._sources.come_back()
        return effects

    def _join(self, name: str) -> list[Effect]:
        member = self._membership
        if member.inside or member.phase is Phase.JOINING or not member.room:
            return []
        self._name = _sendable(name, MAX_NAME) or "Guest"
        self._forget()
        return [*member.knock(), *self._sources.come_back()]

    def _leave(self) -> list[Effect]:
        if self._membership.inside:
            return [Send(m.Leave()), *self._end(Phase.LEFT)]
        if not self._membership.knocking:
            return []
        self._membership.go(Phase.LOBBY)
        return [Send(m.Leave()), Disconnect()]  # the hello may be on its way

    # -- signaling

    def _signaling(self, event: e.SignalingEvent) -> list[Effect]:
        match event:
            case e.RetryDue(attempt):
                return self._membership.retry_due(attempt)
            case e.SocketClosed(code):
                return self._cut(code)
        if not self._membership.knocking:
            if isinstance(event, e.AdmissionFailed):
                self._log.tell(NoticeKind.REFUSED, "create-room", event.problem)
            return []
        match event:
            case e.Admitted(token):
                return [Send(self._hello(token))]
            case e.AdmissionFailed(Problem.SERVER_UNREACHABLE):
                return self._membership.retry()
            case e.AdmissionFailed(problem):
                return self._end(Phase.FAILED, problem)

    def _hello(self, token: str) -> m.Hello:
        self._announced = self._sources.announced
        return m.Hello(
            version=VERSION,
            token=token,
            name=self._name,
            media=self._announced,
            resume=self._resume,
            agent=self._agent,
        )

    def _cut(self, code: int) -> list[Effect]:
        if not (self._membership.inside or self._membership.knocking):
            return []
        if code == CloseCode.ELSEWHERE:
            return self._end(Phase.LEFT, Problem.ELSEWHERE)
        if code in (CloseCode.BAD_MESSAGE, CloseCode.REFUSED):
            return self._end(Phase.FAILED, Problem.INTERNAL)
        return self._membership.retry()

    def _heard(self, message: m.ServerMessage) -> list[Effect]:
        match message:
            case m.Joined():
                return self._joined(message)
            case m.Failed(code, _, about):
                return self._refused(code, about)
            case m.GoingAway(retry_after):
                self._membership.wait(retry_after)
                return []  # a close follows
            case m.Pong():
                return []  # the heartbeat is the driver's
        if self._phase is not Phase.JOINED:
            return []
        match message:
            case m.ParticipantJoined(info):
                self._log.tell(NoticeKind.JOINED, info.name)
                return self._roster.add(info)
            case m.ParticipantChanged(info):
                return self._changed(info)
            case m.ParticipantLeft(who, reason):
                return self._gone(who, reason)
            case m.Signaled(who, generation, body):
                return self._sent(self._signaled(who, generation, body))
            case m.Chatted(line):
                self._log.add(line)
            case m.Reacted(who, emoji):
                self._log.react(who, emoji)
            case m.IceRenewed(servers):
                return self._roster.use(servers)
        return []

    def _joined(self, joined: m.Joined) -> list[Effect]:
        if not self._membership.knocking:
            return []
        self._membership.enter()
        unsent, self._unsent = self._unsent, []
        effects: list[Effect] = []
        if not joined.resumed:
            unsent = []
            effects += self._roster.clear()
        self._company.me, self._resume = joined.you, joined.resume
        self._log.enter(joined.you, joined.chat)
        effects += self._roster.enter(joined)
        if self._sources.announced != self._announced:
            effects.append(self._announce())  # it changed since the hello
        if self._hand or joined.resumed:
            effects.append(Send(m.SetHand(self._hand)))
        return [*effects, *(Send(each) for each in (*unsent, *self._log.unconfirmed))]

    def _refused(self, code: ErrorCode, about: str) -> list[Effect]:
        if about == "hello" and self._membership.knocking:
            if code in _PASSING:
                self._resume = ""  # a new seat, where the old one can't be had
                return [Disconnect(), *self._membership.retry()]
            problem = _PROBLEMS.get(code, Problem.INTERNAL)
            return self._end(Phase.FAILED, problem)
        if code is not ErrorCode.NO_SUCH_PEER:  # they just left: no news
            self._log.tell(NoticeKind.REFUSED, about, code)
        return []

    def _changed(self, info: m.ParticipantInfo) -> list[Effect]:
        if info.id == self._company.me:
            self._name = info.name
            return []
        before = self._roster.info(info.id)
        if before and info.hand and not before.hand:
            self._log.tell(NoticeKind.HAND, info.name)
        if before and info.media.screen != before.media.screen:
            kind = NoticeKind.SHARING if info.media.screen else NoticeKind.SHARE_ENDED
            self._log.tell(kind, info.name)
        return self._roster.change(info)

    def _gone(self, who: m.ParticipantId, reason: LeaveReason) -> list[Effect]:
        if who == self._company.me:
            problem = {
                LeaveReason.REMOVED: Problem.REMOVED,
                LeaveReason.ELSEWHERE: Problem.ELSEWHERE,
            }.get(reason, Problem.NONE)
            return self._end(Phase.LEFT, problem)
        if info := self._roster.info(who):
            lost = reason is LeaveReason.LOST
            self._log.tell(NoticeKind.LOST if lost else NoticeKind.LEFT, info.name)
        return self._roster.remove(who)

    def _signaled(
        self, who: m.ParticipantId, generation: int, body: dict[str, Any]
    ) -> list[Effect]:
        try:
            message = _PEER_CODEC.from_plain(body)
        except ProtocolError:
            return []  # a peer that talks nonsense hurts only its own link
        return self._roster.signaled(who, generation, message)

    # -- common ends

    def _sent(self, effects: list[Effect]) -> list[Effect]:
        """Keep back what can't be sent just now, for when the socket is back."""
        if self._phase is not Phase.RECONNECTING:
            return effects
        kept = [each for each in effects if isinstance(each, Send)]
        # Chat waits in the log, media and hand are said again with the hello.
        self._unsent += [
            each.message for each in kept if isinstance(each.message, m.Signal)
        ]
        return [each for each in effects if each not in kept]

    def _end(self, phase: Phase, problem: Problem = Problem.NONE) -> list[Effect]:
        """Leave the room behind, for whatever reason."""
        self._membership.go(phase, problem)
        effects = [*self._roster.clear(), *self._sources.leave(), Disconnect()]
        self._company.me = None
        return effects

    @property
    def _phase(self) -> Phase:
        return self._membership.phase
