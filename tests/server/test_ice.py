"""ICE servers and their credentials."""

import base64
import hashlib
import hmac

import pytest
from guest import FakeClock, Guest, make_settings, serving

from protocol import messages as m
from protocol.messages import IceServer, ParticipantId, RoomId
from server.gate import Capacity
from server.ice import LIFE, TRIAL, ice_servers, renewal

ROOM, ANA = RoomId("the-room"), ParticipantId("ana")
TURN = {"turn_urls": ("turn:t.example",), "turn_secret": "north"}


def expiry(servers: tuple[IceServer, ...]) -> int:
    """Return when the credentials end, in Unix time."""
    return int(servers[-1].username.split(":")[0])


def test_stun_needs_no_credentials():
    servers = ice_servers(("stun:a.example", "stuns:b.example"), "", ROOM, ANA, 1000)
    assert servers == (IceServer(("stun:a.example", "stuns:b.example")),)


def test_turn_credentials_name_their_end_their_room_and_their_owner():
    urls = ("turn:t.example", "stun:s.example", "turns:t.example?transport=tcp")
    stun, turn = ice_servers(urls, "north", ROOM, ANA, 1000.9)
    assert stun.urls == ("stun:s.example",)
    assert turn.urls == ("turn:t.example", "turns:t.example?transport=tcp")
    assert turn.username == f"{1000 + LIFE}:the-room:ana"
    mac = hmac.new(b"north", turn.username.encode(), hashlib.sha1).digest()
    assert turn.credential == base64.b64encode(mac).decode()


def test_credentials_live_for_ten_minutes_at_most():
    assert renewal(LIFE) < LIFE <= 600


def test_without_urls_there_are_none():
    assert ice_servers((), "", ROOM, ANA, 1000) == ()


@pytest.mark.parametrize("life", [LIFE, 30])
async def test_credentials_come_again_before_they_end(tmp_path, life):
    async with serving(make_settings(tmp_path, turn_life=life, **TURN)) as house:
        ana = await house.visit()
        joined = await ana.enter(house.token(), "Ana")
        start = house.clock.unix()
        assert expiry(joined.ice_servers) == int(start) + life
        for turn in range(1, 4):
            await keep_talking(house.clock, ana, renewal(life))
            renewed = await ana.hear()
            assert isinstance(renewed, m.IceRenewed)
            ends = int(start + turn * renewal(life)) + life
            assert expiry(renewed.ice_servers) == ends
            assert renewed.ice_servers[-1].username.endswith(f":the-room:{ana.you}")


async def keep_talking(clock: FakeClock, guest: Guest, seconds: float) -> None:
    """Let time go by, and never be silent for long."""
    while seconds > 0:
        step = min(seconds, 20.0)
        await guest.say(m.Ping(1))
        assert await guest.hear() == m.Pong(1)
        clock.advance(step)
        seconds -= step


async def test_whoever_tests_a_connection_gets_credentials_for_a_moment(tmp_path):
    async with serving(make_settings(tmp_path, **TURN)) as house:
        assert (await house.http.post("/api/ice")).status_code == 401
        session = (await house.http.post("/api/session", json={})).json()["token"]
        bearer = {"authorization": f"Bearer {session}"}
        answer = await house.http.post("/api/ice", headers=bearer)
        assert answer.headers["cache-control"] == "no-store"
        (turn,) = answer.json()["ice_servers"]
        assert turn["urls"] == ["turn:t.example"]
        assert int(turn["username"].split(":")[0]) == int(house.clock.unix()) + TRIAL
        assert turn["credential"]


async def test_nobody_tests_a_connection_again_and_again(tmp_path):
    async with serving(make_settings(tmp_path, **TURN, capacity=Capacity())) as house:
        bearers = []
        for _ in range(4):
            session = (await house.http.post("/api/session", json={})).json()["token"]
            bearers.append({"authorization": f"Bearer {session}"})

        async def tries(bearer: dict[str, str]) -> int:
            return (await house.http.post("/api/ice", headers=bearer)).status_code

        # A session has its share, and an address that makes many of them, too.
        assert [await tries(bearers[0]) for _ in range(4)] == [200] * 3 + [429]
        assert [await tries(each) for each in bearers[1:] * 2] == [200] * 6
        assert await tries(bearers[1]) == 429
        house.clock.advance(30.0)
        assert await tries(bearers[0]) == 200
