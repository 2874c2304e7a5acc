"""The JSON endpoints over a real server."""

from typing import Any

import httpx
import pytest
from guest import SECRET, House, counting, make_settings, serving

from protocol import messages as m
from server.tokens import Role, Tokens


class Caller:
    """Somebody with a session."""

    def __init__(self, house: House, token: str) -> None:
        self.http = house.http
        self.headers = {"authorization": f"Bearer {token}"}

    async def ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        return await self.http.request(method, path, headers=self.headers, **more)

    def at(self, house: House) -> "Caller":
        """Return the same person, asking another process of the same server."""
        there = Caller(house, "")
        there.headers = self.headers
        return there

    async def create(self, **body: Any) -> str:
        response = await self.ask("POST", "/api/rooms", json=body)
        assert response.status_code == 201
        room: str = response.json()["room"]
        return room


async def call(house: House) -> Caller:
    response = await house.http.post("/api/session", json={})
    return Caller(house, response.json()["token"])


def error(response: httpx.Response) -> tuple[int, str]:
    body = response.json()
    assert body["error"]["message"]
    return response.status_code, body["error"]["code"]


async def test_a_session_is_opened_without_any_question(house):
    response = await house.http.post("/api/session", json={})
    assert response.status_code == 200
    answer = response.json()
    assert answer.keys() == {"token", "expires_in", "test_mode"}
    assert answer["expires_in"] == 86400
    assert answer["test_mode"] is False
    assert response.headers["cache-control"] == "no-store"


async def test_in_test_mode_the_session_says_so(tmp_path):
    async with serving(make_settings(tmp_path, test_mode=True)) as house:
        response = await house.http.post("/api/session")
        assert response.json()["test_mode"] is True


async def test_a_room_has_a_link_that_others_can_open(house):
    ana = await call(house)
    response = await ana.ask("POST", "/api/rooms", json={"name": "Lunes"})
    assert response.status_code == 201
    answer = response.json()
    assert answer["link"] == f"{house.origin}/r/{answer['room']}"
    response = await house.http.get(f"/api/rooms/{answer['room']}")
    assert response.json() == {
        "room": answer["room"],
        "name": "Lunes",
        "participants": 0,
        "capacity": 8,
        "persistent": True,
        "passcode": False,
        "locked": False,
        "waiting_room": False,
        "e2ee": True,
    }


async def test_rooms_have_ids_of_their_own(house):
    ana = await call(house)
    rooms = [await ana.create() for _ in range(20)]
    assert len(set(rooms)) == 20
    assert all(len(room) == 14 and room.islower() for room in rooms)


async def test_a_room_token_opens_the_room(house):
    ana = await call(house)
    room = await ana.create()
    response = await ana.ask("POST", f"/api/rooms/{room}/token")
    assert response.json()["expires_in"] == 300
    guest = await house.visit()
    joined = await guest.enter(response.json()["token"], "Ana")
    assert joined.room == room
    response = await house.http.get(f"/api/rooms/{room}")
    assert response.json()["participants"] == 1


async def test_the_creator_is_host_and_the_others_are_members(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create()
    tokens = Tokens(SECRET, counting())
    roles = []
    for caller in (ana, bo):
        response = await caller.ask("POST", f"/api/rooms/{room}/token")
        granted = tokens.verify_room(response.json()["token"], house.clock.unix())
        roles.append(granted.role)
    assert roles == [Role.HOST, Role.MEMBER]


async def test_a_full_room_gives_no_token(house):
    ana = await call(house)
    room = await ana.create()
    for name in "abcdefgh":
        await house.join(name, room=room)
    response = await ana.ask("POST", f"/api/rooms/{room}/token")
    assert error(response) == (409, "room_full")


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/api/rooms/nowhere"),
        ("POST", "/api/rooms/nowhere/token"),
        ("DELETE", "/api/rooms/nowhere"),
        ("GET", "/api/rooms/%7B%22$gt%22:%22%22%7D"),
    ],
)
async def test_a_room_that_is_none_is_not_found(house, method, path):
    ana = await call(house)
    assert error(await ana.ask(method, path)) == (404, "room_not_found")


