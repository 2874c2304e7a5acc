"""What a client tells of its links: numbers alone, for the room's hosts."""

from dataclasses import dataclass
from typing import Annotated, Literal

from protocol.codec import Limit, Range, message
from protocol.codes import MAX_PARTICIPANTS
from protocol.names import Id

Connection = Literal["direct", "relay", "unknown"]
Transport = Literal["udp", "tcp", "tls", "unknown"]

_Amount = Annotated[float, Range(0, 1e12)]  # sums of it stay finite


@dataclass(frozen=True, slots=True)
class LinkSample:
    """How the link to ``peer`` was since the report before.

    ``rtt`` is the round trip in seconds, ``loss`` the share of packets that I missed,
    ``up`` and ``down`` are bit/s, ``fps`` is what I decoded of ``width`` × ``height``.
    """

    peer: Id
    rtt: _Amount = 0.0
    loss: Annotated[float, Range(0, 1)] = 0.0
    up: _Amount = 0.0
    down: _Amount = 0.0
    freezes: int = 0
    width: int = 0
    height: int = 0
    fps: _Amount = 0.0
    connection: Connection = "unknown"
    transport: Transport = "unknown"


@message("report-stats")
class ReportStats:
    """Tell how my links were. Nobody in the room hears it."""

    samples: Annotated[tuple[LinkSample, ...], Limit(MAX_PARTICIPANTS)]
