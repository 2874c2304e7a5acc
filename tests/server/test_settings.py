"""What the environment may say."""

import re
import stat
from ipaddress import ip_network
from pathlib import Path

import pytest

from server.errors import SettingError
from server.gate import Capacity
from server.settings import Oidc, Settings


@pytest.fixture
def env(tmp_path):
    return {"TERTULIA_DATA_DIR": str(tmp_path / "data")}


def test_without_any_variable_there_is_a_default_for_each(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Settings.from_env({})
    assert (settings.host, settings.port) == ("127.0.0.1", 8000)
    assert settings.database == "sqlite:///data/tertulia.db"
    assert settings.origins == settings.turn_urls == ()
    assert not settings.test_mode
    assert (settings.retention_days, settings.data_dir) == (90, Path("data"))


def test_every_variable_is_read(env):
    secret = "s" * 32
    settings = Settings.from_env(
        {
            **env,
            "TERTULIA_HOST": "0.0.0.0",
            "TERTULIA_PORT": "0",
            "TERTULIA_DATABASE": "sqlite:////var/lib/tertulia.db",
            "TERTULIA_SECRET": f"{secret}, {'o' * 32}",
            "TERTULIA_REDIS": "redis://cache.example:6379/0",
            "TERTULIA_OIDC_ISSUER": "https://login.example/realm",
            "TERTULIA_OIDC_CLIENT_ID": "tertulia",
            "TERTULIA_OIDC_CLIENT_SECRET": "oidc",
            "TERTULIA_GUESTS": "no",
            "TERTULIA_API_KEYS": f"school:{'k' * 32}, shop-2:{'l:' * 20}",
            "TERTULIA_ORIGINS": "https://a.example, http://b.example:8080",
            "TERTULIA_TURN_URLS": "stun:s.example, turns:t.example:5349?transport=tcp",
            "TERTULIA_TURN_SECRET": "turn",
            "TERTULIA_TURN_LIFE": "86400",
            "TERTULIA_MAX_CONNECTIONS": "500",
            "TERTULIA_MAX_CONNECTIONS_PER_ADDRESS": "50",
            "TERTULIA_LIMIT_SCALE": "3",
            "TERTULIA_PROXIES": "10.0.0.0/8, fd00::1",
            "TERTULIA_TEST_MODE": "1",
            "TERTULIA_LOG_LEVEL": "Warning",
            "TERTULIA_METRICS_TOKEN": "m" * 16,
            "TERTULIA_METRICS_PORT": "9100",
            "TERTULIA_WEBHOOK_URLS": "https://hook.example/a, http://b.example:8080",
            "TERTULIA_WEBHOOK_SECRET": "whsec_" + "AAAA" * 8,
            "TERTULIA_RETENTION_DAYS": "30",
        }
    )
    assert settings == Settings(
        host="0.0.0.0",
        port=0,
        database="sqlite:////var/lib/tertulia.db",
        secret=secret,
        retired_secrets=("o" * 32,),
        redis="redis://cache.example:6379/0",
        oidc=Oidc(
            issuer="https://login.example/realm",
            client_id="tertulia",
            client_secret="oidc",
        ),
        guests=False,
        api_keys={"school": "k" * 32, "shop-2": "l:" * 20},
        origins=("https://a.example", "http://b.example:8080"),
        turn_urls=("stun:s.example", "turns:t.example:5349?transport=tcp"),
        turn_secret="turn",
        turn_life=86400,
        capacity=Capacity(
            connections=500,
            per_address=50,
            scale=3,
            proxies=(ip_network("10.0.0.0/8"), ip_network("fd00::1")),
        ),
        test_mode=True,
        log_level="warning",
        metrics_token="m" * 16,
        metrics_port=9100,
        webhook_urls=("https://hook.example/a", "http://b.example:8080"),
        webhook_key=bytes(24),
        retention_days=30,
        data_dir=Path(env["TERTULIA_DATA_DIR"]),
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TERTULIA_PORT", "http"),
        ("TERTULIA_PORT", "65536"),
        ("TERTULIA_PORT", "-1"),
        ("TERTULIA_PORT", "²"),
        ("TERTULIA_DATABASE", "postgres://db"),
        ("TERTULIA_DATABASE", "sqlite:///"),
        ("TERTULIA_SECRET", "short"),
        ("TERTULIA_SECRET", f"{'s' * 32},short"),
        ("TERTULIA_SECRET", f"{'s' * 32},"),
        ("TERTULIA_SECRET", ",".join(["s" * 32] * 3)),
        ("TERTULIA_REDIS", "cache.example"),
        ("TERTULIA_REDIS", "http://cache.example"),
        ("TERTULIA_GUESTS", "perhaps"),
        ("TERTULIA_GUESTS", "no"),
        ("TERTULIA_API_KEYS", "school"),
        ("TERTULIA_API_KEYS", "school:short"),
        ("TERTULIA_API_KEYS", f":{'s' * 32}"),
        ("TERTULIA_API_KEYS", f"School:{'s' * 32}"),
        ("TERTULIA_API_KEYS", f"a:{'s' * 32},a:{'t' * 32}"),
        ("TERTULIA_ORIGINS", "https://a.example/"),
        ("TERTULIA_ORIGINS", "*"),
        ("TERTULIA_TURN_URLS", "https://turn.example"),
        ("TERTULIA_TURN_URLS", ",".join(["stun:s.example"] * 9)),
        ("TERTULIA_MAX_CONNECTIONS", "0"),
        ("TERTULIA_MAX_CONNECTIONS", "1000001"),
        ("TERTULIA_MAX_CONNECTIONS_PER_ADDRESS", "-1"),
        ("TERTULIA_LIMIT_SCALE", "0.5"),
        ("TERTULIA_PROXIES", "10.0.0.1/8"),
        ("TERTULIA_PROXIES", "proxy.example"),
        ("TERTULIA_PROXIES", "*"),
        ("TERTULIA_TEST_MODE", "perhaps"),
        ("TERTULIA_LOG_LEVEL", "loud"),
        ("TERTULIA_METRICS_TOKEN", "short"),
        ("TERTULIA_WEBHOOK_URLS", "ftp://hook.example"),
        ("TERTULIA_WEBHOOK_URLS", "https://user:password@hook.example"),
        ("TERTULIA_DATA_DIR", "/dev/null/data"),
    ],
)
def test_what_is_wrong_is_named(env, name, value):
    with pytest.raises(SettingError, match=f"^{name}: "):
        Settings.from_env({**env, name: value})


