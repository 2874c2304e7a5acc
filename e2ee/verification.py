"""Two people compared their codes: both have to say so before it counts."""

import hmac
from enum import Enum

from e2ee.secrets import Secrets
from e2ee.transcript import pack

_MATCH = pack(b"tertulia verification v1", b"match")


class Verdict(Enum):
    """How far the comparison is."""

    UNVERIFIED = "unverified"
    MINE = "mine"  # I said that they match
    THEIRS = "theirs"  # the other side did
    VERIFIED = "verified"
    MISMATCH = "mismatch"  # the link has to go


class Word(Enum):
    """What somebody says."""

    I_MATCH = "i_match"
    THEY_MATCH = "they_match"
    DIFFER = "differ"


TRANSITIONS = {
    (Verdict.UNVERIFIED, Word.I_MATCH): Verdict.MINE,
    (Verdict.UNVERIFIED, Word.THEY_MATCH): Verdict.THEIRS,
    (Verdict.MINE, Word.THEY_MATCH): Verdict.VERIFIED,
    (Verdict.THEIRS, Word.I_MATCH): Verdict.VERIFIED,
} | {(verdict, Word.DIFFER): Verdict.MISMATCH for verdict in Verdict}


class Verification:
    """The comparison of one link's codes. A mismatch is for good."""

    def __init__(self, secrets: Secrets, mine: bytes) -> None:
        self.verdict = Verdict.UNVERIFIED
        theirs = secrets.peer_identity
        self._word_out = _mac(secrets.verify_out, mine, theirs)
        self._word_in = _mac(secrets.verify_in, theirs, mine)

    def match(self) -> bytes:
        """I say that they match; return what tells the other side."""
        self._say(Word.I_MATCH)
        return self._word_out

    def differ(self) -> None:
        """I say that they don't."""
        self._say(Word.DIFFER)

    def hear(self, word: bytes) -> None:
        """The other side says something; anything but a match is a mismatch."""
        matches = hmac.compare_digest(word, self._word_in)
        self._say(Word.THEY_MATCH if matches else Word.DIFFER)

    def _say(self, word: Word) -> None:
        self.verdict = TRANSITIONS.get((self.verdict, word), self.verdict)


def _mac(key: bytes, speaker: bytes, listener: bytes) -> bytes:
    return hmac.digest(key, _MATCH + pack(speaker, listener), "sha256")
