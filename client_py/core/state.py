"""What the client is and shows: enums, the phases' transitions, the snapshot.

Data only. The view draws a ``Snapshot`` and knows nothing else of the session.
"""

from dataclasses import dataclass, field
from enum import StrEnum

from client_py.core.slot import Slot
from client_py.core.terms import SafetyCode
from protocol.codes import Role
from protocol.links import Attempt as Attempt, Reach
from protocol.messages import ChatLine, Door, MediaState, Newcomer, ParticipantId
from protocol.statistics import Connection as Route, Transport


class Phase(StrEnum):
    """Where the person is. ``<body data-phase>`` is this word."""

    LOBBY = "lobby"
    JOINING = "joining"
    WAITING = "waiting"
    JOINED = "joined"
    RECONNECTING = "reconnecting"
    LEFT = "left"
    FAILED = "failed"


#: Which phase may follow which. What isn't here is a defect of the session.
TRANSITIONS: dict[Phase, frozenset[Phase]] = {
    Phase.LOBBY: frozenset({Phase.JOINING, Phase.FAILED}),
    Phase.JOINING: frozenset(
        {Phase.JOINED, Phase.WAITING, Phase.FAILED, Phase.LOBBY, Phase.LEFT}
    ),
    Phase.WAITING: frozenset(
        {Phase.JOINED, Phase.JOINING, Phase.FAILED, Phase.LOBBY, Phase.LEFT}
    ),
    Phase.JOINED: frozenset({Phase.RECONNECTING, Phase.LEFT, Phase.FAILED}),
    Phase.RECONNECTING: frozenset(
        {Phase.JOINED, Phase.WAITING, Phase.LEFT, Phase.FAILED, Phase.LOBBY}
    ),
    Phase.LEFT: frozenset({Phase.JOINING, Phase.LOBBY}),
    Phase.FAILED: frozenset({Phase.JOINING, Phase.LOBBY, Phase.LEFT}),
}


class Problem(StrEnum):
    """Why the phase is failed, left unasked, or the lobby again.

    ``<body data-problem>`` is this word.
    """

    NONE = ""
    ROOM_NOT_FOUND = "room-not-found"
    ROOM_FULL = "room-full"
    TOKEN_EXPIRED = "token-expired"
    LOGIN_REQUIRED = "login-required"
    SERVER_UNREACHABLE = "server-unreachable"
    PROTOCOL_MISMATCH = "protocol-mismatch"
    ELSEWHERE = "elsewhere"
    REMOVED = "removed"
    BANNED = "banned"
    LOCKED = "locked"
    REFUSED = "refused"
    PASSCODE_REQUIRED = "passcode-required"
    PASSCODE_WRONG = "passcode-wrong"
    TOO_MANY = "too-many"
    SECRET_MISSING = "secret-missing"
    SECRET_SPOILT = "secret-spoilt"
    E2EE_UNSUPPORTED = "e2ee-unsupported"
    INTERNAL = "internal"


class MediaProblem(StrEnum):
    """Why a device or a share could not be had."""

    NONE = ""
    DENIED = "permission-denied"
    SYSTEM_DENIED = "system-denied"  # the browser may, but the system doesn't let it
    NOT_FOUND = "not-found"
    IN_USE = "in-use"
    CANCELLED = "cancelled"
    UNSUPPORTED = "unsupported"
    FAILED = "failed"


class SourceState(StrEnum):
    """One of my own sources: microphone, camera or screen."""

    OFF = "off"
    STARTING = "starting"
    LIVE = "live"
    SILENT = "silent"  # it is sent as before, but nothing comes out of the device
    MUTED = "muted"  # the device is open, nothing of it is sent
    FAILED = "failed"

    @property
    def on(self) -> bool:
        """Whether the person has it on, as its button shows."""
        return self in (SourceState.STARTING, SourceState.LIVE, SourceState.SILENT)

    @property
    def sent(self) -> bool:
        """Whether the others get it."""
        return self in (SourceState.LIVE, SourceState.SILENT)

    @property
    def open(self) -> bool:
        """Whether there is a track of it."""
        return self.sent or self is SourceState.MUTED


