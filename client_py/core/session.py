"""One person's session in a room: what happens goes in, what to do comes out.

Sans-I/O: no clock, no socket, no device. ``handle`` takes one event and returns
the effects in order; ``snapshot`` is everything there is to show. The parts are
``Roster`` (the others and the links to them), ``Sources`` (my microphone, camera
and screen) and ``SpeakerTracker``.
"""

from collections.abc import Callable
from typing import Any

from client_py.core import event as e
from client_py.core.backoff import next_delay
from client_py.core.effect import (
    After,
    Connect,
    Disconnect,
    Effect,
    MakeRoom,
    PlayThrough,
    ResumePlayback,
    Send,
)
from client_py.core.log import Log
from client_py.core.roster import Roster
from client_py.core.slot import Slot
from client_py.core.source import Sources
from client_py.core.speaker import SpeakerTracker
from client_py.core.state import (
    TRANSITIONS,
    Connection,
    Device,
    MediaProblem,
    NoticeKind,
    Participant,
    Phase,
    Problem,
    Snapshot,
)
from protocol import messages as m
from protocol.codec import Codec
from protocol.codes import MAX_CHAT, VERSION, CloseCode, ErrorCode, LeaveReason
from protocol.errors import ProtocolError

_TRIES = 3  # to get in before the person is told that the server is away
_IN = (Phase.JOINED, Phase.RECONNECTING)

_PROBLEMS = {
    ErrorCode.ROOM_NOT_FOUND: Problem.ROOM_NOT_FOUND,
    ErrorCode.ROOM_FULL: Problem.ROOM_FULL,
    ErrorCode.TOKEN_EXPIRED: Problem.TOKEN_EXPIRED,
    ErrorCode.BAD_TOKEN: Problem.TOKEN_EXPIRED,
    ErrorCode.VERSION: Problem.PROTOCOL_MISMATCH,
    ErrorCode.BAD_MESSAGE: Problem.PROTOCOL_MISMATCH,
}


def _parsed(_: Any) -> Any:
    raise AssertionError("a signal's body comes parsed")


_PEER_CODEC: Codec[m.PeerMessage] = Codec(m.PeerMessage, _parsed, _parsed)


