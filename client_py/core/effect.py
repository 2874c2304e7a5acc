"""What a session wants done. Data only; ``conference`` performs it, in order."""

from dataclasses import dataclass

from client_py.core.event import Event
from client_py.core.recovery import FIRST
from client_py.core.slot import Slot
from client_py.core.state import CaptureQuality
from client_py.core.terms import SafetyCode, Terms
from client_py.core.uplink import Shape as Shaped
from e2ee.rotation import Reason
from protocol.messages import (
    Aside,
    ClientMessage,
    IceServer,
    ParticipantId,
    PeerMessage,
)


@dataclass(frozen=True, slots=True)
class MakeRoom:
    """Ask the server for a room, then enter its lobby."""

    e2ee: bool = True


@dataclass(frozen=True, slots=True)
class Connect:
    """Get a token for the room and open the socket, then say so."""

    room: str
    passcode: str = ""


@dataclass(frozen=True, slots=True)
class Disconnect:
    """Close the socket."""


@dataclass(frozen=True, slots=True)
class Probe:
    """Find out soon whether the socket still lives."""


@dataclass(frozen=True, slots=True)
class Send:
    """Say something to the server."""

    message: ClientMessage


@dataclass(frozen=True, slots=True)
class After:
    """Let this event happen in so many seconds."""

    seconds: float
    event: Event


@dataclass(frozen=True, slots=True)
class OpenPeer:
    """Make my end of a link. The initiator offers, and is the impolite side.

    It has failed if it doesn't stand after ``patience`` seconds.
    """

    participant: ParticipantId
    generation: int
    initiator: bool
    ice_servers: tuple[IceServer, ...] = ()
    terms: Terms | None = None  # None: a call without encryption from end to end
    patience: float = FIRST


@dataclass(frozen=True, slots=True)
class UseServers:
    """Have every link use these from now on: the old credentials end."""

    ice_servers: tuple[IceServer, ...]


@dataclass(frozen=True, slots=True)
class RestartIce:
    """Look for another way to a participant, with the connection there is."""

    participant: ParticipantId


@dataclass(frozen=True, slots=True)
class Deliver:
    """Hand a message from the other end to my end of the link."""

    participant: ParticipantId
    message: PeerMessage


@dataclass(frozen=True, slots=True)
class RenewKeys:
    """Send under new keys on every link: somebody came or left."""

    reason: Reason


@dataclass(frozen=True, slots=True)
class Compare:
    """Tell the other end of a link whether its code matches, if it is still this."""

    participant: ParticipantId
    match: bool
    code: SafetyCode | None


@dataclass(frozen=True, slots=True)
class HoldBack:
    """Let no sound or picture pass on a link, either way, or let them pass again."""

    participant: ParticipantId
    held: bool


@dataclass(frozen=True, slots=True)
class Recall:
    """Be who I was in this room, and say whom I verified there."""

    room: str


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep that this key is somebody's, for the next visit to the room."""

    room: str
    key: bytes
    name: str


@dataclass(frozen=True, slots=True)
class Tell:
    """Say something to the other end of a link, beside what makes it."""

    participant: ParticipantId
    word: Aside


@dataclass(frozen=True, slots=True)
class Shape:
    """Send pictures of this shape on a link."""

    participant: ParticipantId
    shape: Shaped


@dataclass(frozen=True, slots=True)
class ClosePeer:
    """Take my end of a link down, and what plays from it."""

    participant: ParticipantId


@dataclass(frozen=True, slots=True)
class StartSource:
    """Open a device or a share, then say so; what was open there is replaced."""

    slot: Slot
    device: str
    quality: CaptureQuality


@dataclass(frozen=True, slots=True)
class StopSource:
    """Close a device or a share: its light goes out."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Publish:
    """Send the open track of this slot on every link, now and to come."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Unpublish:
    """Send nothing in this slot on any link."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class PlayThrough:
    """Play everyone through this output device."""

    device: str


@dataclass(frozen=True, slots=True)
class PickOutput:
    """Let the person choose the output device; this is the gesture for it."""


@dataclass(frozen=True, slots=True)
class ResumePlayback:
    """Try again to let the sound through; this is the gesture for it."""


Effect = (
    MakeRoom
    | Connect
    | Disconnect
    | Probe
    | Send
    | After
    | OpenPeer
    | UseServers
    | RestartIce
    | Deliver
    | RenewKeys
    | Compare
    | HoldBack
    | Recall
    | Remember
    | Tell
    | Shape
    | ClosePeer
    | StartSource
    | StopSource
    | Publish
    | Unpublish
    | PlayThrough
    | PickOutput
    | ResumePlayback
)