#: How a participant is reached, as the others are told and as ``data-connection`` of
#: the tile says it.
Connection = Reach


class Cause(StrEnum):
    """Why a link isn't well, as far as it is known. ``data-cause`` of the tile."""

    NONE = ""
    OFFLINE = "offline"  # I reach nobody, the server neither
    AWAY = "away"  # they reach nobody: asleep, or without a network
    CUT = "cut"  # the server doesn't hear them; sound and picture go on
    NO_RELAY = "no-relay"
    RELAY_REFUSED = "relay-refused"
    RELAY_AWAY = "relay-away"
    UDP_BLOCKED = "udp-blocked"
    UNREADABLE = "unreadable"  # they send what can't be decrypted
    REPEATED = "repeated"  # they send only what they sent before


class Quality(StrEnum):
    """How well a participant is received. ``data-quality`` of the tile."""

    EXCELLENT = "excellent"
    GOOD = "good"
    POOR = "poor"
    LOST = "lost"


class Encryption(StrEnum):
    """How a participant's link is encrypted. ``data-e2ee`` of the tile."""

    OFF = "off"
    ON = "on"
    VERIFIED = "verified"
    FAILED = "failed"


class Alarm(StrEnum):
    """Why whoever is on a link may be somebody else. ``data-alarm`` of the tile."""

    NONE = ""
    OTHER_DEVICE = "other-device"  # not the one that was verified under this name
    OTHER_KEY = "other-key"  # not the one that was on this link a moment ago
    DIFFERED = "differed"  # the codes of who had this name differed
    OTHER_NAME = "other-name"  # the device was verified, as somebody else's

    @property
    def holds(self) -> bool:
        """Whether sound and picture wait for the person's word."""
        return self not in (Alarm.NONE, Alarm.OTHER_NAME)


