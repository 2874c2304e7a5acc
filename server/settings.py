"""What the environment decides, read once at the start."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from ipaddress import ip_network
from pathlib import Path
from typing import Final, Self
from urllib.parse import urlsplit

from server.address import Network
from server.errors import SettingError
from server.gate import Capacity
from server.ice import LIFE
from server.keys import parse_keys
from server.logs import LEVELS
from server.secret import given_secrets, kept_secret
from server.store import engine_of
from server.webhook import key_of

_PACKED: Final = Path(__file__).resolve().with_name("page")  # a wheel brings it
_BUILT: Final = _PACKED.parents[1] / "build" / "page"
PAGE: Final = _PACKED if _PACKED.is_dir() else _BUILT

_ORIGIN = re.compile(r"https?://(\[[0-9a-f:]+\]|[a-z0-9.-]+)(:\d{1,5})?")
_ICE_URL = re.compile(r"(stuns?|turns?):[^\s,]+")
_ICE_LIMIT = 8
_DAY = 24 * 3600
_METRICS_TOKEN_LENGTH = 16  # characters
_WEBHOOK_URL = re.compile(r"https?://[^\s,/@?#]+(/[^\s,]*)?")
_DRAIN_LIMIT = 7.0  # seconds; what runs us kills us after 10, most often
_REDIS_SCHEMES = ("redis", "rediss", "unix")
_LOCAL_HOSTS = ("localhost", "127.0.0.1", "::1")


@dataclass(frozen=True, kw_only=True)
class Oidc:
    """The provider that people log in with (OpenID Connect Core 1.0)."""

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """The server's settings, one for each ``TERTULIA_…`` variable in use."""

    host: str = "127.0.0.1"
    port: int = 8000
    database: str
    secret: str = field(repr=False)
    retired_secrets: tuple[str, ...] = field(default=(), repr=False)
    redis: str = field(default="", repr=False)
    oidc: Oidc | None = None
    guests: bool = True
    api_keys: Mapping[str, str] = field(default_factory=dict, repr=False)
    origins: tuple[str, ...] = ()
    turn_urls: tuple[str, ...] = ()
    turn_secret: str = field(default="", repr=False)
    turn_life: int = LIFE
    capacity: Capacity = Capacity()
    test_mode: bool = False
    drain: float = 5.0
    log_level: str = "info"
    metrics_token: str = field(default="", repr=False)
    metrics_port: int = 0  # of the first of several processes; 0: none of their own
    webhook_urls: tuple[str, ...] = field(default=(), repr=False)
    webhook_key: bytes = field(default=b"", repr=False)
    retention_days: int = 90  # 0: everything is kept
    page: Path = PAGE
    data_dir: Path | None = None  # None: nothing is kept beside the database

    @classmethod
    def from_env(cls, env: Mapping[str, str] = os.environ, workers: int = 1) -> Self:
        """Return the settings; raise ``SettingError`` naming what is wrong.

        ``workers`` is the number of processes that are to serve with them.
        """
        data_dir = Path(env.get("TERTULIA_DATA_DIR") or "data")
        turn_urls = _list(env, "TERTULIA_TURN_URLS")
        turn_secret = env.get("TERTULIA_TURN_SECRET", "")
        _check_turn(turn_urls, turn_secret)
        redis, oidc = _redis(env), _oidc(env)
        api_keys = parse_keys(_list(env, "TERTULIA_API_KEYS"))
        guests = _switch(env, "TERTULIA_GUESTS", default=True)
        if not (guests or oidc or api_keys):
            raise SettingError(
                "TERTULIA_GUESTS",
                "nobody could get in; set TERTULIA_OIDC_ISSUER or TERTULIA_API_KEYS",
            )
        secret, *retired = _secrets(env, data_dir, shared=workers > 1 or bool(redis))
        return cls(
            host=env.get("TERTULIA_HOST") or cls.host,
            port=_port(env, "TERTULIA_PORT", cls.port),
            database=_database(env, data_dir),
            secret=secret,
            retired_secrets=tuple(retired),
            redis=redis,
            oidc=oidc,
            guests=guests,
            api_keys=api_keys,
            origins=_origins(env),
            turn_urls=turn_urls,
            turn_secret=turn_secret,
            turn_life=_turn_life(env),
            capacity=_capacity(env),
            test_mode=_switch(env, "TERTULIA_TEST_MODE"),
            retention_days=_days(env),
            data_dir=data_dir,
            drain=_seconds(env, "TERTULIA_DRAIN", cls.drain, _DRAIN_LIMIT),
            log_level=_log_level(env),
            metrics_token=_metrics_token(env),
            metrics_port=_port(env, "TERTULIA_METRICS_PORT", cls.metrics_port),
            webhook_urls=_webhook_urls(env),
            webhook_key=_webhook_key(env),
        )


