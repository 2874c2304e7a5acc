"""What notices and marks say, in plain words."""

from client_py.core.state import (
    Alarm,
    Cause,
    Encryption,
    MediaProblem,
    Notice,
    NoticeKind,
    Participant,
    Problem,
)

_MEDIA = {
    MediaProblem.DENIED: "Allow the {0} in your browser’s site settings to use it.",
    MediaProblem.SYSTEM_DENIED: (
        "Your system keeps the {0} from this browser. Let the browser use it in the "
        "system’s privacy settings."
    ),
    MediaProblem.NOT_FOUND: "No {0} was found. Plug one in and turn it on again.",
    MediaProblem.IN_USE: "Another program holds your {0}. Close it and try again.",
    MediaProblem.UNSUPPORTED: "This browser can’t share a {0}.",
}

_REPLACED = {
    MediaProblem.NOT_FOUND: "The {0} you chose isn’t there; another one is used.",
    MediaProblem.IN_USE: "Another program holds the {0} you chose; another is used.",
}

#: What the mark on a tile says.
ENCRYPTION = {
    Encryption.OFF: "Not end-to-end encrypted",
    Encryption.ON: "End-to-end encrypted through the link",
    Encryption.VERIFIED: "End-to-end encrypted and verified",
    Encryption.FAILED: "Encryption failed: nothing is sent",
}
FAMILIAR = "End-to-end encrypted: the same device that you verified before"

#: Why somebody may be somebody else, with their name and the one of before.
_ALARMS = {
    Alarm.OTHER_DEVICE: "This is not the device that you verified as {0}",
    Alarm.OTHER_KEY: "This is not the device that {0} had a moment ago",
    Alarm.DIFFERED: "Your code and {0}’s differed when you compared them",
    Alarm.OTHER_NAME: "You verified this device as {1}. Now it says it is {0}",
}

#: What the dialog says instead of drawing another code over the one of before.
CODE_CHANGED = (
    "The code has changed while you compared: this is another connection. "
    "What you read out before counts no more."
)

#: What the lobby says when it asks for a passcode.
PASSCODE = {
    Problem.PASSCODE_REQUIRED: "This room asks for a passcode.",
    Problem.PASSCODE_WRONG: "That is not the passcode. Try again.",
    Problem.TOO_MANY: "Too many tries. Wait a minute, then try again.",
}

_REFUSED = {
    "server-unreachable": "The server doesn’t answer. Try again in a moment.",
    "e2ee-unsupported": "This browser can’t encrypt a call. A newer one can.",
    "login-required": "You have to sign in first.",
    "forbidden": "Only a host may do that.",
    "no_such_peer": "They are gone already.",
    "room_full": "Every seat is taken.",
    "too_many": "That was a bit fast. Wait a moment.",
}


_NOTICES = {
    NoticeKind.JOINED: "{0} joined",
    NoticeKind.LEFT: "{0} left",
    NoticeKind.LOST: "{0} lost the connection and didn’t come back",
    NoticeKind.HAND: "{0} raised their hand",
    NoticeKind.SHARING: "{0} is sharing their screen",
    NoticeKind.SHARE_ENDED: "{0} stopped sharing",
    NoticeKind.DEVICE_ENDED: "Your {0} went away; trying another one.",
    NoticeKind.DEVICE_UNPLUGGED: (
        "Your {0} went away. Turned on again, you get another one."
    ),
    NoticeKind.DEFAULT_CHANGED: (
        "Your computer has another default {0} now, and it is used."
    ),
    NoticeKind.SOURCE_HELD: (
        "Nothing comes from your {0}: another program holds it, or it is switched off."
    ),
    NoticeKind.MICROPHONE_SILENT: (
        "No sound comes from your microphone. Check its own mute switch, or "
        "choose another one in the settings."
    ),
    NoticeKind.TALKING_MUTED: "You are muted: nobody hears what you say.",
    NoticeKind.MUTED: "{0} muted you",
    NoticeKind.SHARE_STOPPED: "{0} stopped your screen share",
    NoticeKind.HOST: "You are the host now",
    NoticeKind.WAITING: "{0} wants to come in",
    NoticeKind.KEY_CHANGED: (
        "The device that says it is {0} is not the one you verified. "
        "The link to it is cut. Ask them in another way."
    ),
    NoticeKind.VIDEO_PAUSED: (
        "Your connection is too slow for your picture. The others still "
        "hear you; the picture comes back by itself."
    ),
    NoticeKind.VIDEO_BACK: "Your picture is back",
    NoticeKind.MISMATCH: (
        "Your code and {0}’s differ: somebody may be in between. The link is cut."
    ),
    NoticeKind.OTHER_DEVICE: (
        "{0} is not on the device that you verified before. Sound and picture are "
        "held back. Compare the codes again."
    ),
    NoticeKind.OTHER_KEY: (
        "The device that says it is {0} is not the one of a moment ago. Sound and "
        "picture are held back. Compare the codes."
    ),
    NoticeKind.DIFFERED: (
        "Your code and {0}’s differed when you compared them. Sound and picture are "
        "held back. Compare the codes again."
    ),
    NoticeKind.FORKED: (
        "{0} sees other people in this call than you do: the server may "
        "hide somebody. Read out the room code to each other."
    ),
    NoticeKind.FORGED: (
        "The server tried to say something in somebody’s name. It isn’t "
        "shown: in this call people’s words are encrypted."
    ),
    NoticeKind.UNPROTECTED: (
        "This browser doesn’t encrypt what it sends to {0}. "
        "The link is cut. Try another browser, or a newer one."
    ),
    NoticeKind.UNOPENED: (
        "This browser plays what {0} sends without decrypting it. "
        "The link is cut. Try another browser, or a newer one."
    ),
}


