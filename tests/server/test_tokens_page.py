"""What docs/TOKENS.md shows is run, as it stands there."""

import asyncio
import os
import re
import sys
from pathlib import Path

import httpx
from guest import make_settings, serving

from e2ee.room import read_invitation
from server.cookie import HANDOFF, TRANSACTION
from server.tokens import LEEWAY, LOGIN_LIFE, ROOM_LIFE, SESSION_LIFE, VISIT_LIFE

TEXT = (Path(__file__).parents[2] / "docs" / "TOKENS.md").read_text("utf-8")
KEY = "a key of the school that is long enough"


async def run(code: str, **env: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code),
        stdout=asyncio.subprocess.PIPE,
        env={**os.environ, **env},
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return out.decode().strip()


async def test_the_program_on_the_page_lets_somebody_into_a_room(tmp_path):
    (code,) = re.findall(r"```python\n(.*?)```", TEXT, re.DOTALL)
    assert len(code.splitlines()) <= 10
    async with serving(make_settings(tmp_path, api_keys={"school": KEY})) as house:
        env = {"TERTULIA_URL": house.origin, "SCHOOL_KEY": KEY, "NO_PROXY": "*"}
        link = httpx.URL(await run(code, **env))
        parts = dict(part.split("=") for part in link.fragment.split("&"))
        assert list(parts) == ["token", "key"]
        assert read_invitation(parts["key"]).shared_key
        token = parts["token"]
        guest = await house.visit()
        joined = await guest.enter(token, "somebody")
        assert link.path == f"/r/{joined.room}"
        response = await house.http.get(
            f"/api/rooms/{joined.room}", auth=("school", KEY)
        )
        assert response.json()["name"] == "Clase"


def test_the_page_names_every_life_as_it_is():
    hours, minutes = 3600, 60
    assert (SESSION_LIFE, VISIT_LIFE) == (24 * hours, 12 * hours)
    assert (ROOM_LIFE, LOGIN_LIFE, LEEWAY) == (5 * minutes, 10 * minutes, 30)
    assert (TRANSACTION.life, HANDOFF.life) == (10 * minutes, 2 * minutes)
    for text in ("| 24 hours; a visit 12 |", "| 5 minutes |", "| 10 minutes |"):
        assert text in TEXT
    assert "by 30 seconds" in TEXT
    assert "`SameSite=Strict`, 2 minutes" in TEXT
