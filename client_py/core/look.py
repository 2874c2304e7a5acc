"""What one look at a link found. Data only."""

from dataclasses import dataclass

from client_py.core.outgoing import Outgoing
from client_py.core.state import Cause, Quality
from protocol.statistics import Connection, Transport


@dataclass(frozen=True, slots=True)
class Look:
    """How a link is just now.

    ``missed`` counts the looks since anything came, 0 where something just did; None
    where nothing came yet, or where the platform can't tell.
    """

    quality: Quality = Quality.EXCELLENT
    missed: int | None = None
    connection: Connection = "unknown"
    transport: Transport = "unknown"
    outgoing: Outgoing = Outgoing()
    fault: Cause = Cause.NONE  # of what they send
