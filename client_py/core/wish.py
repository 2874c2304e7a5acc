"""What a ``Peer`` is asked for from this side, as it waits in its inbox. Data only."""

from dataclasses import dataclass

from client_py.core.ports import Track
from client_py.core.slot import Slot
from client_py.core.terms import SafetyCode
from client_py.core.uplink import Shape
from protocol.messages import Aside


@dataclass(frozen=True, slots=True)
class Replace:
    """Send another track, or none, in a slot."""

    slot: Slot
    track: Track | None


@dataclass(frozen=True, slots=True)
class Restart:
    """Restart ICE."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The person says whether the codes match, having looked at this one."""

    match: bool
    code: SafetyCode | None


@dataclass(frozen=True, slots=True)
class Reshape:
    """Send pictures of this shape."""

    shape: Shape


@dataclass(frozen=True, slots=True)
class Tell:
    """Say this to the other end."""

    word: Aside


class Grow:
    """The first pictures were small: send whole ones."""


class Due:
    """Time to look after the keys."""


Wish = Replace | Restart | Compared | Reshape | Tell | Grow | Due
