"""What only a host may say: the messages that run a room."""

from protocol.codec import message
from protocol.names import Id


@message("mute")
class Mute:
    """Ask somebody to mute. A host's; nobody can be unmuted from afar."""

    who: Id


@message("stop-share")
class StopShare:
    """Ask somebody to stop sharing their screen. A host's."""

    who: Id


@message("remove")
class Remove:
    """Take somebody out for as long as this call lasts. A host's."""

    who: Id


@message("ban")
class Ban:
    """Take somebody out, or from before the door, for good. A host's."""

    who: Id


@message("hand-over")
class HandOver:
    """Make somebody host in my place. A host's."""

    who: Id


@message("lock")
class Lock:
    """Let nobody new in, or do again. A host's."""

    locked: bool


@message("waiting-room")
class SetWaitingRoom:
    """Let newcomers wait for a host's word, or not any more. A host's."""

    on: bool


@message("admit")
class Admit:
    """Let somebody in who waits. A host's."""

    who: Id


@message("refuse")
class Refuse:
    """Send somebody away who waits. A host's."""

    who: Id


@message("end-for-all")
class EndForAll:
    """Let everybody go. A host's."""


#: What only a host may ask for.
HostMessage = (
    Mute
    | StopShare
    | Remove
    | Ban
    | HandOver
    | Lock
    | SetWaitingRoom
    | Admit
    | Refuse
    | EndForAll
)
