"""What two ends know once a handshake is through: the key schedule of a link."""

from dataclasses import dataclass, field

from e2ee.suite import Suite, expand, extract
from e2ee.transcript import pack

_DIGEST = "sha256"
KEY = 32  # bytes
SHORT = 6  # bytes that people compare


@dataclass(frozen=True, slots=True, kw_only=True)
class Secrets:
    """Keys are shown by no ``repr``. *Out* is what I protect with, *in* opens."""

    suite: Suite
    peer_identity: bytes
    peer_introduction: bytes
    channel_out: bytes = field(repr=False)
    channel_in: bytes = field(repr=False)
    base_out: bytes = field(repr=False)  # of generation 0
    base_in: bytes = field(repr=False)
    verify_out: bytes = field(repr=False)
    verify_in: bytes = field(repr=False)
    short: bytes = field(repr=False)


class Schedule:
    """Derives every key of a link from what both ends know."""

    def __init__(
        self, transcript: bytes, agreed: bytes, shared_key: bytes, names: bytes
    ) -> None:
        # Who knows only one of the two secrets knows no key.
        self._prk = extract(_DIGEST, transcript, pack(agreed, shared_key))
        self._names = names

    def key(self, label: bytes, length: int = KEY) -> bytes:
        """Return the key of a label; both participants' names are in it."""
        info = pack(b"tertulia v1", label, self._names)
        return expand(_DIGEST, self._prk, info, length)
