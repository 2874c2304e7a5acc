"""Other backends: their keys, their rooms and their people."""

import base64

import httpx
import pytest
from guest import SECRET, counting, make_settings, serving

from client_py.core.errors import SignalingError
from client_py.core.state import Problem
from client_py.headless.socket import HeadlessSignaling
from protocol import messages as m
from protocol.codes import ErrorCode
from server.revocation import Revocations
from server.tokens import LEEWAY, ROOM_LIFE, Role, Tokens

KEY = ("school", "a key of the school, long enough to be one")
OTHER = ("shop", "a key of the shop: with a colon, and long enough")


@pytest.fixture
async def house(tmp_path):
    keys = dict([KEY, OTHER])
    async with serving(make_settings(tmp_path, api_keys=keys)) as house:
        yield house


async def make_room(house, key=KEY, **body):
    response = await house.http.post("/api/rooms", json=body, auth=key)
    assert response.status_code == 201
    return response.json()["room"]


async def invite(house, room, key=KEY, **body):
    body = {"subject": "ana", **body}
    return await house.http.post(f"/api/rooms/{room}/token", json=body, auth=key)


async def session(house, **body):
    response = await house.http.post("/api/session", json=body)
    assert response.status_code == 200, response.text
    return {"authorization": f"Bearer {response.json()['token']}"}


def error(response: httpx.Response) -> tuple[int, str]:
    return response.status_code, response.json()["error"]["code"]


async def test_a_backend_makes_a_room_and_lets_somebody_in(house):
    room = await make_room(house, name="Clase")
    response = await invite(house, room, name="Ana", role="host")
    assert response.status_code == 200
    answer = response.json()
    assert answer["expires_in"] == ROOM_LIFE
    assert answer["link"] == f"{house.origin}/r/{room}#token={answer['token']}"
    granted = Tokens(SECRET, counting()).verify_room(
        answer["token"], house.clock.unix()
    )
    assert granted.subject == "key:school:ana"
    assert (granted.room, granted.role, granted.name) == (room, Role.HOST, "Ana")


async def test_the_name_that_the_backend_gives_is_the_one_that_others_see(house):
    room = await make_room(house)
    bo, ana = [
        (await invite(house, room, subject=name, name=name)).json()["token"]
        for name in ("Bo", "Ana")
    ]
    first, second = await house.visit(), await house.visit()
    await first.enter(bo, "Bo")
    await second.enter(ana, "The Headmistress")
    heard = await first.hear()
    assert isinstance(heard, m.ParticipantJoined)
    assert heard.participant.name == "Ana"
    told = await second.hear()
    assert isinstance(told, m.ParticipantChanged)
    assert told.participant.name == "Ana"


async def test_without_a_name_of_the_backends_people_choose_theirs(house):
    room = await make_room(house)
    token = (await invite(house, room)).json()["token"]
    guest = await house.visit()
    await guest.enter(token, "Ana")
    other = await house.visit()
    joined = await other.enter(
        (await invite(house, room, subject="bo")).json()["token"], "Bo"
    )
    assert [each.name for each in joined.participants] == ["Ana"]


@pytest.mark.parametrize(
    "credentials",
    [
        f"school:{OTHER[1]}",
        f"school:{KEY[1]} ",
        f"school:{KEY[1][:-1]}",
        "school:",
        "school",
        f"School:{KEY[1]}",
        f"nobody:{KEY[1]}",
        "nobody:",
        ":",
        "é:\x00",
        "x" * 2000,
    ],
)
async def test_a_wrong_key_is_refused_like_any_wrong_token(house, credentials):
    value = base64.b64encode(credentials.encode()).decode()
    room = await make_room(house)
    for path in ("/api/rooms", f"/api/rooms/{room}/token"):
        response = await house.http.post(
            path, json={}, headers={"authorization": f"Basic {value}"}
        )
        assert response.content == (
            b'{"error":{"code":"bad_token","message":"the token is not valid"}}'
        )
        assert response.status_code == 401


@pytest.mark.parametrize("value", ["not base64!", "a", "/w=="])
async def test_credentials_that_are_none_are_refused(house, value):
    headers = {"authorization": f"Basic {value}"}
    response = await house.http.post("/api/rooms", json={}, headers=headers)
    assert error(response) == (401, "bad_token")


async def test_without_any_key_none_is_right(tmp_path):
    async with serving(make_settings(tmp_path)) as house:
        response = await house.http.post("/api/rooms", json={}, auth=("", ""))
        assert error(response) == (401, "bad_token")


async def test_a_key_opens_its_own_rooms_alone(house):
    theirs = await make_room(house, OTHER)
    guests = await session(house)
    response = await house.http.post("/api/rooms", json={}, headers=guests)
    public = response.json()["room"]
    for room in (theirs, public, "no-such-room"):
        response = await invite(house, room)
        assert error(response) == (404, "room_not_found")


