"""What is said of links, in plain words. Pure: also what the tests of words read."""

from collections.abc import Mapping
from typing import Final

from client_py.core.state import Attempt, Cause, Connection, Pair, Participant, Quality
from protocol.messages import ParticipantId

QUALITY: Final = {
    Quality.EXCELLENT: "excellent",
    Quality.GOOD: "good",
    Quality.POOR: "poor",
    Quality.LOST: "very poor",
}

_TRYING: Final = {
    Attempt.NOTHING: "",
    Attempt.WAIT: "waiting a moment for it to come back",
    Attempt.WAY: "looking for another way",
    Attempt.RELAY: "trying a relay",
    Attempt.ANEW: "connecting anew",
}

#: Each with the name of the other person.
_CAUSES: Final = {
    Cause.NONE: "",
    Cause.OFFLINE: "You are offline yourself. It goes on once you are back.",
    Cause.AWAY: "{0} is offline, or their device is asleep.",
    Cause.CUT: "The server doesn’t hear {0} just now. Your line to them holds.",
    Cause.NO_RELAY: (
        "There is no direct way through your networks, and this server has no relay. "
        "Another network may help, such as a phone’s."
    ),
    Cause.RELAY_REFUSED: (
        "The relay doesn’t take the credentials that this server gave. "
        "Whoever runs the server has to set that right."
    ),
    Cause.RELAY_AWAY: (
        "The relay can’t be reached from your network. Another network may help."
    ),
    Cause.UDP_BLOCKED: (
        "Your network blocks UDP. The relay can be reached over TCP, and is tried."
    ),
    Cause.UNREADABLE: (
        "What {0} sends can’t be decrypted: nothing of it is shown or played. "
        "If they come in again it may help."
    ),
    Cause.REPEATED: (
        "{0} sends only what was sent before: nothing of it is shown or played. "
        "If they come in again it may help."
    ),
}

_WAYS: Final = {"udp": "UDP", "tcp": "TCP", "tls": "TLS", "unknown": ""}

_CODECS: Final = {"opus": "Opus", "red": "Opus, each frame twice"}


def trying(person: Participant) -> str:
    """Return what is being done about the line to somebody, ``""`` for nothing."""
    words = _TRYING[person.attempt]
    return words[:1].upper() + words[1:]


def detail(person: Participant) -> str:
    """Return why somebody can't be reached, and what is tried, in a few words."""
    why, attempt = reason(person), trying(person)
    return " ".join(each for each in (why, f"{attempt}…" if attempt else "") if each)


def reason(person: Participant) -> str:
    """Return why the line to somebody isn't well, ``""`` where that isn't known."""
    return _CAUSES[person.cause].format(person.name)


def pair(of: Pair, names: Mapping[ParticipantId, str]) -> str:
    """Return the sentence that names a pair without a line, and what is tried."""
    attempt = _TRYING[of.attempt]
    said = f"{names[of.one]} and {names[of.other]} can’t reach each other"
    return f"{said}: {attempt}" if attempt else said


def short(troubles: list[str]) -> str:
    """Return one line for all the pairs that have no line."""
    if len(troubles) < 2:
        return "".join(troubles)
    return f"{len(troubles)} pairs can’t reach each other"


def names(people: tuple[Participant, ...]) -> dict[ParticipantId, str]:
    """Return what everybody is called; I am *You*."""
    return {each.id: "You" if each.me else each.name for each in people}


def state(person: Participant) -> str:
    """Return how the line to somebody is, in a word or two."""
    match person.connection:
        case Connection.CONNECTING:
            return "Connecting"
        case Connection.RECONNECTING:
            return "Reconnecting"
        case Connection.UNREACHABLE:
            return "Can’t be reached"
    return QUALITY[person.quality].capitalize()


def way(connection: str, transport: str) -> str:
    """Return the way that a link takes."""
    over = _WAYS.get(transport, "")
    match connection:
        case "direct":
            return f"Direct, over {over}" if over else "Direct"
        case "relay":
            return f"Over a relay, by {over}" if over else "Over a relay"
    return "Not known yet"


def rate(bits: float) -> str:
    """Return bit/s as people write them."""
    if bits >= 999_500:
        return f"{bits / 1e6:.1f} Mbit/s"
    return f"{bits / 1e3:.0f} kbit/s"


def codec(name: str) -> str:
    """Return what a codec is called."""
    return _CODECS.get(name, name)


def percent(share: float) -> str:
    """Return a share from 0 to 1 in percent; what is there is never called nought."""
    if 0 < share < 0.001:
        return "under 0.1 %"
    return f"{100 * share:.1f} %"


def milliseconds(seconds: float) -> str:
    """Return a short time."""
    return f"{1000 * seconds:.0f} ms"


def picture(width: int, height: int, frame_rate: float) -> str:
    """Return the size and pace of a picture."""
    if not (width and height) or frame_rate < 0.05:
        return "none"
    return f"{width} × {height}, {frame_rate:.0f} frames/s"


def candidate(kind: str) -> str:
    """Return what a type of candidate means (RFC 8445 §5.1.1)."""
    return {
        "host": "own address",
        "srflx": "address outside a router",
        "prflx": "address found by trying",
        "relay": "relay",
    }.get(kind, "not known")
