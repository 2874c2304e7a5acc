"""The seam between the logic and a platform: everything a platform must offer.

W3C's words in snake_case. Only plain data crosses, and tracks, which the logic
never looks into. ``browser`` and ``headless`` implement these under the same file
names; ``tests/contract`` holds the promises that both keep.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from client_py.core.doubt import Came
from client_py.core.encoding import Encoding
from client_py.core.event import (
    ChooseOutput,
    DevicesChanged,
    OutputFailed,
    PlaybackBlocked,
    SourceEnded,
    SourceInterrupted,
    SourceResumed,
)
from client_py.core.keeper import Keeper
from client_py.core.outgoing import Outgoing
from client_py.core.slot import Slot
from client_py.core.state import CaptureQuality
from client_py.core.wake import Sign
from e2ee.backend import CryptoBackend
from e2ee.suite import Suite
from protocol.messages import Candidate, Description, IceServer, ParticipantId
from protocol.statistics import Connection, Transport

Track = Any
"""A platform's media track: opaque here."""


# -- signaling


@dataclass(frozen=True, slots=True)
class TextReceived:
    """A text message came."""

    text: str


@dataclass(frozen=True, slots=True)
class Closed:
    """The socket is gone; nothing follows. 1006 when nobody said why."""

    code: int


class Signaling(Protocol):
    """The way to the server: HTTP for rights, one WebSocket for words."""

    async def create_room(self, *, e2ee: bool = True) -> str:
        """Make a room and return its id; raise ``SignalingError``.

        Whoever comes to a room that is made with ``e2ee`` needs the secret of its link.
        """

    async def admit(self, room: str, passcode: str = "") -> str:
        """Return a token that opens the room; raise ``SignalingError``."""

    async def connect(self, emit: Callable[[TextReceived | Closed], None]) -> None:
        """Open the socket; raise ``SignalingError`` when it can't be.

        From then on ``emit`` gets every text in order and ``Closed`` once, unless
        ``close`` was called.
        """

    def watch(self, wake: Callable[[Sign], None] | None) -> None:
        """Call ``wake`` from now on when the network or the machine comes back.

        That is a network that is there again, a page that is seen again, a clock
        that jumped. None ends it.
        """

    def send(self, text: str) -> None:
        """Send a text; silently nothing when the socket is not open."""

    def close(self) -> None:
        """Close the socket with ``HUNG_UP`` and emit nothing more. Idempotent.

        The server keeps the seat for a while: who leaves says so before.
        """


# -- peer connections


@dataclass(frozen=True, slots=True)
class NegotiationNeeded:
    """The connection wants an offer/answer exchange (never from a responder
    whose platform has no rollback)."""


@dataclass(frozen=True, slots=True)
class CandidateGathered:
    """A local candidate to relay; the empty one ends the trickle."""

    candidate: Candidate


@dataclass(frozen=True, slots=True)
class ConnectionStateChanged:
    """``RTCPeerConnection.connectionState`` is now this word."""

    state: str


@dataclass(frozen=True, slots=True)
class TrackReceived:
    """The other side's track of a slot. Once for each slot; it may be silent."""

    slot: Slot
    track: Track


@dataclass(frozen=True, slots=True)
class Unprotected:
    """Frames were encoded that nothing encrypted; the slot is silent from now on."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class Unopened:
    """Frames came that nothing opened, and are played as they are."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class CipherLost:
    """What encrypts the frames is gone: none is sent or opened any more."""


@dataclass(frozen=True, slots=True)
class RelayGathered:
    """There is a relay to go over, and this is how it is reached."""

    transport: Transport


@dataclass(frozen=True, slots=True)
class CandidateRefused:
    """A server gave no candidate (W3C WebRTC §5.7.2); 701 where it didn't answer."""

    url: str
    code: int


PeerEvent = (
    NegotiationNeeded
    | CandidateGathered
    | RelayGathered
    | CandidateRefused
    | ConnectionStateChanged
    | TrackReceived
    | Unprotected
    | Unopened
    | CipherLost
)


@dataclass(frozen=True, slots=True)
class LinkStats:
    """What one link carried since it began, and how, as its own end saw it.

    Counters are totals; ``jitter`` and ``round_trip_time`` are seconds,
    ``timestamp`` is seconds on any steady clock. ``width`` and ``height`` are those
    of the largest picture that comes, 0 where none does. ``heard`` rises with
    whatever comes, answers to ICE's checks among it, and is None where the platform
    doesn't tell of those. ``local`` and ``remote`` are the types of the two
    candidates in use: host, srflx, prflx or relay.
    """

    timestamp: float
    packets_received: int = 0
    packets_lost: int = 0
    bytes_received: int = 0
    frames_decoded: int = 0
    jitter: float = 0.0
    round_trip_time: float = 0.0
    bytes_sent: int = 0
    freezes: int = 0
    width: int = 0
    height: int = 0
    connection: Connection = "unknown"
    transport: Transport = "unknown"
    audio_received: int = 0  # of the packets
    audio_lost: int = 0
    frozen: float = 0.0  # seconds in which the picture stood still
    heard: int | None = None
    frames_sent: int = 0
    sent_width: int = 0
    sent_height: int = 0
    audio_codec: str = ""
    video_codec: str = ""
    local: str = ""
    remote: str = ""
    came: tuple[Came, ...] = ()  # of an encrypted link
    outgoing: Outgoing = Outgoing()


