"""The names that people go by, made safe to show."""

import unicodedata
from typing import Final

from protocol.codes import MAX_NAME

GUEST: Final = "Guest"

# Cc control, Cs surrogate, Co private use, Cn unassigned. The bidirectional controls
# can make one name read as another (Unicode TR 36 §2.5). Other format characters
# stay: emoji and Indic scripts are written with joiners.
_FORBIDDEN = frozenset({"Cc", "Cs", "Co", "Cn"})
_BIDI = frozenset(
    "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
)


def display_name(wanted: str) -> str:
    """Return the name as others may see it: NFC, visible, at most 64 characters."""
    kept = "".join(filter(_allowed, wanted))
    words = unicodedata.normalize("NFC", kept).split()
    short = " ".join(words)[:MAX_NAME].rstrip()
    return short if any(map(_visible, short)) else GUEST


def _allowed(char: str) -> bool:
    if char.isspace():
        return True  # even those that count as controls: they become one space
    return char not in _BIDI and unicodedata.category(char) not in _FORBIDDEN


def _visible(char: str) -> bool:
    return unicodedata.category(char)[0] in "LNPS"
