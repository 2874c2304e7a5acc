"""The address of a room: its name, and a secret in the fragment that no server sees.

    https://host/r/ROOM#key=SECRET&token=TOKEN

Parts of a fragment stand in any order; what is none of ours stays as it is.
"""

import re

_KEY = "key="
_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")


def is_room(name: str) -> bool:
    """Tell whether a room can have this name."""
    return _NAME.fullmatch(name) is not None


def room_of(text: str) -> str:
    """Return the room that an invite link or a room name means, ``""`` for none."""
    name = text.strip().split("#")[0].split("?")[0].rstrip("/").rsplit("/", 1)[-1]
    return name if is_room(name) else ""


def secret_of(address: str) -> str:
    """Return the secret in the fragment of an address, ``""`` where there is none."""
    parts = address.partition("#")[2].split("&")
    found = (part for part in parts if part.startswith(_KEY))
    return next(found, "").removeprefix(_KEY)


def room_link(origin: str, room: str, secret: str) -> str:
    """Return the link that brings others into a room."""
    return f"{origin}/r/{room}{fragment(secret)}"


def fragment(secret: str) -> str:
    """Return the fragment that carries a secret, ``""`` for none."""
    return f"#{_KEY}{secret}" if secret else ""