async def test_a_backends_room_is_not_there_for_the_lobby(house):
    room = await make_room(house)
    guest = await session(house)
    other = httpx.BasicAuth(*OTHER)
    url = f"/api/rooms/{room}"
    nowhere = (await house.http.get("/api/rooms/nowhere")).content
    for response in (
        await house.http.post(f"{url}/token", json={}, headers=guest),
        await house.http.get(url),
        await house.http.get(url, headers=guest),
        await house.http.get(url, auth=other),
        await house.http.delete(url, headers=guest),
        await house.http.delete(url, auth=other),
    ):
        assert response.status_code == 404
        assert response.content == nowhere


async def test_a_backend_looks_into_its_room_and_ends_it(house):
    room = await make_room(house)
    response = await house.http.get(f"/api/rooms/{room}", auth=KEY)
    assert response.json()["participants"] == 0
    response = await house.http.delete(f"/api/rooms/{room}", auth=KEY)
    assert response.status_code == 204
    assert error(await invite(house, room)) == (404, "room_not_found")


async def test_the_same_subject_of_two_backends_is_two_people(house):
    subjects = set()
    for key in (KEY, OTHER):
        room = await make_room(house, key)
        token = (await invite(house, room, key)).json()["token"]
        now = house.clock.unix()
        subjects.add(Tokens(SECRET, counting()).verify_room(token, now).subject)
    assert subjects == {"key:school:ana", "key:shop:ana"}


@pytest.mark.parametrize(
    "body",
    [
        {"subject": ""},
        {"subject": "x" * 129},
        {"subject": 7},
        {"subject": "ana", "name": "x" * 65},
        {"subject": "ana", "role": "owner"},
        {"subject": "ana", "room": "another"},
        {"name": "Ana"},
        {},
    ],
)
async def test_a_person_has_to_be_told_as_agreed(house, body):
    room = await make_room(house)
    response = await house.http.post(f"/api/rooms/{room}/token", json=body, auth=KEY)
    assert error(response) == (400, "bad_request")


async def test_the_name_that_a_backend_gives_is_made_safe(house):
    room = await make_room(house)
    token = (await invite(house, room, name="\u202eAna\n")).json()["token"]
    now = house.clock.unix()
    assert Tokens(SECRET, counting()).verify_room(token, now).name == "Ana"


# -- visits: who came with a token stays longer than it lives


async def test_who_was_let_in_can_come_back_when_the_token_is_over(house):
    room = await make_room(house)
    token = (await invite(house, room, name="Ana", role="host")).json()["token"]
    visit = await session(house, token=token)
    house.clock.advance(3600)
    response = await house.http.post(f"/api/rooms/{room}/token", json={}, headers=visit)
    guest = await house.visit()
    await guest.enter(response.json()["token"], "Ana")
    now = house.clock.unix()
    granted = Tokens(SECRET, counting()).verify_room(response.json()["token"], now)
    assert (granted.subject, granted.role) == ("key:school:ana", Role.HOST)
    assert granted.name == "Ana"


async def test_a_visit_tells_the_page_who_comes_and_for_how_long(house):
    room = await make_room(house)
    token = (await invite(house, room, name="Ana")).json()["token"]
    response = await house.http.post("/api/session", json={"token": token})
    answer = response.json()
    del answer["token"]
    assert answer == {
        "expires_in": 12 * 3600,
        "test_mode": False,
        "room": room,
        "name": "Ana",
    }


async def test_a_visit_is_for_one_room_alone(house):
    room, another = await make_room(house), await make_room(house)
    visit = await session(house, token=(await invite(house, room)).json()["token"])
    response = await house.http.post("/api/rooms", json={}, headers=visit)
    assert error(response) == (403, "forbidden")
    guests = await session(house)
    response = await house.http.post("/api/rooms", json={}, headers=guests)
    public = response.json()["room"]
    for each in (another, public):
        url = f"/api/rooms/{each}"
        response = await house.http.post(f"{url}/token", json={}, headers=visit)
        assert error(response) == (404, "room_not_found")
    response = await house.http.get(f"/api/rooms/{another}", headers=visit)
    assert error(response) == (404, "room_not_found")
    response = await house.http.get(f"/api/rooms/{room}", headers=visit)
    assert response.status_code == 200


async def test_a_backends_people_need_no_passcode_and_all_others_do(house):
    room = await make_room(house, passcode="open sesame")
    token = (await invite(house, room)).json()["token"]
    visit = await session(house, token=token)
    url = f"/api/rooms/{room}/token"
    for body in ({}, {"passcode": "a wrong one"}):
        response = await house.http.post(url, json=body, headers=visit)
        assert response.status_code == 200
    stranger = await session(house)
    for body in ({}, {"passcode": "open sesame"}):  # it isn't even there for them
        response = await house.http.post(url, json=body, headers=stranger)
        assert error(response) == (404, "room_not_found")