class CaptureQuality(StrEnum):
    """What the camera is asked for."""

    HD = "hd"
    SD = "sd"
    LOW = "low"
    AUDIO = "audio"  # no pictures at all, neither sent nor received

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in pixels."""
        return _SIZES[self]


_SIZES = {
    CaptureQuality.HD: (1280, 720),
    CaptureQuality.SD: (640, 360),
    CaptureQuality.LOW: (320, 180),
    CaptureQuality.AUDIO: (640, 360),  # of a screen that is shared all the same
}


class NoticeKind(StrEnum):
    """What a passing notice tells; the view has the words."""

    JOINED = "joined"
    LEFT = "left"
    LOST = "lost"
    HAND = "hand"
    SHARING = "sharing"
    SHARE_ENDED = "share-ended"
    DEVICE_ENDED = "device-ended"
    DEVICE_UNPLUGGED = "device-unplugged"  # nothing of it was sent, so nothing is tried
    DEVICE_REPLACED = "device-replaced"
    DEVICE_BACK = "device-back"
    DEFAULT_CHANGED = "default-changed"
    SOURCE_HELD = "source-held"
    MICROPHONE_SILENT = "microphone-silent"
    TALKING_MUTED = "talking-muted"
    MEDIA_PROBLEM = "media-problem"
    REFUSED = "refused"
    MUTED = "muted"
    SHARE_STOPPED = "share-stopped"
    HOST = "host"
    WAITING = "waiting"
    KEY_CHANGED = "key-changed"
    MISMATCH = "mismatch"
    UNPROTECTED = "unprotected"
    UNOPENED = "unopened"
    FORKED = "forked"
    FORGED = "forged"
    OTHER_DEVICE = "other-device"
    OTHER_KEY = "other-key"
    OTHER_NAME = "other-name"
    DIFFERED = "differed"
    VIDEO_PAUSED = "video-paused"
    VIDEO_BACK = "video-back"


@dataclass(frozen=True, slots=True)
class Device:
    """A ``MediaDeviceInfo``; ``kind`` is audioinput, videoinput or audiooutput."""

    id: str
    kind: str
    label: str


@dataclass(frozen=True, slots=True)
class Choice:
    """The device that a person chose; ``""`` is whichever is the default one.

    By its label it is found again under another id.
    """

    id: str = ""
    label: str = ""


@dataclass(frozen=True, slots=True)
class Source:
    """One of my own sources.

    ``device`` is the one in use, or asked for: the ``preferred`` one, or the next
    best while that can't be had. ``""`` is whichever is the default.
    """

    state: SourceState = SourceState.OFF
    problem: MediaProblem = MediaProblem.NONE
    device: str = ""
    preferred: Choice = Choice()


@dataclass(frozen=True, slots=True)
class Participant:
    """One person as a tile shows them."""

    id: ParticipantId
    name: str
    media: MediaState = MediaState()
    hand: bool = False
    me: bool = False
    connection: Connection = Connection.CONNECTING
    speaking: bool = False
    quality: Quality = Quality.EXCELLENT
    attempt: Attempt = Attempt.NOTHING
    cause: Cause = Cause.NONE
    role: Role = Role.MEMBER
    e2ee: Encryption = Encryption.OFF
    code: SafetyCode | None = None
    silent: bool = (
        False  # the microphone is on, and no sound comes out of it; mine only
    )
    familiar: bool = False  # verified on an earlier visit: the same device
    alarm: Alarm = Alarm.NONE
    alias: str = ""  # the name under which their device was verified, if another
    forked: bool = False  # they see other people in this call than I do
    hidden: bool = False  # I don't want to see them
    paused: bool = False  # the way is too slow for their picture, or for mine


@dataclass(frozen=True, slots=True)
class Pair:
    """Two people and the line between them, by what both of its ends say."""

    one: ParticipantId
    other: ParticipantId
    state: Connection = Connection.CONNECTING
    attempt: Attempt = Attempt.NOTHING
    connection: Route = "unknown"
    transport: Transport = "unknown"

    @property
    def broken(self) -> bool:
        """Whether there is no line where one should be."""
        tried = self.attempt is not Attempt.NOTHING
        return tried or self.state is Connection.UNREACHABLE


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji to float on a tile once; ``serial`` tells new from seen."""

    serial: int
    participant: ParticipantId
    emoji: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to tell once; ``serial`` tells new from seen.

    ``subject`` is a name or a slot's word, ``detail`` a problem's word or an id.
    """

    serial: int
    kind: NoticeKind
    subject: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything that a view needs, immutable. I am the first participant."""

    phase: Phase = Phase.LOBBY
    problem: Problem = Problem.NONE
    room: str = ""
    name: str = ""
    participants: tuple[Participant, ...] = ()
    pairs: tuple[Pair, ...] = ()
    active_speaker: ParticipantId | None = None
    microphone: Source = Source()
    camera: Source = Source()
    screen: Source = Source()
    output: str = ""
    preferred_output: Choice = Choice()
    quality: CaptureQuality = CaptureQuality.SD
    devices: tuple[Device, ...] = ()
    hand: bool = False
    chat: tuple[ChatLine, ...] = ()
    reactions: tuple[Reaction, ...] = ()
    notices: tuple[Notice, ...] = ()
    playback_blocked: bool = False
    role: Role = Role.MEMBER
    door: Door = Door()
    waiting: tuple[Newcomer, ...] = ()
    secret: str = field(default="", repr=False)
    room_code: str = ""

    def source(self, slot: Slot) -> Source:
        """Return my source for a slot; the screen's audio follows the screen."""
        match slot:
            case Slot.MICROPHONE:
                return self.microphone
            case Slot.CAMERA:
                return self.camera
            case _:
                return self.screen
