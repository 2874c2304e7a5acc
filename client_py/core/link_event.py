"""What links tell the session: their peers, timers, and looks at them. Data only."""

from collections.abc import Mapping
from dataclasses import dataclass

from client_py.core.look import Look
from client_py.core.state import Encryption, NoticeKind
from client_py.core.terms import SafetyCode
from client_py.core.verdict import Gathered
from protocol.messages import Hint, ParticipantId, PeerMessage, Word


@dataclass(frozen=True, slots=True)
class PeerSaid:
    """My end of a link has a message for the other end."""

    participant: ParticipantId
    generation: int
    message: PeerMessage


@dataclass(frozen=True, slots=True)
class PeerChanged:
    """A link's ``RTCPeerConnectionState`` is now this word."""

    participant: ParticipantId
    generation: int
    state: str


@dataclass(frozen=True, slots=True)
class PeerSecured:
    """How a link is encrypted now; ``mine`` and ``theirs`` are identity keys.

    Where it is ``ended`` for good, that is what people are told. ``name`` is what the
    other end proved to go by, ``""`` before it did.
    """

    participant: ParticipantId
    generation: int
    encryption: Encryption
    mine: bytes = b""
    theirs: bytes = b""
    code: SafetyCode | None = None
    ended: NoticeKind | None = None
    name: str = ""


@dataclass(frozen=True, slots=True)
class PeerForged:
    """Something came for a link that its other end hasn't sealed."""

    participant: ParticipantId


@dataclass(frozen=True, slots=True)
class PeerHinted:
    """The other end of a link tells of pictures."""

    participant: ParticipantId
    generation: int
    hint: Hint


@dataclass(frozen=True, slots=True)
class DevicesRecalled:
    """These identity keys were verified on earlier visits, as these people's."""

    known: Mapping[bytes, str]


@dataclass(frozen=True, slots=True)
class PeerSpoke:
    """The other end of an encrypted link says something."""

    participant: ParticipantId
    generation: int
    word: Word


@dataclass(frozen=True, slots=True)
class RenewalDue:
    """Time to replace a link that failed, if it still is that one."""

    participant: ParticipantId
    generation: int


@dataclass(frozen=True, slots=True)
class RecoveryDue:
    """A link had its time to come back, if it is still at that stage."""

    participant: ParticipantId
    generation: int
    serial: int


@dataclass(frozen=True, slots=True)
class PeerGathered:
    """My end of a link knows more of the ways out."""

    participant: ParticipantId
    generation: int
    gathered: Gathered


@dataclass(frozen=True, slots=True)
class LinksLooked:
    """Somebody looked at the links, as is done once a second."""

    looks: Mapping[ParticipantId, Look]


@dataclass(frozen=True, slots=True)
class LevelsMeasured:
    """Audio levels 0..1 by participant, at a time in seconds.

    ``mine`` is that of my open microphone, muted or not; None where it isn't known.
    """

    levels: Mapping[ParticipantId, float]
    now: float
    mine: float | None = None


#: What a peer posts itself.
PeerEvent = (
    PeerSaid
    | PeerChanged
    | PeerSecured
    | PeerForged
    | PeerGathered
    | PeerHinted
    | PeerSpoke
)
LinkEvent = (
    PeerSaid
    | PeerChanged
    | PeerSecured
    | PeerForged
    | PeerSpoke
    | DevicesRecalled
    | RecoveryDue
    | RenewalDue
    | PeerGathered
    | LinksLooked
    | LevelsMeasured
)