@pytest.mark.parametrize("left_out", ["ISSUER", "CLIENT_ID", "CLIENT_SECRET"])
def test_a_login_needs_all_of_its_settings(env, left_out):
    for name in {"ISSUER", "CLIENT_ID", "CLIENT_SECRET"} - {left_out}:
        env[f"TERTULIA_OIDC_{name}"] = "https://login.example"
    with pytest.raises(SettingError, match=f"^TERTULIA_OIDC_{left_out}: "):
        Settings.from_env(env)


@pytest.mark.parametrize(
    ("issuer", "right"),
    [
        ("https://login.example", True),
        ("http://127.0.0.1:9000", True),
        ("http://localhost:9000/realm", True),
        ("http://[::1]:9000", True),
        ("http://login.example", False),
        ("http://127.0.0.1.example", False),
        ("https://", False),
        ("login.example", False),
        ("https://login.example?x=1", False),
        ("https://login.example#x", False),
        ("https://me@login.example", False),
        ("https://[login", False),
        ("file:///etc/passwd", False),
    ],
)
def test_a_login_goes_over_a_safe_line(env, issuer, right):
    env["TERTULIA_OIDC_ISSUER"] = issuer
    env["TERTULIA_OIDC_CLIENT_ID"] = env["TERTULIA_OIDC_CLIENT_SECRET"] = "x"
    if right:
        assert Settings.from_env(env).oidc.issuer == issuer
    else:
        with pytest.raises(SettingError, match="^TERTULIA_OIDC_ISSUER: "):
            Settings.from_env(env)