@pytest.mark.parametrize("header", ["", "Basic x", "Bearer", "Bearer x.y.z", "x"])
async def test_without_a_session_nothing_is_given(house, header):
    for method, path in (
        ("POST", "/api/rooms"),
        ("POST", "/api/rooms/any/token"),
        ("DELETE", "/api/rooms/any"),
    ):
        headers = {"authorization": header}
        response = await house.http.request(method, path, headers=headers)
        assert error(response) == (401, "bad_token")
        assert response.headers["www-authenticate"] == "Bearer"


async def test_an_expired_session_is_told_so(house):
    ana = await call(house)
    house.clock.advance(25 * 3600)
    response = await ana.ask("POST", "/api/rooms")
    assert error(response) == (401, "token_expired")


async def test_a_room_token_is_no_session(house):
    bo = Caller(house, house.token())
    assert error(await bo.ask("POST", "/api/rooms")) == (401, "bad_token")


async def test_only_the_creator_ends_a_room(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create()
    refused = error(await bo.ask("DELETE", f"/api/rooms/{room}"))
    assert refused == (404, "room_not_found")  # as where there is no room
    assert (await ana.ask("DELETE", f"/api/rooms/{room}")).status_code == 204
    response = await ana.ask("POST", f"/api/rooms/{room}/token")
    assert error(response) == (404, "room_not_found")


@pytest.mark.parametrize(
    "body",
    ["[]", "null", "{", '{"name":1}', '{"x":1}', "[" * 9999, "é".encode("utf-16")],
)
async def test_a_body_that_is_not_as_expected_is_refused(house, body):
    ana = await call(house)
    response = await ana.ask("POST", "/api/rooms", content=body)
    assert error(response) == (400, "bad_request")


async def test_a_body_too_large_is_refused(house):
    ana = await call(house)
    response = await ana.ask("POST", "/api/rooms", content=b" " * 20_000)
    assert error(response) == (413, "too_large")


async def test_a_rooms_name_is_made_safe_and_is_bounded(house):
    ana = await call(house)
    room = await ana.create(name="\u202e Lunes\n")
    response = await house.http.get(f"/api/rooms/{room}")
    assert response.json()["name"] == "Lunes"
    response = await ana.ask("POST", "/api/rooms", json={"name": "x" * 65})
    assert error(response) == (400, "bad_request")


async def test_the_process_says_that_it_is_well(house):
    response = await house.http.get("/healthz")
    assert (response.status_code, response.json()) == (200, {"status": "ok"})
    assert "content-security-policy" in response.headers


async def test_other_sites_may_call_only_when_they_are_listed(house, tmp_path):
    headers = {
        "origin": "https://a.example",
        "access-control-request-method": "POST",
        "access-control-request-headers": "authorization",
    }
    response = await house.http.options("/api/rooms", headers=headers)
    assert "access-control-allow-origin" not in response.headers
    settings = make_settings(tmp_path, origins=("https://a.example",))
    async with serving(settings) as listed:
        response = await listed.http.options("/api/rooms", headers=headers)
        assert response.headers["access-control-allow-origin"] == "https://a.example"
        for other in (
            "https://b.example",
            "http://a.example",
            "https://a.example:8443",
            "https://a.example.evil.example",
            "https://evil-a.example",
            "null",
        ):
            headers["origin"] = other
            response = await listed.http.options("/api/rooms", headers=headers)
            assert "access-control-allow-origin" not in response.headers
            response = await listed.http.get("/healthz", headers={"origin": other})
            assert "access-control-allow-origin" not in response.headers


async def test_who_was_in_a_full_room_may_get_a_token_to_come_back(house):
    ana = await call(house)
    room = await ana.create()
    response = await ana.ask("POST", f"/api/rooms/{room}/token")
    guest = await house.visit()
    await guest.enter(response.json()["token"], "Ana")
    for name in "bcdefgh":
        await house.join(name, room=room)
    guest.cut()
    response = await ana.ask("POST", f"/api/rooms/{room}/token")
    assert response.status_code == 200
    again = await house.visit()
    joined = await again.enter(response.json()["token"], "Ana", resume=guest.resume)
    assert isinstance(joined, m.Joined)
    assert joined.resumed
