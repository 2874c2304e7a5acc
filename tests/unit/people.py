"""Ann, Ben and Cat, and what a server says of them."""

from client_py.core import event as e
from protocol import messages as m
from protocol.codec import to_plain

ME, ANN, BEN, CAT = (m.ParticipantId(each) for each in ("me", "ann", "ben", "cat"))
ICE = (m.IceServer(("stun:stun.example",)),)

OFFER = m.Description("offer", "sdp of an offer")
ANSWER = m.Description("answer", "sdp of an answer")
CANDIDATE = m.Candidate("candidate:1", "0")
RENEW = m.Renew()


def info(who: m.ParticipantId, **more: object) -> m.ParticipantInfo:
    """Return what a server says of somebody."""
    made: m.ParticipantInfo = m.ParticipantInfo(who, who.title(), **more)  # type: ignore[arg-type]
    return made


def joined(
    *others: m.ParticipantInfo | m.ParticipantId,
    you: m.ParticipantId = ME,
    resumed: bool = False,
    chat: tuple[m.ChatLine, ...] = (),
) -> m.Joined:
    """Return the answer to a hello."""
    people = tuple(
        each if isinstance(each, m.ParticipantInfo) else info(each) for each in others
    )
    return m.Joined(you, "room", people, "secret", ICE, chat, resumed)


def signaled(
    who: m.ParticipantId, message: m.PeerMessage, generation: int = 1
) -> e.Heard:
    """Return what a server relays from somebody."""
    return e.Heard(m.Signaled(who, generation, to_plain(message)))


def signal(
    who: m.ParticipantId, message: m.PeerMessage, generation: int = 1
) -> m.Signal:
    """Return what I let a server relay to somebody."""
    return m.Signal(who, generation, to_plain(message))
