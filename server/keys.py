"""API keys: other backends that make rooms and let their own people in.

A backend shows its key as RFC 7617 says, as ``name`` and ``secret``. Whoever it
lets in is known under its name, so that no key can speak for another one's people.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from protocol.codes import ErrorCode
from server.errors import SettingError, TokenError
from server.secret import SHORTEST

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9-]{0,31}")
_PREFIX: Final = "key:"  # no guest's subject holds a colon, nor does a login's
_LONGEST: Final = 1024  # characters of a header


@dataclass(frozen=True, slots=True)
class KeyHolder:
    """A backend that showed its key."""

    name: str

    @property
    def subject(self) -> str:
        """What the rooms that it makes call their creator."""
        return _PREFIX + self.name

    def person(self, subject: str) -> str:
        """Return the subject of somebody whom it lets in."""
        return f"{self.subject}:{subject}"


def by_key(subject: str) -> bool:
    """Whether a subject is a backend, or somebody whom one let in."""
    return subject.startswith(_PREFIX)


def parse_keys(pairs: Iterable[str]) -> dict[str, str]:
    """Return the secrets by name, of ``name:secret`` each; ``SettingError``."""
    keys: dict[str, str] = {}
    for pair in pairs:
        name, _, secret = pair.partition(":")
        if not _NAME.fullmatch(name) or len(secret) < SHORTEST or name in keys:
            raise SettingError(
                "TERTULIA_API_KEYS",
                "expected name:secret pairs, separated by commas; a name is of "
                f"a-z, 0-9 and -, a secret of {SHORTEST} characters or more",
            )
        keys[name] = secret
    return keys


class Keys:
    """The keys of this server."""

    def __init__(self, secrets: Mapping[str, str]) -> None:
        self._digests = {name: _digest(each) for name, each in secrets.items()}

    def holder(self, credentials: str) -> KeyHolder:
        """Return whose key it is; ``TokenError`` if it is nobody's.

        ``credentials`` are those of the scheme ``Basic``. It takes as long for
        a name that exists as for one that doesn't.
        """
        if len(credentials) > _LONGEST:
            raise TokenError(ErrorCode.BAD_TOKEN)
        try:
            text = base64.b64decode(credentials, validate=True).decode()
        except (binascii.Error, ValueError):
            raise TokenError(ErrorCode.BAD_TOKEN) from None
        name, _, secret = text.partition(":")
        known = self._digests.get(name)
        # An unknown name is compared too; that it is unknown counts at the end.
        right = hmac.compare_digest(known or _digest(""), _digest(secret))
        if known is None or not right:
            raise TokenError(ErrorCode.BAD_TOKEN)
        return KeyHolder(name)


def _digest(secret: str) -> bytes:
    return hashlib.sha256(secret.encode()).digest()
