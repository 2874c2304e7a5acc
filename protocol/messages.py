"""Every message, one frozen dataclass each.

Three unions: what a client says to the server, what the server says to a client,
and what two peers say to each other inside a ``Signal``'s body, which the server
relays unread. A field's limits are written beside its type; ``codec`` enforces
them. ``from_`` is ``from`` on the wire.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, NewType

from protocol.codec import Identifier, Limit, message
from protocol.codes import (
    MAX_CANDIDATE,
    MAX_CHAT,
    MAX_LABEL,
    MAX_NAME,
    MAX_PARTICIPANTS,
    MAX_SDP,
    MAX_TOKEN,
    ErrorCode,
    LeaveReason,
    Presence,
)

ParticipantId = NewType("ParticipantId", str)
RoomId = NewType("RoomId", str)

Id = Annotated[ParticipantId, Identifier()]
Name = Annotated[str, Limit(MAX_NAME)]
Label = Annotated[str, Limit(MAX_LABEL)]
Token = Annotated[str, Limit(MAX_TOKEN)]


# -- parts of messages


@dataclass(frozen=True, slots=True)
class MediaState:
    """What a participant sends, as announced: the truth that tiles show."""

    microphone: bool = False
    camera: bool = False
    screen: bool = False
    screen_audio: bool = False


@dataclass(frozen=True, slots=True)
class ParticipantInfo:
    """One person in the room, as the server knows them."""

    id: Id
    name: Name
    media: MediaState = MediaState()
    hand: bool = False
    presence: Presence = Presence.PRESENT


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

    ``resume`` is the secret of an earlier ``joined``; with it the participant
    comes back as the one it was.
    """

    version: int
    token: Token
    name: Name
    media: MediaState = MediaState()
    resume: Label = ""
    agent: Label = ""


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
    """You are in. Everything there is to know, in one message."""

    you: Id
    room: Label
    participants: Annotated[tuple[ParticipantInfo, ...], Limit(MAX_PARTICIPANTS)]
    resume: Label
    ice_servers: Annotated[tuple[IceServer, ...], Limit(8)] = ()
    chat: Annotated[tuple[ChatLine, ...], Limit(100)] = ()
    resumed: bool = False


@message("participant-joined")
class ParticipantJoined:
    """Someone came in. They offer to you; wait for it."""

    participant: ParticipantInfo


@message("participant-changed")
class ParticipantChanged:
    """Someone's name, media, hand or presence is now this."""

    participant: ParticipantInfo


@message("participant-left")
class ParticipantLeft:
    """Someone is gone for good."""

    id: Id
    reason: LeaveReason


@message("signal")
class Signaled:
    """``body`` comes from ``from``, stamped by the server."""

    from_: Id
    generation: int
    body: dict[str, Any]


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


# -- peer to peer, inside a signal's body


@message("description")
class Description:
    """An ``RTCSessionDescription``."""

    kind: Literal["offer", "answer"]
    sdp: Annotated[str, Limit(MAX_SDP)]


@message("candidate")
class Candidate:
    """An ``RTCIceCandidate``; an empty ``candidate`` ends the trickle.

    (RFC 8838 §13: the end-of-candidates indication.)
    """

    candidate: Annotated[str, Limit(MAX_CANDIDATE)]
    sdp_mid: Label = ""
    sdp_m_line_index: int = 0
    username_fragment: Annotated[str, Limit(256)] = ""


@message("renew")
class Renew:
    """Asks the initiator for a new connection: the old one can't be saved."""


ClientMessage = Hello | Signal | SetMedia | SetHand | Chat | React | Ping | Leave
ServerMessage = (
    Joined
    | ParticipantJoined
    | ParticipantChanged
    | ParticipantLeft
    | Signaled
    | Chatted
    | Reacted
    | Pong
    | Failed
    | GoingAway
    | IceRenewed
)
PeerMessage = Description | Candidate | Renew
