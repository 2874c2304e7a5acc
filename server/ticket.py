"""Tickets: the signed secrets with which a participant comes back.

A ticket says whose place it is, and holds true for whoever has the server's
secret: also for the next process, which knows nothing of the place any more.
Pure: the time is passed in, in Unix seconds.
"""

import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import msgspec

from protocol.messages import ParticipantId, RoomId
from server.base64url import decode, encode
from server.identifier import identifier

LIFE: Final = 24 * 3600  # seconds; no shorter than a call

_PURPOSE: Final = b"tertulia resume ticket 1"  # this key signs nothing else


@dataclass(frozen=True, slots=True)
class Ticket:
    """What a valid ticket says. ``process`` is the one that gave it."""

    participant: ParticipantId
    room: RoomId
    subject: str  # a digest: subjects may be long, and nobody needs to read them
    process: str
    expires: int
    nonce: str  # makes each one another
    joined_at: float = 0.0  # Unix seconds; 0 in tickets of older servers

    def is_of(self, room: RoomId, subject: str) -> bool:
        """Whether it was given to this subject in this room."""
        return self.room == room and self.subject == _digest(subject)


class Tickets:
    """Gives and verifies tickets under a secret (HMAC-SHA256, RFC 2104).

    What one of the ``retired`` signed is still good, as with tokens: nobody loses
    their place because the secret was changed with a restart.
    """

    def __init__(self, secret: str, retired: Sequence[str] = ()) -> None:
        self._key, *self._old_keys = map(_key, (secret, *retired))
        self.process = identifier(9)

    def give(
        self,
        participant: ParticipantId,
        room: RoomId,
        subject: str,
        now: float,
        *,
        joined_at: float = 0.0,
        nonce: str = "",
    ) -> str:
        """Return a new ticket for a participant's place, under a new ``nonce``."""
        ticket = Ticket(
            participant=participant,
            room=room,
            subject=_digest(subject),
            process=self.process,
            expires=int(now) + LIFE,
            nonce=nonce or new_nonce(),
            joined_at=joined_at,
        )
        content = encode(msgspec.json.encode(ticket)).decode()
        return f"{content}.{_signature(self._key, content)}"

    def read(self, text: str, now: float) -> Ticket | None:
        """Return what a ticket says; None if it isn't ours, or has expired."""
        content, _, signature = text.partition(".")
        if not text.isascii():
            return None
        known = False
        for key in (self._key, *self._old_keys):
            known |= hmac.compare_digest(_signature(key, content), signature)
        if not known:
            return None
        ticket = msgspec.json.decode(decode(content), type=Ticket)
        return ticket if now < ticket.expires else None


def new_nonce() -> str:
    """Return what no other ticket has."""
    return identifier(9)


def _key(secret: str) -> bytes:
    return hmac.digest(secret.encode(), _PURPOSE, "sha256")


def _signature(key: bytes, content: str) -> str:
    return encode(hmac.digest(key, content.encode(), "sha256")).decode()


def _digest(subject: str) -> str:
    return encode(hashlib.sha256(subject.encode()).digest()[:16]).decode()
