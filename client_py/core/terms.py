"""What a link is sealed with, and what people see of that."""

from dataclasses import dataclass, field

from e2ee.handshake import Link


@dataclass(frozen=True, slots=True)
class Terms:
    """Whose link it is, and the key that every guest of the room's link knows.

    ``name`` is the one that I go by.
    """

    link: Link
    shared_key: bytes = field(repr=False)
    name: str = ""


@dataclass(frozen=True, slots=True)
class SafetyCode:
    """What two people compare: emoji with their names, or digits read aloud."""

    emoji: tuple[tuple[str, str], ...]
    digits: str