@pytest.mark.parametrize(
    ("workers", "more"),
    [(2, {}), (1, {"TERTULIA_REDIS": "redis://cache.example"})],
)
def test_several_processes_need_a_secret_that_they_share(env, workers, more, tmp_path):
    with pytest.raises(SettingError, match="^TERTULIA_SECRET: .*several processes"):
        Settings.from_env({**env, **more}, workers=workers)
    assert not (tmp_path / "data" / "secret").exists()
    shared = {**env, **more, "TERTULIA_SECRET": "s" * 32}
    assert Settings.from_env(shared, workers=workers).secret == "s" * 32


def test_turn_needs_its_secret(env):
    with pytest.raises(SettingError, match="^TERTULIA_TURN_SECRET: "):
        Settings.from_env({**env, "TERTULIA_TURN_URLS": "turn:t.example"})


@pytest.mark.parametrize("life", ["29", "86401", "-60", "1e3", "ten", "٦٠"])
def test_turn_credentials_of_a_strange_life_are_refused(env, life):
    with pytest.raises(SettingError, match="^TERTULIA_TURN_LIFE: expected seconds"):
        Settings.from_env({**env, "TERTULIA_TURN_LIFE": life})


@pytest.mark.parametrize("secret", ["", "a secret", "whsec_c2hvcnQ="])
def test_webhooks_need_their_secret(env, secret):
    urls = {"TERTULIA_WEBHOOK_URLS": "https://hook.example"}
    with pytest.raises(SettingError, match="^TERTULIA_WEBHOOK_SECRET: "):
        Settings.from_env({**env, **urls, "TERTULIA_WEBHOOK_SECRET": secret})


def test_a_secret_is_made_once_and_for_its_owner_alone(env, tmp_path):
    first = Settings.from_env(env).secret
    assert len(first) >= 43  # 256 bits
    assert Settings.from_env(env).secret == first
    mode = (tmp_path / "data" / "secret").stat().st_mode
    assert stat.S_IMODE(mode) == 0o600


def test_a_damaged_secret_is_not_used(env, tmp_path):
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "secret").write_text("")
    with pytest.raises(SettingError, match="^TERTULIA_DATA_DIR: "):
        Settings.from_env(env)


def test_the_secrets_are_not_printed(env):
    hidden = {
        "TERTULIA_TURN_SECRET": "turn-secret",
        "TERTULIA_SECRET": f"{'n' * 32},{'o' * 32}",
        "TERTULIA_OIDC_CLIENT_SECRET": "oidc-secret",
        "TERTULIA_API_KEYS": f"school:{'k' * 32}",
        "TERTULIA_REDIS": "redis://:redis-secret@cache.example",
    }
    shown = {
        "TERTULIA_OIDC_ISSUER": "https://login.example",
        "TERTULIA_OIDC_CLIENT_ID": "tertulia",
    }
    text = repr(Settings.from_env({**env, **hidden, **shown}))
    for secret in ("turn-secret", "n" * 32, "o" * 32, "oidc-", "k" * 32, "redis-"):
        assert secret not in text
    assert Settings.from_env(env).secret not in repr(Settings.from_env(env))


class Asked(dict[str, str]):
    """An environment that remembers what it was asked for."""

    def __init__(self, values: dict[str, str]) -> None:
        super().__init__(values)
        self.names: set[str] = set()

    def get(self, name, default=None):
        self.names.add(name)
        return super().get(name, default)


def test_every_variable_stands_once_in_the_tables_of_operations_and_no_other(env):
    hooks = {
        "TERTULIA_WEBHOOK_URLS": "https://hook.example",
        "TERTULIA_WEBHOOK_SECRET": "whsec_" + "AAAA" * 8,
    }
    asked = Asked({**env, **hooks})
    Settings.from_env(asked)
    page = (Path(__file__).parents[2] / "docs" / "OPERATIONS.md").read_text()
    rows = re.findall(r"^\| (`TERTULIA_[^|]*)\|", page, re.MULTILINE)
    told = [name for row in rows for name in re.findall(r"`(TERTULIA_\w+)`", row)]
    assert sorted(told) == sorted(asked.names)
