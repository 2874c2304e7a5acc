"""What happens to a session: gestures, the server's words, peers, devices, time.

Data only; past tense for what happened, imperative for what a person asks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from client_py.core.link_event import (
    DevicesRecalled as DevicesRecalled,
    LevelsMeasured as LevelsMeasured,
    LinkEvent as LinkEvent,
    LinksLooked as LinksLooked,
    PeerChanged as PeerChanged,
    PeerForged as PeerForged,
    PeerGathered as PeerGathered,
    PeerHinted as PeerHinted,
    PeerSaid as PeerSaid,
    PeerSecured as PeerSecured,
    PeerSpoke as PeerSpoke,
    RecoveryDue as RecoveryDue,
    RenewalDue as RenewalDue,
)
from client_py.core.slot import Slot
from client_py.core.state import (
    CaptureQuality,
    Device,
    MediaProblem,
    Problem,
)
from client_py.core.terms import SafetyCode
from client_py.core.wake import Sign
from protocol.messages import (
    HostMessage,
    ParticipantId,
    ServerMessage,
    Watching,
)

# -- gestures


@dataclass(frozen=True, slots=True)
class CreateRoom:
    """Make a new room and stand before its door; encrypted, unless said otherwise."""

    e2ee: bool = True


@dataclass(frozen=True, slots=True)
class EnterLobby:
    """Stand before this room's door; ``""`` for no room yet.

    ``secret`` is what the room's link carries, ``""`` where it carries none.
    """

    room: str
    secret: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True)
class Join:
    """Go in under this name; after a failure or a leave, go in again."""

    name: str
    passcode: str = ""


@dataclass(frozen=True, slots=True)
class Leave:
    """Go out."""


@dataclass(frozen=True, slots=True)
class TurnOn:
    """Open or unmute a source."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class TurnOff:
    """Mute the microphone; close the camera or the share."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class ChooseDevice:
    """Take this microphone or camera from now on.

    ``label`` is what it was called when it was chosen on an earlier visit.
    """

    slot: Slot
    device: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class ChooseOutput:
    """Play everyone through this output device; ``label`` as of ``ChooseDevice``."""

    device: str
    label: str = ""


@dataclass(frozen=True, slots=True)
class PickOutput:
    """Let me choose the output device in a way that is the platform's own."""


@dataclass(frozen=True, slots=True)
class ChooseQuality:
    """Ask the camera for this picture from now on."""

    quality: CaptureQuality


@dataclass(frozen=True, slots=True)
class Say:
    """Write a line of chat, ``at`` this Unix time."""

    text: str
    at: float = 0.0


@dataclass(frozen=True, slots=True)
class ShowReaction:
    """Float an emoji."""

    emoji: str


@dataclass(frozen=True, slots=True)
class RaiseHand:
    """Raise or lower my hand."""

    raised: bool


@dataclass(frozen=True, slots=True)
class Moderate:
    """Ask the server for something that only hosts get."""

    message: HostMessage


@dataclass(frozen=True, slots=True)
class CompareCodes:
    """Say whether a participant's code is the same as mine.

    ``code`` is the one that was looked at: there may be another by now.
    """

    participant: ParticipantId
    match: bool
    code: SafetyCode | None


@dataclass(frozen=True, slots=True)
class AcceptDevice:
    """Let pass what is held back from a device, and for it, in spite of the alarm."""

    participant: ParticipantId
    code: SafetyCode | None


@dataclass(frozen=True, slots=True)
class HideVideo:
    """Show a participant's picture no longer, or again."""

    participant: ParticipantId
    hidden: bool


@dataclass(frozen=True, slots=True)
class TilesMeasured:
    """How large pictures are shown now, in pixels of the screen, 0 for not at all."""

    tiles: Mapping[ParticipantId, Watching]


@dataclass(frozen=True, slots=True)
class AllowPlayback:
    """Let the sound through."""


# -- signaling


@dataclass(frozen=True, slots=True)
class Admitted:
    """The socket is open and this token opens the room."""

    token: str


@dataclass(frozen=True, slots=True)
class AdmissionFailed:
    """No way in: the server can't be reached, or it refused."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class Heard:
    """The server said something."""

    message: ServerMessage


@dataclass(frozen=True, slots=True)
class SocketClosed:
    """The socket is gone; ``code`` is a WebSocket close code, 1006 for none."""

    code: int


@dataclass(frozen=True, slots=True)
class RetryDue:
    """Time to knock again, unless that was overtaken by another attempt."""

    attempt: int


@dataclass(frozen=True, slots=True)
class Woken:
    """The network or the machine may be back: a good moment to look."""

    sign: Sign = Sign.AWAKE


@dataclass(frozen=True, slots=True)
class Settled:
    """The connection to the server has lasted for some seconds."""


@dataclass(frozen=True, slots=True)
class AbsenceOver:
    """Whoever has not come back since the server was started anew is gone."""

    serial: int


# -- devices


@dataclass(frozen=True, slots=True)
class SourceStarted:
    """A source is open; ``slots`` tells which tracks it brought."""

    slot: Slot
    slots: tuple[Slot, ...]


@dataclass(frozen=True, slots=True)
class SourceFailed:
    """A source could not be opened."""

    slot: Slot
    problem: MediaProblem


@dataclass(frozen=True, slots=True)
class SourceEnded:
    """A source stopped by itself: pulled out, or its share ended elsewhere."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class SourceInterrupted:
    """Nothing comes out of a source for now: its track was muted by the platform."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class SourceResumed:
    """The platform lets a source through again."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class InterruptionLasts:
    """Time to tell of an interruption, unless it is over."""

    slot: Slot
    serial: int


@dataclass(frozen=True, slots=True)
class OutputFailed:
    """Nothing can be played through this output device any more."""

    device: str


@dataclass(frozen=True, slots=True)
class PlaybackBlocked:
    """The browser holds sound back until a gesture allows it, or no longer does."""

    blocked: bool


@dataclass(frozen=True, slots=True)
class DevicesChanged:
    """These devices are there now; the first of each kind is the default one."""

    devices: tuple[Device, ...]


SignalingEvent = (
    Admitted | AdmissionFailed | SocketClosed | RetryDue | Woken | Settled | AbsenceOver
)
Gesture = (
    CreateRoom
    | EnterLobby
    | Join
    | Leave
    | Say
    | ShowReaction
    | RaiseHand
    | Moderate
    | CompareCodes
    | AcceptDevice
)
PlaybackEvent = (
    ChooseOutput | PickOutput | OutputFailed | AllowPlayback | PlaybackBlocked
)
SourceEvent = (
    TurnOn
    | TurnOff
    | ChooseDevice
    | ChooseQuality
    | SourceStarted
    | SourceFailed
    | SourceEnded
    | SourceInterrupted
    | SourceResumed
    | InterruptionLasts
    | PlaybackEvent
    | DevicesChanged
)
PictureEvent = HideVideo | TilesMeasured | PeerHinted
Event = Gesture | SignalingEvent | Heard | LinkEvent | SourceEvent | PictureEvent