class FrameKeys(Protocol):
    """The keys under which one connection's frames leave and are opened.

    A connection that was made ``sealed`` sends and plays no frame without one.
    """

    async def send_under(self, generation: int, suite: Suite, base_key: bytes) -> None:
        """Protect frames with this key from the next one on."""

    async def receive_under(
        self, generation: int, suite: Suite, base_key: bytes, using: int = -1
    ) -> None:
        """Be ready to open frames of this key; ``using`` is the one in use."""

    def stop_sending(self) -> None:
        """Let no frame leave until there is another key."""


class PeerConnection(Protocol):
    """An ``RTCPeerConnection`` with the four slots of ``Slot``.

    The initiator's has its transceivers from the start, the responder's adopts
    them with the first remote offer; a track replaced before that is kept.
    """

    @property
    def frames(self) -> FrameKeys | None:
        """The keys of its frames, None where it was not made ``sealed``."""

    @property
    def signaling_state(self) -> str:
        """``stable``, ``have-local-offer``, …, ``closed``."""

    def set_local_description(self) -> Awaitable[Description]:
        """Make and set the implicit offer or answer; it, when awaited.

        The platform is asked before this returns, where it can be.
        """

    async def set_remote_description(self, description: Description) -> None:
        """Set it, rolling back a local offer first where that collides."""

    async def add_ice_candidate(self, candidate: Candidate) -> None:
        """Add a remote candidate; the empty one ends the trickle."""

    async def replace_track(self, slot: Slot, track: Track | None) -> None:
        """Send this track, or nothing, in a slot. Never renegotiates."""

    def use_ice_servers(self, servers: tuple[IceServer, ...]) -> None:
        """Gather from these from now on, where the platform can change them.

        (``setConfiguration``, W3C WebRTC §4.4.1.6.) A closed one does nothing.
        """

    def restart_ice(self) -> None:
        """Want to be negotiated anew, over other ways.

        Raises ``NegotiationError`` where that can't be done.
        """

    async def shape(self, slot: Slot, encoding: Encoding) -> None:
        """Send the pictures of a slot like this from now on, where that can be.

        A camera's begin small: nobody knows yet what the way carries, and a first
        picture that is large takes the longer to come the more people one sends it to.
        """

    async def audio_level(self, slot: Slot) -> float:
        """Return the level 0..1 of what is heard in a slot, or was since asked last."""

    async def get_stats(self) -> LinkStats:
        """Return the totals of what was carried, and by which way."""

    def close(self) -> None:
        """End it and emit nothing more. Idempotent."""


class PeerConnectionFactory(Protocol):
    """Makes peer connections; ``emit`` gets every event in order."""

    def __call__(
        self,
        *,
        initiator: bool,
        ice_servers: tuple[IceServer, ...],
        emit: Callable[[PeerEvent], None],
        sealed: bool = False,
    ) -> PeerConnection: ...


# -- media

MediaEvent = (
    SourceEnded
    | SourceInterrupted
    | SourceResumed
    | DevicesChanged
    | OutputFailed
    | ChooseOutput
    | PlaybackBlocked
)


@dataclass(frozen=True, slots=True)
class CaptureRequest:
    """What a source is asked for; ``device`` ``""`` is the default one."""

    slot: Slot
    device: str = ""
    quality: CaptureQuality = CaptureQuality.SD


class Media(Protocol):
    """Devices and shares in, people's pictures and voices out."""

    def watch(self, emit: Callable[[MediaEvent], None]) -> None:
        """Tell of devices, sources that end and sound held back, from now on.

        Microphones and cameras may be interrupted and resume meanwhile.
        """

    def start(self, request: CaptureRequest) -> Awaitable[Mapping[Slot, Track]]:
        """Open a source; its tracks by slot. Raises ``MediaError`` when awaited.

        The platform is asked before this returns, so that a share still counts
        as the person's own gesture. A source that is open in that slot goes on
        until the new one is there.
        """

    def stop(self, slot: Slot) -> None:
        """Close the source of a slot and emit nothing more of it. Idempotent."""

    def level(self) -> float | None:
        """Return the level 0..1 of my own microphone just now.

        Exactly 0 means that nothing came since one was asked a moment ago, None that
        the platform can't tell.
        """

    def play(self, participant: ParticipantId, slot: Slot, track: Track) -> None:
        """Show or sound a participant's track."""

    def stop_playing(self, participant: ParticipantId) -> None:
        """Let go of everything of a participant. Idempotent."""

    def play_through(self, device: str) -> None:
        """Play everyone through this output device, or tell ``OutputFailed``."""

    def pick_output(self) -> None:
        """Let the person choose an output device, and tell ``ChooseOutput``.

        ``DevicesChanged`` comes before it: platforms may list no others. This is a
        gesture, on platforms that have a way of their own; others do nothing.
        """

    def resume_playback(self) -> None:
        """Let through the sound that the platform held back."""


@dataclass(frozen=True, slots=True)
class Platform:
    """The ports and the platform's name. Built only in the two mains.

    Without ``crypto`` it comes into no encrypted room, without ``keeper`` it is
    somebody new after each start.
    """

    signaling: Signaling
    media: Media
    peer_connection: PeerConnectionFactory
    agent: str
    crypto: CryptoBackend | None = None
    keeper: Keeper | None = None
