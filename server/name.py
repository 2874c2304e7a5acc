"""The names that people go by, made safe to show."""

import unicodedata
from typing import Final

from protocol.codes import MAX_NAME

GUEST: Final = "Guest"

# Cc control, Cs surrogate, Co private use, Cn unassigned. The bidirectional controls
# can make one name read as another (Unicode TR 36 §2.5), and what has no width makes
# two names that look the same. Other format characters stay.
_FORBIDDEN = frozenset({"Cc", "Cs", "Co", "Cn"})
_BIDI = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)
_NO_WIDTH = frozenset(
    "\u00ad\u034f\u115f\u1160\u17b4\u17b5\u180e\u200b\u2060\u2061\u2062\u2063\u2064"
    "\u206a\u206b\u206c\u206d\u206e\u206f\u3164\ufeff\uffa0\ufff9\ufffa\ufffb"
)
_BLANK = frozenset("\u2800")  # a letter or symbol by its category, and empty
# Emoji and Indic scripts are written with joiners; beside anything that ASCII has
# they change nothing that is seen.
_JOINERS = "\u200c\u200d"


def display_name(wanted: str) -> str:
    """Return the name as others may see it: NFC, visible, at most 64 characters."""
    if wanted.isascii() and wanted.isprintable():  # then all of it but spaces is seen
        return " ".join(wanted.split())[:MAX_NAME].rstrip() or GUEST
    kept = unicodedata.normalize("NFC", "".join(filter(_allowed, wanted)))
    words = filter(None, map(_joined, kept.split()))
    # What a joiner held apart may belong together.
    name = unicodedata.normalize("NFC", " ".join(words))
    short = name[:MAX_NAME].rstrip(" " + _JOINERS)
    return short if any(map(_visible, short)) else GUEST


def _allowed(char: str) -> bool:
    if char.isspace():
        return True  # even those that count as controls: they become one space
    if char in _BIDI or char in _NO_WIDTH:
        return False
    return unicodedata.category(char) not in _FORBIDDEN


def _joined(word: str) -> str:
    """Leave out the joiners that join nothing."""
    kept = ""
    for number, char in enumerate(word, 1):
        after = word[number : number + 1]
        if char in _JOINERS and (_plain(kept[-1:]) or _plain(after)):
            continue
        kept += char
    return kept.rstrip(_JOINERS)


def _plain(char: str) -> bool:
    return not char or char.isascii() or char in _JOINERS


def _visible(char: str) -> bool:
    return char not in _BLANK and unicodedata.category(char)[0] in "LNPS"
