"""My end of the connection to one participant, as data, and what to say of it."""

from dataclasses import dataclass, field, replace
from typing import Final

from client_py.core.event import PeerSecured
from client_py.core.look import Look
from client_py.core.recovery import Recovery, Stage
from client_py.core.state import Alarm, Attempt, Cause, Connection, Encryption, Quality
from client_py.core.terms import SafetyCode
from client_py.core.verdict import Gathered, cause, has_relay
from protocol.codes import Presence
from protocol.messages import IceServer, LinkReport, ParticipantInfo
from protocol.statistics import Connection as Route, Transport

LATE: Final = 4  # looks: a connection that is made takes less, mostly far less
SILENCE: Final = 2  # looks without anything, from somebody who sends something
# Browsers check their ways every 2.5 or five seconds, and from who is muted and not
# looked at nothing else may come.
QUIET: Final = 8


@dataclass(slots=True)
class Link:
    """My end of the connection to one participant."""

    info: ParticipantInfo
    initiator: bool
    generation: int = 1
    connection: Connection = Connection.CONNECTING
    recovery: Recovery = field(default_factory=Recovery)  # of this generation
    failures: int = 0  # generations in a row
    quality: Quality = Quality.EXCELLENT
    e2ee: Encryption = Encryption.OFF
    code: SafetyCode | None = None
    identity: bytes = b""  # their key, as the last handshake proved it
    familiar: bool = False  # verified on an earlier visit
    alarm: Alarm = Alarm.NONE
    alias: str = ""  # the name under which this key was verified, if another
    accepted: bytes = b""  # the key that the person lets pass all the same
    forked: bool = False  # they see other people than I do
    unproved: int = 0  # looks at it while nobody had proved a key
    verified: bytes = b""  # the key that both people found to be the right one
    ended: bool = False  # for good: it can't be trusted
    heard: int = 0  # the last number that they gave a signal
    named: bool = False  # by themselves, under seal
    introduced: bool = False  # told what they show, where that is sealed
    absent: bool = False  # not back since the server was started anew
    gathered: Gathered = Gathered()  # by this generation
    before: Gathered = Gathered()  # by the one that failed before it
    looks: int = 0  # at this generation while it didn't stand yet
    owed: int = 0  # looks in a row at which something had to come
    route: tuple[Route, Transport] = ("unknown", "unknown")
    fault: Cause = Cause.NONE  # of what they send

    @property
    def encryption(self) -> Encryption:
        """How it is encrypted, as far as that helps people."""
        return Encryption.FAILED if self.alarm.holds else self.e2ee

    @property
    def away(self) -> bool:
        """Whether the server doesn't hear them."""
        return self.absent or self.info.presence is Presence.RECONNECTING

    @property
    def shown(self) -> Connection:
        """Media may flow while signaling is cut: people are told of the cut."""
        if self.away and self.connection is Connection.CONNECTED:
            return Connection.RECONNECTING
        return self.connection

    @property
    def late(self) -> bool:
        """Whether this generation takes longer to stand than it should."""
        return self.looks >= LATE

    def renew(self, generation: int) -> None:
        """Begin another connection to the same person."""
        self.before = self._found()
        self.generation, self.recovery = generation, Recovery()
        self.gathered, self.looks, self.fault = Gathered(), 0, Cause.NONE
        if self.e2ee is not Encryption.FAILED:
            self.e2ee = Encryption.OFF
        if self.connection is Connection.CONNECTED:
            self.connection = Connection.RECONNECTING

    def stand(self) -> None:
        """It stands, perhaps again."""
        self.connection = Connection.CONNECTED
        self.failures = self.looks = 0
        self.before = Gathered()

    def fail(self) -> None:
        """This generation is given up, by either end."""
        # A first failure is most often a network that just changed.
        again = self.failures > 0
        self.connection = Connection.UNREACHABLE if again else Connection.RECONNECTING
        self.failures += 1

    def secure(self, secured: PeerSecured) -> None:
        """It is encrypted, or isn't any more; another key than before ends it."""
        theirs = secured.theirs
        self.e2ee, self.code = secured.encryption, secured.code
        self.identity = theirs or self.identity  # a try that fails proves nothing
        if secured.name:
            self.info, self.named = replace(self.info, name=secured.name), True
        match secured.encryption:
            case Encryption.VERIFIED:
                self.verified = theirs
            case Encryption.ON if self.verified == theirs != b"":
                self.e2ee = Encryption.VERIFIED
            case Encryption.ON if self.verified:
                self.e2ee, self.ended = Encryption.FAILED, True
        self.familiar &= self.verified == theirs
        if secured.ended or self.ended:
            self.ended, self.connection = True, Connection.UNREACHABLE

    def mistrust(self, alias: str) -> None:
        """Their key was verified, under another name."""
        self.verified, self.familiar, self.alias = b"", False, alias
        self.e2ee = Encryption.ON

    def recognize(self) -> None:
        """Their key was verified on an earlier visit."""
        self.alarm, self.alias = Alarm.NONE, ""
        if self.identity and not self.verified:
            self.verified, self.familiar = self.identity, True
            if self.e2ee is Encryption.ON:
                self.e2ee = Encryption.VERIFIED

    def look(self, look: Look, *, sending: bool) -> None:
        """Take note of how it is just now, and whether something has to come."""
        self.owed = self.owed + 1 if sending else 0
        self.quality = look.quality
        self.route = (look.connection, look.transport)
        self.fault = look.fault

    def is_silent(self, look: Look) -> bool:
        """Whether so much of nothing means that there is no line."""
        missed = look.missed or 0
        # What they were asked for a moment ago needn't be on its way yet.
        return missed >= QUIET or min(missed, self.owed) >= SILENCE

    def attempt(self, servers: tuple[IceServer, ...]) -> Attempt:
        """Return what is being done about it."""
        if self.ended or self.connection is Connection.CONNECTED:
            return Attempt.NOTHING
        relay = Attempt.RELAY if has_relay(servers) else None
        match self.recovery.stage:
            case Stage.SHAKEN | Stage.HELD:
                return Attempt.WAIT
            case Stage.RESTARTED:
                return relay or Attempt.WAY
            case Stage.NEW if self.connection is Connection.CONNECTING:
                return (relay or Attempt.WAY) if self.late else Attempt.NOTHING
        return relay or Attempt.ANEW

    def cause(self, servers: tuple[IceServer, ...]) -> Cause:
        """Return why it isn't well, once that is more than a moment's weakness."""
        if self.away:
            stands = self.connection is Connection.CONNECTED
            return Cause.CUT if stands else Cause.AWAY
        if self.fault and not self.ended:
            return self.fault
        if self.ended or not (self.failures or self.late):
            return Cause.NONE
        return cause(servers, self._found())

    def _found(self) -> Gathered:
        """Return what is known of ways out.

        Browsers ask a relay that is away for longer than a generation lives: what
        didn't answer in time has to count as an answer.
        """
        if self.late:
            return replace(self.gathered, finished=True)
        return self.before if self.gathered == Gathered() else self.gathered

    def report(self, servers: tuple[IceServer, ...]) -> LinkReport:
        """Return what the others have to know of it."""
        stands = self.connection is Connection.CONNECTED
        way: tuple[Route, Transport] = self.route if stands else ("unknown", "unknown")
        return LinkReport(self.info.id, self.connection, self.attempt(servers), *way)
