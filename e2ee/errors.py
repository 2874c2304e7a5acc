"""What can go wrong in the encryption.

E2eeError
├── FrameError       these bytes are no frame of ours: drop them
├── ForgedError      a tag or a signature that doesn't fit
├── ExhaustedError   a key has sealed as many frames as it may: rotate
├── SecretError      the secret of a link is none
├── HandshakeError   a handshake that ends here; ``failure`` says why
├── ChannelError     a sealed message that isn't taken; ``refusal`` says why
└── RotationError    a generation that doesn't rise

No text of these holds a key, a name, or a part of what was received.
"""

from enum import StrEnum


class E2eeError(Exception):
    """The base of every error of the encryption's own."""


class FrameError(E2eeError, ValueError):
    """These bytes are no frame of ours: drop them, and say nothing of them."""


class ForgedError(E2eeError):
    """A tag or a signature doesn't fit what it stands beside."""


class ExhaustedError(E2eeError):
    """This key has sealed as many frames as it may."""


class SecretError(E2eeError, ValueError):
    """This is no secret of a link."""


class Failure(StrEnum):
    """Why a handshake came to its end, or didn't take a message."""

    UNEXPECTED = "unexpected"  # not now; the handshake goes on
    MALFORMED = "malformed"
    VERSION = "version"
    SUITE = "suite"
    ROOM = "room"
    PARTICIPANT = "participant"
    REFLECTED = "reflected"
    COMMITMENT = "commitment"
    EXCHANGE = "exchange"
    FORGED = "forged"


class HandshakeError(E2eeError):
    """A message of the handshake is refused."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(f"handshake refused: {failure}")
        self.failure = failure


class ChannelRefusal(StrEnum):
    """Why a sealed message isn't taken."""

    MALFORMED = "malformed"
    REPLAYED = "replayed"
    STALE = "stale"
    FORGED = "forged"
    TOO_LARGE = "too_large"


class ChannelError(E2eeError):
    """A sealed message isn't taken."""

    def __init__(self, refusal: ChannelRefusal) -> None:
        super().__init__(f"sealed message refused: {refusal}")
        self.refusal = refusal


class RotationError(E2eeError, ValueError):
    """A generation has to rise."""