async def test_a_host_whom_a_backend_sent_is_removed_and_stays_out(house):
    room = await make_room(house)
    guests = {}
    for name in ("ana", "bo"):
        answer = await invite(house, room, subject=name, name=name, role="host")
        guests[name] = await house.visit()
        await guests[name].enter(answer.json()["token"], name)
    await guests["ana"].say(m.Remove(guests["bo"].you))
    while not isinstance(failed := await guests["bo"].hear(), m.Failed):
        pass
    assert failed.code == ErrorCode.REMOVED
    again = await invite(house, room, subject="bo", name="bo", role="host")
    assert error(again) == (403, "removed")


async def test_a_host_of_a_backend_may_end_the_room_and_a_member_not(house):
    room = await make_room(house)
    codes = []
    for role in ("member", "host"):
        token = (await invite(house, room, role=role)).json()["token"]
        visit = await session(house, token=token)
        response = await house.http.delete(f"/api/rooms/{room}", headers=visit)
        codes.append(response.status_code)
    assert codes == [403, 204]


async def test_an_old_token_gives_no_visit(house):
    room = await make_room(house)
    token = (await invite(house, room)).json()["token"]
    house.clock.advance(ROOM_LIFE + LEEWAY)
    response = await house.http.post("/api/session", json={"token": token})
    assert error(response) == (401, "token_expired")


async def test_only_a_backends_token_gives_a_visit(house):
    guests = await session(house)
    response = await house.http.post("/api/rooms", json={}, headers=guests)
    url = f"/api/rooms/{response.json()['room']}/token"
    token = (await house.http.post(url, json={}, headers=guests)).json()["token"]
    for wrong in (token, guests["authorization"].split()[1], "a.b.c"):
        response = await house.http.post("/api/session", json={"token": wrong})
        assert error(response) == (401, "bad_token")


async def test_a_visit_does_not_make_itself_longer(house):
    room = await make_room(house)
    visit = await session(house, token=(await invite(house, room)).json()["token"])
    url = f"/api/rooms/{room}/token"
    token = (await house.http.post(url, json={}, headers=visit)).json()["token"]
    response = await house.http.post("/api/session", json={"token": token})
    assert error(response) == (401, "bad_token")


async def test_where_guests_are_not_let_in_a_backends_people_are(tmp_path):
    settings = make_settings(tmp_path, api_keys=dict([KEY]), guests=False)
    async with serving(settings) as house:
        response = await house.http.post("/api/session", json={})
        assert error(response) == (401, "login_required")
        room = await make_room(house)
        token = (await invite(house, room)).json()["token"]
        assert await session(house, token=token)


async def test_a_program_without_a_page_is_told_to_log_in(tmp_path):
    settings = make_settings(tmp_path, api_keys=dict([KEY]), guests=False)
    async with serving(settings) as house:
        signaling = HeadlessSignaling(house.origin)
        with pytest.raises(SignalingError) as refused:
            await signaling.admit("any-room")
        await signaling.settle()
        assert refused.value.problem is Problem.LOGIN_REQUIRED


# -- logging out


async def test_a_session_that_was_ended_opens_nothing(house):
    ana, bo = await session(house), await session(house)
    response = await house.http.post("/logout", headers=ana)
    assert response.status_code == 204
    response = await house.http.post("/api/rooms", json={}, headers=ana)
    assert error(response) == (401, "token_expired")
    response = await house.http.post("/logout", headers=ana)
    assert error(response) == (401, "token_expired")
    response = await house.http.post("/api/rooms", json={}, headers=bo)
    assert response.status_code == 201


async def test_nobody_is_logged_out_by_another_site(house):
    # It could send cookies, if there were any; it can't send the header.
    response = await house.http.post("/logout")
    assert error(response) == (401, "bad_token")
    response = await house.http.post("/logout", auth=KEY)
    assert error(response) == (403, "forbidden")


def test_an_ended_session_is_remembered_as_long_as_it_would_have_lived():
    ended = Revocations()
    ended.add("a", until=100, now=0)
    ended.add("b", until=200, now=99)
    assert "a" in ended and "b" in ended
    ended.add("c", until=300, now=100)
    assert "a" not in ended and "b" in ended and "c" in ended


def test_too_many_ended_sessions_cost_no_more_memory():
    ended = Revocations(most=2)
    for name in "abc":
        ended.add(name, until=100, now=0)
    assert [name in ended for name in "abc"] == [False, True, True]
