"""Every message, one frozen dataclass each.

Three unions: what a client says to the server, what the server says to a client,
and what two peers say to each other inside a ``Signal``'s body, which the server
relays unread. A field's limits are written beside its type; ``codec`` enforces
them. ``from_`` is ``from`` on the wire. What only hosts say is in ``hosting``, what
peers say in ``peer`` and ``spoken``, who reaches whom in ``links``.
"""

from dataclasses import dataclass
from typing import Annotated, Any

from protocol.codec import Limit, message
from protocol.codes import (
    MAX_CHAT,
    MAX_PARTICIPANTS,
    MAX_RESUME,
    MAX_WAITING,
    ErrorCode,
    LeaveReason,
    Presence,
    Role,
    Wish,
)
from protocol.hosting import (
    Admit as Admit,
    Ban as Ban,
    EndForAll as EndForAll,
    HandOver as HandOver,
    HostMessage as HostMessage,
    Lock as Lock,
    Mute as Mute,
    Refuse as Refuse,
    Remove as Remove,
    SetWaitingRoom as SetWaitingRoom,
    StopShare as StopShare,
)
from protocol.links import (
    LinkReport as LinkReport,
    LinksChanged as LinksChanged,
    ReportLinks as ReportLinks,
)
from protocol.media import MediaState as MediaState
from protocol.names import (
    Id as Id,
    Label as Label,
    Name as Name,
    ParticipantId as ParticipantId,
    RoomId as RoomId,
    Token as Token,
)
from protocol.peer import (
    Aside as Aside,
    Candidate as Candidate,
    Description as Description,
    Handshaking as Handshaking,
    Hint as Hint,
    Pausing as Pausing,
    PeerMessage as PeerMessage,
    Renew as Renew,
    Sealed as Sealed,
    Watching as Watching,
)
from protocol.spoken import (
    Feeling as Feeling,
    Line as Line,
    Received as Received,
    Seeing as Seeing,
    Seen as Seen,
    Showing as Showing,
    Word as Word,
    Written as Written,
)
from protocol.statistics import LinkSample as LinkSample, ReportStats as ReportStats

Secret = Annotated[str, Limit(MAX_RESUME)]

# -- parts of messages


@dataclass(frozen=True, slots=True)
class ParticipantInfo:
    """One person in the room, as the server knows them."""

    id: Id
    name: Name
    media: MediaState = MediaState()
    hand: bool = False
    presence: Presence = Presence.PRESENT
    role: Role = Role.MEMBER


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Somebody who waits before the door, as the server knows them."""

    id: Id
    name: Name


@dataclass(frozen=True, slots=True)
class Door:
    """How the room takes newcomers: not at all, or after a host's word."""

    locked: bool = False
    waiting_room: bool = False
    e2ee: bool = False  # who comes in without the link's secret can't talk


@dataclass(frozen=True, slots=True)
class IceServer:
    """An ``RTCIceServer`` (W3C WebRTC §4.2.2)."""

    urls: Annotated[tuple[Label, ...], Limit(8)]
    username: Annotated[str, Limit(512)] = ""
    credential: Annotated[str, Limit(512)] = ""


@dataclass(frozen=True, slots=True)
class ChatLine:
    """Something said in the chat; ``at`` is Unix time in seconds, the server's."""

    id: Id
    from_: Id
    name: Name
    text: Annotated[str, Limit(MAX_CHAT)]
    at: float


# -- client to server


@message("hello")
class Hello:
    """The first message: who comes in, with which right.

    ``resume`` is the newest secret that came; with it the participant comes back
    as the one it was. ``epoch`` and ``last_seq`` say what it heard last.
    """

    version: int
    token: Token
    name: Name
    media: MediaState = MediaState()
    resume: Secret = ""
    agent: Label = ""
    epoch: Label = ""
    last_seq: int = 0


@message("signal")
class Signal:
    """Carry ``body`` to one participant. The server never reads it."""

    to: Id
    generation: int
    body: dict[str, Any]


@message("set-media")
class SetMedia:
    """Announce what I send from now on."""

    media: MediaState


@message("set-hand")
class SetHand:
    """Raise my hand, or lower it."""

    raised: bool


