"""The command line, as a process of its own."""

import asyncio
import os
import signal
import sys

import httpx
import pytest

from protocol.codes import SUBPROTOCOL


async def start(tmp_path, *arguments, **env):
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "server", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TERTULIA_DATA_DIR": str(tmp_path / "data"), **env},
    )


async def test_serve_prints_where_it_is_and_stops_when_told(tmp_path):
    process = await start(tmp_path, "serve", "--port", "0")
    line = (await process.stdout.readline()).decode()
    assert line.startswith("Tertulia is at http://localhost:")
    port = line.strip().rsplit(":", 1)[1]
    async with httpx.AsyncClient(trust_env=False) as http:
        response = await http.get(f"http://127.0.0.1:{port}/healthz")
        assert response.status_code == 200
        # What a browser sends; the query must not show up in the log.
        await http.get(
            f"http://127.0.0.1:{port}/ws?token=hush",
            headers={
                "connection": "Upgrade",
                "upgrade": "websocket",
                "sec-websocket-version": "13",
                "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==",
                "sec-websocket-protocol": SUBPROTOCOL,
            },
        )
    process.send_signal(signal.SIGTERM)
    rest, log = await process.communicate()
    assert process.returncode == 0
    assert rest == b""
    assert b"hush" not in log
    assert b"Traceback" not in log


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"TERTULIA_PORT": "x"}, b"TERTULIA_PORT"),
        ({"TERTULIA_DATABASE": "postgres://x"}, b"TERTULIA_DATABASE"),
        ({"TERTULIA_DRAIN": "8"}, b"TERTULIA_DRAIN"),
        ({"TERTULIA_DRAIN": "-1"}, b"TERTULIA_DRAIN"),
    ],
)
async def test_a_wrong_setting_is_one_clear_line(tmp_path, env, named):
    process = await start(tmp_path, "serve", **env)
    out, log = await process.communicate()
    assert process.returncode == 1
    assert out == b""
    assert log.count(b"\n") == 1
    assert named in log


async def test_several_processes_without_what_they_share_do_not_start(tmp_path):
    process = await start(tmp_path, "serve", "--workers", "2", TERTULIA_SECRET="s" * 32)
    _, log = await process.communicate()
    assert process.returncode == 1
    assert log.decode() == (
        "tertulia: TERTULIA_REDIS: needed where several processes serve together\n"
    )


@pytest.mark.parametrize("workers", ["0", "65"])
async def test_a_number_of_processes_is_checked(tmp_path, workers):
    process = await start(tmp_path, "serve", "--workers", workers)
    _, log = await process.communicate()
    assert process.returncode == 1
    assert log.decode().startswith("tertulia: --workers: expected a number")


async def test_a_redis_that_is_not_there_is_one_clear_line(tmp_path):
    process = await start(
        tmp_path,
        "serve",
        TERTULIA_REDIS="redis://127.0.0.1:1/0",
        TERTULIA_SECRET="s" * 32,
    )
    _, log = await process.communicate()
    assert process.returncode != 0
    assert b"TERTULIA_REDIS" in log
    assert b"Traceback" not in log


async def test_several_processes_without_a_shared_secret_do_not_start(tmp_path):
    process = await start(tmp_path, "serve", "--workers", "2", TERTULIA_SECRET="")
    out, log = await process.communicate()
    assert process.returncode == 1
    assert out == b""
    assert log.decode() == (
        "tertulia: TERTULIA_SECRET: needed where several processes serve together\n"
    )


async def run_without_authlib(tmp_path, code, **env):
    """Run code where the libraries of the login are not installed."""
    code = f"import sys; sys.modules['authlib'] = None\n{code}"
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={**os.environ, "TERTULIA_DATA_DIR": str(tmp_path / "data"), **env},
    )
    out, log = await process.communicate()
    return process.returncode, out.decode(), log.decode()


async def test_a_login_that_lacks_its_libraries_is_one_clear_line(tmp_path):
    status, out, log = await run_without_authlib(
        tmp_path,
        "from server.__main__ import main; main(['serve', '--port', '0'])",
        TERTULIA_OIDC_ISSUER="https://login.example",
        TERTULIA_OIDC_CLIENT_ID="x",
        TERTULIA_OIDC_CLIENT_SECRET="x",
    )
    assert (status, out) == (1, "")
    assert log == (
        "tertulia: TERTULIA_OIDC_ISSUER: needs more to be installed: tertulia[oidc]\n"
    )


async def test_without_a_login_its_libraries_are_not_needed(tmp_path):
    code = (
        "from server.app import create_app; from server.settings import Settings\n"
        "create_app(Settings.from_env()); print('authlib.common' in sys.modules)"
    )
    status, out, _ = await run_without_authlib(tmp_path, code)
    assert (status, out) == (0, "False\n")