def _list(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in env.get(name, "").split(",") if each.strip())


def _switch(env: Mapping[str, str], name: str, *, default: bool = False) -> bool:
    value = env.get(name, "").strip().lower()
    if not value:
        return default
    if value in ("0", "no", "false", "off"):
        return False
    if value in ("1", "yes", "true", "on"):
        return True
    raise SettingError(name, "expected 1 or 0")


def _seconds(env: Mapping[str, str], name: str, default: float, limit: float) -> float:
    text = env.get(name) or str(default)
    if not re.fullmatch(r"\d{1,4}(\.\d{1,3})?", text, re.ASCII) or float(text) > limit:
        raise SettingError(name, f"expected seconds from 0 to {limit:g}")
    return float(text)


def _port(env: Mapping[str, str], name: str, default: int) -> int:
    text = env.get(name) or str(default)
    if not text.isascii() or not text.isdigit() or int(text) > 65535:
        raise SettingError(name, "expected a number from 0 to 65535")
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


def _days(env: Mapping[str, str]) -> int:
    name = "TERTULIA_RETENTION_DAYS"
    text = env.get(name) or str(Settings.retention_days)
    if not re.fullmatch(r"\d{1,5}", text, re.ASCII):
        raise SettingError(name, "expected a number of days, 0 to keep everything")
    return int(text)


def _proxies(env: Mapping[str, str]) -> tuple[Network, ...]:
    name = "TERTULIA_PROXIES"
    try:
        return tuple(ip_network(each) for each in _list(env, name))
    except ValueError:
        raise SettingError(
            name, "expected addresses or networks like 10.0.0.0/8, separated by commas"
        ) from None


def _turn_life(env: Mapping[str, str]) -> int:
    name = "TERTULIA_TURN_LIFE"
    text = env.get(name) or str(LIFE)
    if not re.fullmatch(r"\d{2,5}", text, re.ASCII) or not 30 <= int(text) <= _DAY:
        raise SettingError(name, f"expected seconds from 30 to {_DAY}")
    return int(text)


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
    engine_of(url)  # raises what is wrong with it
    return url


def _secrets(
    env: Mapping[str, str], data_dir: Path, *, shared: bool
) -> tuple[str, ...]:
    if text := env.get("TERTULIA_SECRET", ""):
        return given_secrets(text)
    if shared:
        # Each would make one of its own, and refuse what the others signed.
        raise SettingError(
            "TERTULIA_SECRET", "needed where several processes serve together"
        )
    return (kept_secret(data_dir),)


def _redis(env: Mapping[str, str]) -> str:
    url = env.get("TERTULIA_REDIS", "").strip()
    if url and url.partition("://")[0] not in _REDIS_SCHEMES:
        raise SettingError("TERTULIA_REDIS", "expected redis://host:port/0")
    return url


def _oidc(env: Mapping[str, str]) -> Oidc | None:
    names = ("ISSUER", "CLIENT_ID", "CLIENT_SECRET")
    given = {name: env.get(f"TERTULIA_OIDC_{name}", "").strip() for name in names}
    if not any(given.values()):
        return None
    for name, value in given.items():
        if not value:
            raise SettingError(f"TERTULIA_OIDC_{name}", "needed beside the other two")
    _check_issuer(given["ISSUER"])
    return Oidc(
        issuer=given["ISSUER"],
        client_id=given["CLIENT_ID"],
        client_secret=given["CLIENT_SECRET"],
    )


def _check_issuer(issuer: str) -> None:
    """OIDC Discovery 1.0 §3: https, a host, and neither query nor fragment."""
    try:
        parts = urlsplit(issuer)
        host = parts.hostname
    except ValueError:
        host = None
    if not host or parts.query or parts.fragment or parts.username is not None:
        raise SettingError("TERTULIA_OIDC_ISSUER", "expected an https:// URL")
    # In the clear, anybody on the way could say who somebody is.
    if parts.scheme != "https" and (parts.scheme, host) not in (
        ("http", local) for local in _LOCAL_HOSTS
    ):
        raise SettingError("TERTULIA_OIDC_ISSUER", "expected an https:// URL")
