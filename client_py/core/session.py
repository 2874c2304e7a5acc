"""One person's session in a room: what happens goes in, what to do comes out.

Sans-I/O: no clock, no socket, no device. ``handle`` takes one event and returns
the effects in order; ``snapshot`` is everything there is to show. The parts are
``Membership`` (the phase), ``Sources`` (my microphone, camera and screen), ``Log``
(chat, reactions, notices) and the ``Stay`` in a room, with its ``Roster`` (the
others and the links to them), ``Company`` (who is shown, and who speaks) and
``Hosting`` (my role and the door).
"""

from collections.abc import Callable, Mapping

from client_py.core import event as e
from client_py.core.address import is_room
from client_py.core.effect import (
    Deliver,
    Disconnect,
    Effect,
    MakeRoom,
    Recall,
    Send,
)
from client_py.core.log import Log
from client_py.core.membership import Membership
from client_py.core.refusal import ASKED_AGAIN, PASSING, PROBLEMS
from client_py.core.roster import Roster
from client_py.core.slot import Slot
from client_py.core.source import Sources
from client_py.core.state import NoticeKind, Phase, Problem, Snapshot
from client_py.core.stay import Stay, sendable
from client_py.core.wake import Sign
from e2ee.errors import SecretError
from e2ee.room import read_invitation
from protocol import messages as m
from protocol.codec import tag_of
from protocol.codes import (
    MAX_NAME,
    MAX_PASSCODE,
    CloseCode,
    ErrorCode,
    LeaveReason,
    Wish,
)

_WISHES = {
    Wish.MUTE: (Slot.MICROPHONE, NoticeKind.MUTED),
    Wish.STOP_SHARE: (Slot.SCREEN, NoticeKind.SHARE_STOPPED),
}


