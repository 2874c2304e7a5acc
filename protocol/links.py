"""Who reaches whom, and how: what every client tells of its own links."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated

from protocol.codec import Limit, message
from protocol.codes import MAX_PARTICIPANTS
from protocol.names import Id
from protocol.statistics import Connection, Transport


class Reach(StrEnum):
    """How a participant is reached. A client shows the same words."""

    CONNECTING = "connecting"
    CONNECTED = "connected"
    RECONNECTING = "reconnecting"
    UNREACHABLE = "unreachable"


class Attempt(StrEnum):
    """What is being done about a link that isn't well."""

    NOTHING = "nothing"
    WAIT = "wait"  # most often it comes back by itself
    WAY = "way"  # another way is looked for
    RELAY = "relay"  # the same, and a relay is among the ways
    ANEW = "anew"  # the whole connection is made anew


@dataclass(frozen=True, slots=True)
class LinkReport:
    """My link to ``peer``, as my end sees it, and the way that it takes.

    ``connection`` and ``transport`` are those of a ``LinkSample``.
    """

    peer: Id
    state: Reach
    trying: Attempt = Attempt.NOTHING
    connection: Connection = "unknown"
    transport: Transport = "unknown"


@message("report-links")
class ReportLinks:
    """Tell everybody whom I reach; it replaces what I told before."""

    links: Annotated[tuple[LinkReport, ...], Limit(MAX_PARTICIPANTS)]


@message("links-changed")
class LinksChanged:
    """Whom ``from`` reaches now. Who never told reaches, for all one knows, all."""

    from_: Id
    links: Annotated[tuple[LinkReport, ...], Limit(MAX_PARTICIPANTS)]
