"""The secret that signs tokens: given, or made once and kept beside the data."""

import hashlib
import os
import secrets
from pathlib import Path
from typing import Final

from server.base64url import encode
from server.errors import SettingError

SHORTEST: Final = 32  # characters; RFC 7518 §3.2 wants 256 bits for HS256
_AT_ONCE: Final = 2  # the one that signs, and the one before it


def key_id(secret: str) -> str:
    """Return what tokens call a secret by: a digest that tells nothing of it."""
    digest = hashlib.sha256(b"tertulia key id\0" + secret.encode()).digest()
    return encode(digest[:9]).decode()


def given_secrets(text: str) -> tuple[str, ...]:
    """Return the secrets of ``TERTULIA_SECRET``: the first signs, both verify.

    Raises ``SettingError``.
    """
    given = tuple(each.strip() for each in text.split(","))
    if len(given) > _AT_ONCE:
        raise SettingError("TERTULIA_SECRET", "expected one secret, or the new,the old")
    if any(len(each) < SHORTEST for each in given):
        raise SettingError(
            "TERTULIA_SECRET", f"expected at least {SHORTEST} characters"
        )
    return given


def kept_secret(data_dir: Path) -> str:
    """Return the secret of this data directory, made on the first start.

    Raises ``SettingError``.
    """
    path = data_dir / "secret"
    try:
        data_dir.mkdir(parents=True, exist_ok=True)
        try:
            descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        except FileExistsError:
            secret = path.read_text().strip()
        else:
            secret = secrets.token_urlsafe(48)
            with open(descriptor, "w") as file:
                file.write(secret)
    except OSError as error:
        raise SettingError(
            "TERTULIA_DATA_DIR", f"can't be used: {error.strerror}"
        ) from error
    if len(secret) < SHORTEST:
        raise SettingError(
            "TERTULIA_DATA_DIR", "its file 'secret' is damaged; delete it"
        )
    return secret
