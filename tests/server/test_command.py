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
        ({"TERTULIA_DRAIN": "8"}, b"TERTULIA_DRAIN"),
        ({"TERTULIA_DRAIN": "-1"}, b"TERTULIA_DRAIN"),
        ({"TERTULIA_DATABASE": "mongodb://x"}, b"TERTULIA_DATABASE"),
    ],
)
async def test_a_wrong_setting_is_one_clear_line(tmp_path, env, named):
    process = await start(tmp_path, "serve", **env)
    out, log = await process.communicate()
    assert process.returncode == 1
    assert out == b""
    assert log.count(b"\n") == 1
    assert named in log
