"""Who reaches whom, and how: what every client tells of its own links."""

from dataclasses import dataclass
from typing import Annotated, Literal

from protocol.codec import Limit, message
from protocol.codes import MAX_PARTICIPANTS
from protocol.names import Id
from protocol.statistics import Connection, Transport

LinkState = Literal["connecting", "connected", "reconnecting", "unreachable"]
Trying = Literal["nothing", "wait", "way", "relay", "anew"]


@dataclass(frozen=True, slots=True)
class LinkReport:
    """My link to ``peer``, as my end sees it.

    ``trying`` is what is done about a link that isn't well: it had its ``wait``, or
    another ``way``, a ``relay`` among them or not, or a connection made ``anew``.
    ``connection`` and ``transport`` are those of a ``LinkSample``.
    """

    peer: Id
    state: LinkState
    trying: Trying = "nothing"
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
