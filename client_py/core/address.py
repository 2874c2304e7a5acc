"""The address of a room, and the secret in its fragment, which no server sees.

    https://host/r/ROOM#key=SECRET&token=TOKEN

Parts of a fragment stand in any order; what is none of ours stays as it is.
"""

_KEY = "key="


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
