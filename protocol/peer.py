"""What two peers say to each other, inside a signal's body: nobody else reads it."""

from typing import Annotated, Literal

from protocol.codec import Limit, message
from protocol.codes import MAX_CANDIDATE, MAX_HANDSHAKE, MAX_SDP, MAX_SEALED
from protocol.names import Label
from protocol.spoken import Word


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


@message("handshake")
class Handshaking:
    """One of the four messages that agree on a link's keys, in base64."""

    data: Annotated[str, Limit(MAX_HANDSHAKE)]


@message("sealed")
class Sealed:
    """What only the other end of the link can read, in base64."""

    data: Annotated[str, Limit(MAX_SEALED)]


@message("watching")
class Watching:
    """Tells how large the other end's pictures are shown here.

    Heights in pixels of the screen, 0 for not at all: then nothing need be sent.
    """

    camera: int
    screen: int


@message("pausing")
class Pausing:
    """Tells whether the camera's picture is held back, because the way is too slow."""

    camera: bool


Hint = Watching | Pausing
#: What one end tells the other beside what makes the connection.
Aside = Hint | Word
PeerMessage = Description | Candidate | Renew | Handshaking | Sealed | Aside