@message("chat")
class Chat:
    """Say something to everyone; ``id`` is the sender's, unique in the session."""

    id: Id
    text: Annotated[str, Limit(MAX_CHAT)]


@message("react")
class React:
    """Show an emoji on my tile for a moment."""

    emoji: Annotated[str, Limit(16)]


@message("rename")
class Rename:
    """Call me by this name from now on."""

    name: Name


@message("ping")
class Ping:
    """Ask for a pong: proves that the connection lives in both directions."""

    id: int


@message("leave")
class Leave:
    """I go; nobody has to wait for me to come back."""


# -- server to client


@message("joined")
class Joined:
    """You are in. Everything there is to know, in one message.

    What follows is numbered from ``last_seq`` + 1, in this ``epoch``; ``heard`` is the
    last number of yours that came. ``resumed`` says that you are who you were. The
    others see you by ``name``, where that isn't as you said.
    """

    you: Id
    room: Label
    participants: Annotated[tuple[ParticipantInfo, ...], Limit(MAX_PARTICIPANTS)]
    resume: Secret
    ice_servers: Annotated[tuple[IceServer, ...], Limit(8)] = ()
    chat: Annotated[tuple[ChatLine, ...], Limit(100)] = ()
    resumed: bool = False
    epoch: Label = ""
    last_seq: int = 0
    heard: int = 0
    role: Role = Role.MEMBER
    door: Door = Door()
    waiting: Annotated[tuple[Newcomer, ...], Limit(MAX_WAITING)] = ()
    name: Name = ""


@message("resumed")
class Resumed:
    """You are who you were, and what follows is exactly what you missed.

    ``heard`` is the last number of yours that came.
    """

    resume: Secret
    ice_servers: Annotated[tuple[IceServer, ...], Limit(8)] = ()
    heard: int = 0


@message("waiting")
class Waiting:
    """Who waits before the door, in their order.

    To the hosts: everyone. To somebody who waits: themselves alone.
    """

    people: Annotated[tuple[Newcomer, ...], Limit(MAX_WAITING)]


@message("room-changed")
class RoomChanged:
    """The door is now like this."""

    door: Door


@message("asked")
class Asked:
    """A host asks this of you: do it."""

    from_: Id
    wish: Wish


@message("participant-joined")
class ParticipantJoined:
    """Someone came in. They offer to you; wait for it."""

    participant: ParticipantInfo


@message("participant-changed")
class ParticipantChanged:
    """Someone's name, media, hand, presence or role is now this."""

    participant: ParticipantInfo


@message("participant-left")
class ParticipantLeft:
    """Someone is gone for good."""

    id: Id
    reason: LeaveReason


@message("signal")
class Signaled:
    """``body`` comes from ``from``, stamped by the server.

    ``n`` is the number that the sender gave it, 0 for none: a server that was
    started anew may carry one a second time.
    """

    from_: Id
    generation: int
    body: dict[str, Any]
    n: int = 0


@message("chat")
class Chatted:
    """A line of chat; the sender gets its own back, as the proof of delivery."""

    line: ChatLine


@message("reacted")
class Reacted:
    """Someone shows an emoji."""

    from_: Id
    emoji: Annotated[str, Limit(16)]


@message("pong")
class Pong:
    """The answer to the ping of this id."""

    id: int


@message("error")
class Failed:
    """What you asked for was refused. ``about`` names the message's type."""

    code: ErrorCode
    message: Annotated[str, Limit(256)]
    about: Label = ""


@message("going-away")
class GoingAway:
    """This server stops; connect again after ``retry_after`` seconds."""

    retry_after: float


@message("ice-servers")
class IceRenewed:
    """New credentials, before the old ones end: for every connection from now on."""

    ice_servers: Annotated[tuple[IceServer, ...], Limit(8)]


ClientMessage = (
    Hello
    | Signal
    | SetMedia
    | SetHand
    | Chat
    | React
    | Rename
    | HostMessage
    | ReportStats
    | ReportLinks
    | Ping
    | Leave
)
ServerMessage = (
    Joined
    | Resumed
    | Waiting
    | RoomChanged
    | Asked
    | ParticipantJoined
    | ParticipantChanged
    | ParticipantLeft
    | LinksChanged
    | Signaled
    | Chatted
    | Reacted
    | Pong
    | Failed
    | GoingAway
    | IceRenewed
)
