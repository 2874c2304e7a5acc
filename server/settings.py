"""What the environment decides, read once at the start."""

import os
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Self

from server.address import Network
from server.errors import SettingError
from server.gate import Capacity
from server.logs import LEVELS
from server.webhook import key_of

PAGE: Final = Path(__file__).resolve().parent.parent / "build" / "page"

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?")
_ICE_URL = re.compile(r"(stuns?|turns?):[^\s,]+")
_SECRET_LENGTH = 32  # characters; RFC 7518 §3.2 wants 256 bits for HS256
_ICE_LIMIT = 8
_METRICS_TOKEN_LENGTH = 16  # characters
_WEBHOOK_URL = re.compile(r"https?://[^\s,/@?#]+(/[^\s,]*)?")


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The server's settings, one for each ``TERTULIA_…`` variable in use."""

    host: str = "127.0.0.1"
    port: int = 8000
    database: str
    secret: str = field(repr=False)
    origins: tuple[str, ...] = ()
    turn_urls: tuple[str, ...] = ()
    turn_secret: str = field(default="", repr=False)
    capacity: Capacity = Capacity()
    test_mode: bool = False
    log_level: str = "info"
    metrics_token: str = field(default="", repr=False)
    webhook_urls: tuple[str, ...] = field(default=(), repr=False)
    webhook_key: bytes = field(default=b"", repr=False)
    page: Path = PAGE

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ) -> Self:
        """Return the settings; raise ``SettingError`` naming what is wrong."""
        data_dir = Path(env.get("TERTULIA_DATA_DIR") or "data")
        turn_urls = _list(env, "TERTULIA_TURN_URLS")
        turn_secret = env.get("TERTULIA_TURN_SECRET", "")
        _check_turn(turn_urls, turn_secret)
        return cls(
            host=env.get("TERTULIA_HOST") or cls.host,
            port=_port(env),
            database=_database(env, data_dir),
            secret=_secret(env, data_dir),
            origins=_origins(env),
            turn_urls=turn_urls,
            turn_secret=turn_secret,
            capacity=_capacity(env),
            test_mode=_switch(env, "TERTULIA_TEST_MODE"),
            log_level=_log_level(env),
            metrics_token=_metrics_token(env),
            webhook_urls=_webhook_urls(env),
            webhook_key=_webhook_key(env),
        )


def _list(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in env.get(name, "").split(",") if each.strip())


def _switch(env: Mapping[str, str], name: str) -> bool:
    value = env.get(name, "").strip().lower()
    if value in ("", "0", "no", "false", "off"):
        return False
    if value in ("1", "yes", "true", "on"):
        return True
    raise SettingError(name, "expected 1 or 0")


def _port(env: Mapping[str, str]) -> int:
    text = env.get("TERTULIA_PORT") or str(Settings.port)
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise SettingError("TERTULIA_PORT", "expected a number from 0 to 65535")
    return int(text)


def _origins(env: Mapping[str, str]) -> tuple[str, ...]:
    origins = _list(env, "TERTULIA_ORIGINS")
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise SettingError(
                "TERTULIA_ORIGINS",
                "expected origins like https://call.example.org, separated by commas",
            )
    return origins


def _capacity(env: Mapping[str, str]) -> Capacity:
    return Capacity(
        connections=_count(env, "TERTULIA_MAX_CONNECTIONS", Capacity.connections),
        per_address=_count(
            env, "TERTULIA_MAX_CONNECTIONS_PER_ADDRESS", Capacity.per_address
        ),
        scale=_count(env, "TERTULIA_LIMIT_SCALE", int(Capacity.scale)),
        proxies=_proxies(env),
    )


def _count(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or not 0 < int(text) <= 1_000_000:
        raise SettingError(name, "expected a number from 1 to 1000000")
    return int(text)


def _proxies(env: Mapping[str, str]) -> tuple[Network, ...]:
    name = "TERTULIA_PROXIES"
    try:
        return tuple(ip_network(each) for each in _list(env, name))
    except ValueError:
        raise SettingError(
            name, "expected addresses or networks like 10.0.0.0/8, separated by commas"
        ) from None


def _check_turn(urls: tuple[str, ...], secret: str) -> None:
    if len(urls) > _ICE_LIMIT:
        raise SettingError("TERTULIA_TURN_URLS", f"at most {_ICE_LIMIT} URLs")
    if not all(_ICE_URL.fullmatch(url) for url in urls):
        raise SettingError(
            "TERTULIA_TURN_URLS",
            "expected stun:, turn: or turns: URLs, separated by commas",
        )
    if any(url.startswith("turn") for url in urls) and not secret:
        raise SettingError(
            "TERTULIA_TURN_SECRET", "needed for the turn: URLs of TERTULIA_TURN_URLS"
        )


def _log_level(env: Mapping[str, str]) -> str:
    level = env.get("TERTULIA_LOG_LEVEL", "").strip().lower() or Settings.log_level
    if level not in LEVELS:
        raise SettingError("TERTULIA_LOG_LEVEL", f"expected {', '.join(LEVELS)}")
    return level


def _metrics_token(env: Mapping[str, str]) -> str:
    token = env.get("TERTULIA_METRICS_TOKEN", "").strip()
    if token and len(token) < _METRICS_TOKEN_LENGTH:
        raise SettingError(
            "TERTULIA_METRICS_TOKEN",
            f"expected at least {_METRICS_TOKEN_LENGTH} characters",
        )
    return token


def _webhook_urls(env: Mapping[str, str]) -> tuple[str, ...]:
    urls = _list(env, "TERTULIA_WEBHOOK_URLS")
    if not all(_WEBHOOK_URL.fullmatch(url) for url in urls):
        raise SettingError(
            "TERTULIA_WEBHOOK_URLS", "expected http: or https: URLs without a user"
        )
    return tuple(dict.fromkeys(urls))


def _webhook_key(env: Mapping[str, str]) -> bytes:
    if not _list(env, "TERTULIA_WEBHOOK_URLS"):
        return b""
    try:
        return key_of(env.get("TERTULIA_WEBHOOK_SECRET", "").strip())
    except ValueError:
        raise SettingError(
            "TERTULIA_WEBHOOK_SECRET",
            "expected whsec_ and at least 24 random bytes in base64",
        ) from None


def _database(env: Mapping[str, str], data_dir: Path) -> str:
    url = env.get("TERTULIA_DATABASE", "")
    if not url:
        return f"sqlite:///{data_dir / 'tertulia.db'}"
    if not url.startswith("sqlite:///") or url == "sqlite:///":
        raise SettingError("TERTULIA_DATABASE", "expected sqlite:///path/to/file.db")
    return url


def _secret(env: Mapping[str, str], data_dir: Path) -> str:
    secret = env.get("TERTULIA_SECRET", "")
    if not secret:
        return _kept_secret(data_dir)
    if len(secret) < _SECRET_LENGTH:
        raise SettingError(
            "TERTULIA_SECRET", f"expected at least {_SECRET_LENGTH} characters"
        )
    return secret


def _kept_secret(data_dir: Path) -> str:
    """Return the secret of this data directory, made on the first start."""
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
    if len(secret) < _SECRET_LENGTH:
        raise SettingError(
            "TERTULIA_DATA_DIR", "its file 'secret' is damaged; delete it"
        )
    return secret
