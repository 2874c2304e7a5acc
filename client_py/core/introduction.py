"""What people say of themselves in a handshake, which their key proves.

The server's word of a name is believed no longer than until then.
"""

import json
from typing import Final

from protocol.codes import MAX_NAME

GUEST: Final = "Guest"
_JOINERS: Final = "\u200c\u200d"  # emoji and Indic scripts are written with them


def introduce(name: str) -> bytes:
    """Return what a handshake is to prove of me."""
    return json.dumps({"name": name}).encode()


def name_of(introduction: bytes) -> str:
    """Return the name that somebody proved to go by, safe to be shown.

    Whoever says none is a guest: the server gets no say.
    """
    try:
        said = json.loads(introduction)
    except (ValueError, RecursionError):
        return GUEST
    name = said.get("name") if isinstance(said, dict) else None
    return visible(name) if isinstance(name, str) else GUEST


def visible(name: str) -> str:
    """Return a name without what nobody sees: it could read as another one."""
    spaced = " ".join(name.split())
    kept = "".join(each for each in spaced if each.isprintable() or each in _JOINERS)
    return kept[:MAX_NAME].strip() or GUEST