class Session:
    """The state of one person's session. ``random`` gives floats in [0, 1)."""

    def __init__(self, random: Callable[[], float], agent: str = "") -> None:
        self._random = random
        self._agent = agent
        self._phase = Phase.LOBBY
        self._problem = Problem.NONE
        self._room = ""
        self._name = ""
        self._output = ""
        self._playback_blocked = False
        self._devices: tuple[Device, ...] = ()
        self._sources = Sources()
        self._speakers = SpeakerTracker()
        self._attempt = 0
        self._log = Log()
        self._forget()

    def _forget(self) -> None:
        """Begin as nobody: what belongs to one stay in one room."""
        self._me: m.ParticipantId | None = None
        self._resume = ""
        self._roster = Roster(self._random)
        self._log.clear()
        self._unsent: list[m.ClientMessage] = []
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
                self._speakers.update(levels, now)
            case e.Admitted() | e.AdmissionFailed() | e.SocketClosed() | e.RetryDue():
                return self._signaling(event)
            case _:
                return self._sent(self._gesture(event))
        return []

    @property
    def snapshot(self) -> Snapshot:
        """Everything that a view needs, as it is now."""
        return Snapshot(
            phase=self._phase,
            problem=self._problem,
            room=self._room,
            name=self._name,
            participants=self._participants(),
            active_speaker=self._speakers.active,
            microphone=self._sources[Slot.MICROPHONE],
            camera=self._sources[Slot.CAMERA],
            screen=self._sources[Slot.SCREEN],
            output=self._output,
            quality=self._sources.quality,
            devices=self._devices,
            hand=self._hand,
            chat=self._log.chat,
            reactions=self._log.reactions,
            notices=self._log.notices,
            playback_blocked=self._playback_blocked,
        )

    def _participants(self) -> tuple[Participant, ...]:
        if self._me is None:
            return ()
        speaking = self._speakers.speaking
        media = self._sources.announced
        me = Participant(
            id=self._me,
            name=self._name,
            media=media,
            hand=self._hand,
            me=True,
            connection=(
                Connection.RECONNECTING
                if self._phase is Phase.RECONNECTING
                else Connection.CONNECTED
            ),
            speaking=self._me in speaking and media.microphone,
        )
        return (me, *self._roster.participants(speaking))

    # -- gestures and devices

    def _gesture(self, event: e.Event) -> list[Effect]:
        before = self._sources.announced
        effects = self._asked(event)
        after = self._sources.announced
        if after != before and self._phase in _IN:
            effects.append(Send(m.SetMedia(after)))
        return effects

    def _asked(self, event: e.Event) -> list[Effect]:
        match event:
            case e.CreateRoom():
                return [MakeRoom()]
            case e.EnterLobby(room):
                return self._enter_lobby(room)
            case e.Join(name):
                return self._join(name)
            case e.Leave():
                return self._leave()
            case e.TurnOn(slot):
                return self._sources.turn_on(slot)
            case e.TurnOff(slot):
                return self._sources.turn_off(slot)
            case e.ChooseDevice(slot, device):
                return self._sources.choose_device(slot, device)
            case e.ChooseQuality(quality):
                return self._sources.choose_quality(quality)
            case e.AllowPlayback():
                return [ResumePlayback()]
            case e.PlaybackBlocked(blocked):
                self._playback_blocked = blocked
                return []
            case e.ChooseOutput(device):
                self._output = device
                return [PlayThrough(device)]
            case e.SourceStarted(slot, slots):
                return self._sources.started(slot, slots)
            case e.SourceFailed(slot, problem):
                if problem is not MediaProblem.CANCELLED:
                    self._log.tell(NoticeKind.MEDIA_PROBLEM, slot.word, problem)
                return self._sources.failed(slot, problem)
            case e.SourceEnded(slot):
                return self._source_ended(slot)
            case e.DevicesChanged(devices):
                self._devices = devices
                return []
            case e.Say() | e.ShowReaction() | e.RaiseHand():
                return self._spoken(event)
        raise AssertionError(f"nobody handles {event}")

    def _source_ended(self, slot: Slot) -> list[Effect]:
        effects = self._sources.ended(slot)
        if effects and slot is not Slot.SCREEN:
            self._log.tell(NoticeKind.DEVICE_ENDED, slot.word)
        return effects

    def _spoken(self, event: e.Say | e.ShowReaction | e.RaiseHand) -> list[Effect]:
        if self._phase not in _IN or self._me is None:
            return []
        match event:
            case e.Say(text):
                text = text.strip()[:MAX_CHAT]
                if not text:
                    return []
                return [Send(self._log.write(self._me, text))]
            case e.ShowReaction(emoji):
                return [Send(m.React(emoji))]
            case e.RaiseHand(raised):
                self._hand = raised
                return [Send(m.SetHand(raised))]

    def _enter_lobby(self, room: str) -> list[Effect]:
        effects = self._leave() if self._phase in _IN else []
        self._room = room
        if self._phase is not Phase.LOBBY:
            self._go(Phase.LOBBY)
            effects += self._sources.come_back()
        return effects

    def _join(self, name: str) -> list[Effect]:
        if self._phase in _IN or self._phase is Phase.JOINING or not self._room:
            return []
        self._name = name.strip() or "Guest"
        self._forget()
        self._attempt = 0
        again = self._phase is not Phase.LOBBY
        self._go(Phase.JOINING)
        back = self._sources.come_back() if again else []
        return [Connect(self._room), *back]

    def _leave(self) -> list[Effect]:
        if self._phase is Phase.JOINING:
            self._go(Phase.LOBBY)
            return [Disconnect()]
        if self._phase not in _IN:
            return []
        return [Send(m.Leave()), *self._end(Phase.LEFT)]

    # -- signaling

    def _signaling(
        self, event: e.Admitted | e.AdmissionFailed | e.SocketClosed | e.RetryDue
    ) -> list[Effect]:
        if self._phase not in (*_IN, Phase.JOINING) and not self._knocking:
            if isinstance(event, e.AdmissionFailed):
                self._log.tell(NoticeKind.REFUSED, "create-room", event.problem)
            return []
        match event:
            case e.Admitted(token):
                return [Send(self._hello(token))]
            case e.RetryDue(attempt):
                return [Connect(self._room)] if attempt == self._attempt else []
            case e.AdmissionFailed(problem):
                if problem is Problem.SERVER_UNREACHABLE:
                    return self._retry()
                return self._end(Phase.FAILED, problem)
            case e.SocketClosed(code):
                return self._cut(code)

    @property
    def _knocking(self) -> bool:
        """Whether I failed to get in, and still try by myself."""
        return (
            self._phase is Phase.FAILED and self._problem is Problem.SERVER_UNREACHABLE
        )

    def _hello(self, token: str) -> m.Hello:
        return m.Hello(
            version=VERSION,
            token=token,
            name=self._name,
            media=self._sources.announced,
            resume=self._resume,
            agent=self._agent,
        )

    def _cut(self, code: int) -> list[Effect]:
        if code == CloseCode.ELSEWHERE:
            return self._end(Phase.LEFT, Problem.ELSEWHERE)
        if code in (CloseCode.BAD_MESSAGE, CloseCode.REFUSED):
            return self._end(Phase.FAILED, Problem.INTERNAL)
        if self._phase is Phase.JOINED:
            self._go(Phase.RECONNECTING)
        return self._retry()

    def _retry(self) -> list[Effect]:
        delay = next_delay(self._attempt, self._random())
        self._attempt += 1
        if self._phase is Phase.JOINING and self._attempt >= _TRIES:
            self._go(Phase.FAILED, Problem.SERVER_UNREACHABLE)
        return [After(delay, e.RetryDue(self._attempt))]

    def _heard(self, message: m.ServerMessage) -> list[Effect]:
        match message:
            case m.Joined():
                return self._joined(message)
            case m.Failed(code, _, about):
                return self._refused(code, about)
            case m.Pong() | m.GoingAway():
                return []  # the heartbeat is the driver's; a close follows
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
        return []

    def _joined(self, joined: m.Joined) -> list[Effect]:
        if self._knocking:
            self._go(Phase.JOINING)
        if self._phase not in (Phase.JOINING, Phase.RECONNECTING):
            return []
        self._go(Phase.JOINED)
        self._attempt = 0
        unsent, self._unsent = self._unsent, []
        effects: list[Effect] = []
        if not joined.resumed:
            unsent = []
            effects += self._roster.clear()
        self._me, self._resume = joined.you, joined.resume
        self._log.enter(joined.chat)
        effects += self._roster.enter(joined)
        if self._hand:
            effects.append(Send(m.SetHand(True)))
        return [*effects, *(Send(each) for each in (*unsent, *self._log.unconfirmed))]

    def _refused(self, code: ErrorCode, about: str) -> list[Effect]:
        if about == "hello" and self._phase is not Phase.JOINED:
            problem = _PROBLEMS.get(code, Problem.INTERNAL)
            return self._end(Phase.FAILED, problem)
        if code is not ErrorCode.NO_SUCH_PEER:  # they just left: no news
            self._log.tell(NoticeKind.REFUSED, about, code)
        return []

    def _changed(self, info: m.ParticipantInfo) -> list[Effect]:
        if info.id == self._me:
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
        if who == self._me:
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
        self._go(phase, problem)
        effects = [*self._roster.clear(), *self._sources.leave(), Disconnect()]
        self._me = None
        return effects

    def _go(self, phase: Phase, problem: Problem = Problem.NONE) -> None:
        if phase is not self._phase and phase not in TRANSITIONS[self._phase]:
            raise AssertionError(f"{self._phase} -> {phase}")
        self._phase, self._problem = phase, problem