class Session:
    """The state of one person's session. ``random`` gives floats in [0, 1).

    ``encrypts`` says whether the platform can; else it comes into no encrypted room.
    """

    def __init__(
        self, random: Callable[[], float], agent: str = "", *, encrypts: bool = False
    ) -> None:
        self._random = random
        self._agent = agent
        self._encrypts = encrypts
        self._membership = Membership(random)
        self._log = Log()
        self._sources = Sources(self._log.tell)
        self._known: Mapping[bytes, str] = {}  # whose keys were verified here before
        self._stay = self._begin("")
        self._shown: Snapshot | None = None  # nothing has happened since

    def _begin(self, name: str, shared_key: bytes = b"") -> Stay:
        self._log.clear()
        roster = Roster(self._random, self._membership.room, shared_key)
        roster.trust.recall(self._known)
        return Stay(name, self._sources, self._log, roster)

    def handle(self, event: e.Event) -> list[Effect]:
        """Take what happened, return what is to be done."""
        effects = self._take(event)
        if not _unseen(event, effects):
            self._shown = None
        return [*effects, *self._stay.guard(), *self._stay.correspond()]

    def _take(self, event: e.Event) -> list[Effect]:
        match event:
            case e.Heard(message):
                return self._heard(message)
            case e.PeerSaid():
                return self._stay.roster.said(event)
            case e.PeerChanged():
                return self._stay.roster.mending.changed(event)
            case e.RecoveryDue():
                return self._stay.roster.mending.due(event)
            case e.PeerSecured():
                return self._stay.secured(event)
            case e.PeerForged():
                self._stay.forged()
            case e.DevicesRecalled(known):
                self._known = known
                self._stay.roster.trust.recall(known)
            case e.CurvesMissing():
                self._encrypts = False  # who joins from now on is told before
                knocks = self._membership.knocking or self._membership.inside
                if knocks and self._stay.roster.sealed:
                    return self._end(Phase.FAILED, Problem.E2EE_UNSUPPORTED)
            case e.PeerSpoke():
                return self._stay.told(event)
            case e.RenewalDue():
                return self._stay.roster.mending.renewal_due(event)
            case e.PeerGathered():
                self._stay.roster.gathered(event)
            case e.PeerHinted() | e.HideVideo() | e.TilesMeasured():
                return self._stay.pictured(event)
            case e.LinksLooked():
                return self._stay.look(event)
            case e.LevelsMeasured(levels, now, mine):
                audience = bool(self._stay.roster.people)
                heard = self._sources.measure(mine, now, audience=audience)
                if self._stay.company.measure(levels, now) or heard:
                    self._shown = None
            case _ if isinstance(event, e.SignalingEvent):
                return self._signaling(event)
            case _ if isinstance(event, e.SourceEvent):
                return self._source(event)
            case _:
                return self._gesture(event)
        return []

    @property
    def snapshot(self) -> Snapshot:
        """Everything that a view needs, as it is now."""
        if self._shown is None:
            self._shown = self._show()
        return self._shown

    def _show(self) -> Snapshot:
        return Snapshot(
            phase=self._membership.phase,
            problem=self._membership.problem,
            room=self._membership.room,
            name=self._stay.name,
            participants=self._stay.company.participants(
                self._stay.name,
                hand=self._stay.hand,
                connection=self._membership.connection,
                role=self._stay.hosting.role,
            ),
            pairs=self._stay.pairs(),
            active_speaker=self._stay.company.active_speaker,
            microphone=self._sources[Slot.MICROPHONE],
            camera=self._sources[Slot.CAMERA],
            screen=self._sources[Slot.SCREEN],
            output=self._sources.playback.output,
            preferred_output=self._sources.playback.preferred,
            quality=self._sources.quality,
            devices=self._sources.devices,
            hand=self._stay.hand,
            chat=self._log.chat,
            reactions=self._log.reactions,
            notices=self._log.notices,
            playback_blocked=self._sources.playback.blocked,
            role=self._stay.hosting.role,
            door=self._stay.hosting.door,
            waiting=self._stay.hosting.waiting,
            secret=self._membership.secret,
            room_code=self._stay.roster.trust.room_code,
        )

    # -- gestures and devices

    def _source(self, event: e.SourceEvent) -> list[Effect]:
        before = self._sources.quality
        effects = self._sources.handle(event)
        if self._membership.inside:
            effects += self._stay.announce()
            if self._sources.quality is not before:
                effects += self._stay.gallery.settle(self._stay.roster.generations)
        return effects

    def _gesture(self, event: e.Gesture) -> list[Effect]:
        match event:
            case e.CreateRoom(e2ee):
                if e2ee and not self._encrypts:  # it would be nobody's: without a key
                    refused = Problem.E2EE_UNSUPPORTED
                    self._log.tell(NoticeKind.REFUSED, "create-room", refused)
                    return []
                return [MakeRoom(e2ee)]
            case e.EnterLobby(room, secret):
                return self._enter_lobby(room, secret)
            case e.Join(name, passcode):
                return self._join(name, passcode)
            case e.Leave():
                return self._leave()
            case _ if self._membership.inside:
                return self._stay.spoken(event)
        return []

    def _enter_lobby(self, room: str, secret: str) -> list[Effect]:
        effects = self._leave()
        known = is_room(room)
        self._membership.room, self._membership.passcode = room if known else "", ""
        self._membership.secret = secret if known else ""
        before = self._phase
        self._membership.go(Phase.LOBBY)
        if before is not Phase.LOBBY:
            effects += self._sources.come_back()
        self._known = {}
        if room and not known:  # a link that was spoilt on its way: nobody to ask
            return [*effects, *self._end(Phase.FAILED, Problem.ROOM_NOT_FOUND)]
        if secret and self._encrypts:
            effects.append(Recall(room))  # it takes its time: not when somebody waits
        return effects

    def _join(self, name: str, passcode: str) -> list[Effect]:
        member = self._membership
        busy = member.inside or member.phase in (Phase.JOINING, Phase.WAITING)
        if busy or not member.room:
            return []
        member.passcode = sendable(passcode, MAX_PASSCODE) or member.passcode
        shared_key = b""
        if member.secret:
            # With a secret the call is encrypted, whatever the server says of it.
            if not self._encrypts:
                return self._end(Phase.FAILED, Problem.E2EE_UNSUPPORTED)
            try:
                shared_key = read_invitation(member.secret).shared_key
            except SecretError:
                return self._end(Phase.FAILED, Problem.SECRET_SPOILT)
        self._stay = self._begin(sendable(name, MAX_NAME) or "Guest", shared_key)
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
            case e.Woken(sign):
                knocking = self._membership.hurry(anew=sign is Sign.NETWORK)
                return [*knocking, *self._stay.roster.mending.woken(sign)]
            case e.Settled():
                self._membership.settle()
                return []
            case e.AbsenceOver(serial):
                return self._stay.absence_over(serial)
        if not self._membership.knocking:
            if isinstance(event, e.AdmissionFailed):
                waiting = self._phase in (Phase.LOBBY, Phase.FAILED)
                if event.problem is Problem.LOGIN_REQUIRED and waiting:
                    return self._end(Phase.FAILED, event.problem)
                self._log.tell(NoticeKind.REFUSED, "create-room", event.problem)
            return []
        match event:
            case e.Admitted(token):
                return [Send(self._stay.hello(token, self._agent))]
            case e.AdmissionFailed(Problem.SERVER_UNREACHABLE):
                return self._membership.retry()
            case e.AdmissionFailed(problem) if problem in ASKED_AGAIN:
                return self._ask_again(problem)
            case e.AdmissionFailed(problem):
                return self._end(Phase.FAILED, problem)

    def _ask_again(self, problem: Problem) -> list[Effect]:
        """Stand in the lobby again, with everything that was on."""
        self._membership.passcode = ""
        if not self._membership.inside:
            self._membership.go(Phase.LOBBY, problem)
            return [Disconnect()]
        return [*self._end(Phase.LOBBY, problem), *self._sources.come_back()]

    def _cut(self, code: int) -> list[Effect]:
        if not (self._membership.inside or self._membership.knocking):
            return []
        if code == CloseCode.ELSEWHERE:
            return self._end(Phase.LEFT, Problem.ELSEWHERE)
        if code in (CloseCode.BAD_MESSAGE, CloseCode.REFUSED):
            return self._end(Phase.FAILED, Problem.INTERNAL)
        self._stay.cut()
        return self._membership.retry()

    def _heard(self, message: m.ServerMessage) -> list[Effect]:
        match message:
            case m.Joined():
                return self._joined(message)
            case m.Resumed():
                return self._resumed(message)
            case m.Failed(code, _, about):
                return self._refused(code, about)
            case m.Waiting() if self._phase is not Phase.JOINED:
                return self._wait()
            case m.GoingAway(retry_after):
                self._membership.wait(retry_after)
                return []  # a close follows
            case m.Pong():
                return []  # the heartbeat is the driver's
        if self._phase is not Phase.JOINED:
            return []
        match message:
            case m.ParticipantLeft(who, reason) if who == self._stay.company.me:
                return self._gone(reason)
            case m.Asked(who, wish):
                return self._asked(who, wish)
            case _:
                return self._stay.heard(message)

    def _wait(self) -> list[Effect]:
        """A host has to let me in; whatever seat I had is gone."""
        if not self._membership.knocking:
            return []
        self._membership.stand_by()
        return self._stay.lose_seat()

    def _asked(self, who: m.ParticipantId, wish: Wish) -> list[Effect]:
        """A host's wish is done, and told to me."""
        slot, notice = _WISHES[wish]
        effects = self._source(e.TurnOff(slot))
        if effects:
            host = self._stay.roster.info(who)
            self._log.tell(notice, host.name if host else "")
        return effects

    def _joined(self, joined: m.Joined) -> list[Effect]:
        if not self._membership.knocking:
            return []
        if joined.door.e2ee and not self._stay.roster.sealed:
            leave = Send(m.Leave())
            return [leave, *self._end(Phase.FAILED, Problem.SECRET_MISSING)]
        self._membership.enter()
        return self._stay.enter(joined)

    def _resumed(self, resumed: m.Resumed) -> list[Effect]:
        """Nothing was lost: what I know is true, and what I missed follows."""
        if self._phase is Phase.RECONNECTING:
            self._membership.enter()
            return self._stay.go_on(resumed)
        return []

    def _refused(self, code: ErrorCode, about: str) -> list[Effect]:
        if about == "hello" and self._membership.knocking:
            if code in PASSING:
                self._stay.resume = ""  # a new seat, where the old one can't be had
                return [Disconnect(), *self._membership.retry()]
            return self._end(Phase.FAILED, PROBLEMS.get(code, Problem.INTERNAL))
        if not about and self._membership.inside:
            match code:
                case ErrorCode.REMOVED:
                    return self._end(Phase.LEFT, Problem.REMOVED)
                case ErrorCode.BANNED:
                    return self._end(Phase.FAILED, Problem.BANNED)
        if about == tag_of(m.Chat):
            self._log.refused()
        if code is not ErrorCode.NO_SUCH_PEER:  # they just left: no news
            self._log.tell(NoticeKind.REFUSED, about, code)
        return []

    def _gone(self, reason: LeaveReason) -> list[Effect]:
        """I am not in the room any more: somebody else said so."""
        problem = {
            LeaveReason.REMOVED: Problem.REMOVED,
            LeaveReason.ELSEWHERE: Problem.ELSEWHERE,
        }.get(reason, Problem.NONE)
        return self._end(Phase.LEFT, problem)

    # -- common ends

    def _end(self, phase: Phase, problem: Problem = Problem.NONE) -> list[Effect]:
        """Leave the room behind, for whatever reason."""
        self._membership.go(phase, problem)
        effects = [*self._stay.roster.clear(), *self._sources.leave(), Disconnect()]
        self._stay.company.me = None
        return effects

    @property
    def _phase(self) -> Phase:
        return self._membership.phase


def _unseen(event: e.Event, effects: list[Effect]) -> bool:
    """Whether it can't change what is shown: what comes most often is only passed on.

    (Levels that do change it say so themselves.)
    """
    match event:
        case e.LevelsMeasured() | e.PeerSaid():
            return True
        case e.Heard(m.Signaled()):
            return bool(effects) and all(isinstance(each, Deliver) for each in effects)
    return False