def sentence(notice: Notice) -> str:
    """Return the sentence that tells a notice."""
    match notice.kind:
        case NoticeKind.DEVICE_REPLACED:
            words = "The {0} you chose can’t be used; another one is."
            words = _REPLACED.get(MediaProblem(notice.detail), words)
        case NoticeKind.DEVICE_BACK:
            name = notice.detail or notice.subject
            return f"The {notice.subject} you chose is back, and used again: {name}"
        case NoticeKind.MEDIA_PROBLEM:
            problem = MediaProblem(notice.detail)
            words = _MEDIA.get(problem, "Your {0} could not be started.")
        case NoticeKind.REFUSED:
            words = _REFUSED.get(notice.detail, "That did not work. Try again.")
        case NoticeKind.OTHER_NAME:
            return (
                f"The device that you verified as {notice.detail} says that it is "
                f"{notice.subject} now. Ask who they are."
            )
        case kind:
            words = _NOTICES[kind]
    return words.format(notice.subject)


def alarm(person: Participant) -> str:
    """Return why somebody may be somebody else, ``""`` where nothing says so."""
    return _ALARMS.get(person.alarm, "").format(person.name, person.alias)


def held_back(person: Participant) -> str:
    """Return why nothing passes on a link that isn't trusted."""
    return alarm(person) or "The encryption could not be confirmed"


def picture_note(person: Participant) -> str:
    """Return what is to be known of somebody's picture or voice beside the state."""
    if person.alarm and not person.alarm.holds:
        return alarm(person)
    if person.forked:
        return "Sees other people in this call than you do"
    if person.cause is Cause.UNREADABLE:
        return f"What {person.name} sends can’t be decrypted"
    if person.cause is Cause.REPEATED:
        return f"{person.name} sends only what was sent before"
    if not person.media.camera or not (person.hidden or person.paused):
        return ""
    if person.hidden:
        return "Picture hidden"
    return "The line is too slow for " + ("your picture" if person.me else "a picture")


def encryption(person: Participant) -> str:
    """Return how somebody's link is encrypted."""
    if person.forked:
        return f"{person.name} sees other people in this call than you do"
    if person.alarm:
        return alarm(person)
    return FAMILIAR if person.familiar else ENCRYPTION[person.e2ee]


def severity(notice: Notice) -> str:
    """Return the toast's ``data-kind``."""
    match notice.kind:
        case (
            NoticeKind.MEDIA_PROBLEM
            | NoticeKind.REFUSED
            | NoticeKind.KEY_CHANGED
            | NoticeKind.MISMATCH
            | NoticeKind.UNPROTECTED
            | NoticeKind.UNOPENED
            | NoticeKind.FORKED
            | NoticeKind.FORGED
            | NoticeKind.OTHER_DEVICE
            | NoticeKind.OTHER_KEY
            | NoticeKind.OTHER_NAME
            | NoticeKind.DIFFERED
        ):
            return "error"
        case (
            NoticeKind.DEVICE_ENDED
            | NoticeKind.DEVICE_UNPLUGGED
            | NoticeKind.DEVICE_REPLACED
            | NoticeKind.SOURCE_HELD
            | NoticeKind.MICROPHONE_SILENT
            | NoticeKind.LOST
            | NoticeKind.MUTED
            | NoticeKind.VIDEO_PAUSED
        ):
            return "warning"
    return "info"


def initials(name: str) -> str:
    """Return up to two letters that stand for a name."""
    words = name.split()
    letters = [words[0][0], words[-1][0]] if len(words) > 1 else list(name.strip()[:1])
    return "".join(letters).upper()


def duration(seconds: int) -> str:
    """Return ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(max(0, seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
