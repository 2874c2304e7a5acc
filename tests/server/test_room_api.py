"""Rooms over HTTP: who may change them, passcodes, doors, the end."""

from typing import Any

import httpx
import pytest
from guest import Closed, House, make_settings, serving
from test_api import Caller, call, error

from protocol import messages as m
from protocol.codes import CloseCode, ErrorCode, LeaveReason, Role
from server.attempts import BURST, REFILL
from server.errors import StoreError
from server.gate import Capacity
from server.store import RoomRecord
from server.store.sqlite import SqliteStore


async def token(caller: Caller, room: str, **body: Any) -> httpx.Response:
    return await caller.ask("POST", f"/api/rooms/{room}/token", json=body)


async def change(caller: Caller, room: str, **body: Any) -> httpx.Response:
    return await caller.ask("PATCH", f"/api/rooms/{room}", json=body)


async def enter(house: House, caller: Caller, room: str, name: str, **body: Any) -> Any:
    """Come in as this caller; return the guest and the joined."""
    answer = (await token(caller, room, **body)).json()
    guest = await house.visit()
    return guest, await guest.enter(answer["token"], name)


# -- change


async def test_the_maker_changes_everything_of_a_room(house):
    ana = await call(house)
    room = await ana.create(persistent=False)
    wanted = {"name": "Martes", "locked": True, "waiting_room": True, "capacity": 3}
    response = await change(ana, room, **wanted, passcode="hunter2")
    expected = {"room": room, "participants": 0, "persistent": False, **wanted}
    assert response.json() == {**expected, "passcode": True, "e2ee": True}
    assert (await house.http.get(f"/api/rooms/{room}")).json() == response.json()


async def test_what_is_not_named_in_a_change_stays(house):
    ana = await call(house)
    room = await ana.create(name="Lunes", waiting_room=True, passcode="x")
    response = await change(ana, room, locked=True)
    described = response.json()
    assert (described["name"], described["waiting_room"]) == ("Lunes", True)
    assert (described["passcode"], described["locked"]) == (True, True)


@pytest.mark.parametrize(
    "body",
    [
        {"capacity": 9},
        {"capacity": 1},
        {"capacity": "8"},
        {"locked": 1},
        {"name": None},
        {"name": "x" * 65},
        {"passcode": "x" * 65},
        {"banned": []},
        {"creator": "me"},
    ],
)
async def test_a_change_that_can_not_be_changes_nothing(house, body):
    ana = await call(house)
    room = await ana.create()
    before = (await house.http.get(f"/api/rooms/{room}")).json()
    assert error(await change(ana, room, **body)) == (400, "bad_request")
    assert (await house.http.get(f"/api/rooms/{room}")).json() == before


@pytest.mark.parametrize("method", ["PATCH", "DELETE"])
async def test_an_outsider_can_not_tell_a_room_from_none(house, method):
    ana, bo = await call(house), await call(house)
    room = await ana.create()
    there = await bo.ask(method, f"/api/rooms/{room}", json={})
    nowhere = await bo.ask(method, "/api/rooms/none-none-none", json={})
    assert (there.status_code, there.content) == (404, nowhere.content)


async def test_who_is_in_is_told_that_it_is_not_theirs_to_change(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create()
    await enter(house, ana, room, "Ana")
    await enter(house, bo, room, "Bo")
    assert error(await change(bo, room, locked=True)) == (403, "forbidden")


async def test_a_host_who_did_not_make_the_room_may_change_it(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create()
    guest, joined = await enter(house, bo, room, "Bo")
    assert joined.role is Role.HOST  # nobody else is in
    assert (await change(bo, room, locked=True)).status_code == 200
    assert await guest.hear() == m.RoomChanged(m.Door(locked=True, e2ee=True))


async def test_a_room_without_a_session_can_not_be_changed(house):
    response = await house.http.patch("/api/rooms/any", json={})
    assert error(response) == (401, "bad_token")


async def test_a_smaller_room_takes_nobody_more(house):
    ana, bo, eva = [await call(house) for _ in range(3)]
    room = await ana.create(capacity=2)
    await enter(house, ana, room, "Ana")
    await enter(house, bo, room, "Bo")
    assert error(await token(eva, room)) == (409, "room_full")


# -- passcode


async def test_a_passcode_opens_the_room_and_nothing_else_does(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create(passcode="caf\u00e9")
    assert error(await token(bo, room)) == (403, "passcode_required")
    assert error(await token(bo, room, passcode="cafe")) == (403, "passcode_wrong")
    # written on another keyboard
    assert (await token(bo, room, passcode="cafe\u0301")).status_code == 200
    assert (await token(ana, room)).status_code == 200  # hers


async def test_guesses_are_counted_by_address_and_room(house):
    ana, bo = await call(house), await call(house)
    room, other = await ana.create(passcode="x"), await ana.create(passcode="x")
    for _ in range(BURST):
        assert error(await token(bo, room, passcode="y"))[1] == "passcode_wrong"
    assert error(await token(bo, room, passcode="y")) == (429, "too_many")
    assert error(await token(bo, room, passcode="x")) == (429, "too_many")
    assert (await token(bo, other, passcode="x")).status_code == 200
    house.clock.advance(REFILL)
    assert (await token(bo, room, passcode="x")).status_code == 200


async def test_who_knows_the_passcode_is_never_made_to_wait(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create(passcode="x")
    for _ in range(2 * BURST):
        assert (await token(bo, room, passcode="x")).status_code == 200


async def test_guessing_at_a_room_that_is_none_is_counted_too(house):
    bo = await call(house)
    nowhere = "none-none-none"
    for _ in range(BURST):
        assert error(await token(bo, nowhere, passcode="y"))[1] == "room_not_found"
    assert error(await token(bo, nowhere, passcode="y")) == (429, "too_many")


async def test_guesses_at_all_rooms_are_counted_by_address(tmp_path):
    # In a second six of them, and one more every 20 seconds.
    settings = make_settings(tmp_path, capacity=Capacity(scale=0.1))
    async with serving(settings) as house:
        ana, bo = await call(house), await call(house)
        room = await ana.create(passcode="x")
        for number in range(6):
            answer = await token(bo, f"none-none-{number:04}", passcode="y")
            assert error(answer)[1] == "room_not_found"
        for each in ("none-none-none", room):
            answer = await token(bo, each, passcode="x")
            assert error(answer) == (429, "too_many")
            assert answer.headers["retry-after"] == "20"
        assert error(await token(bo, room)) == (403, "passcode_required")
        house.clock.advance(20)
        assert (await token(bo, room, passcode="x")).status_code == 200


async def test_a_new_passcode_does_not_keep_out_who_is_in(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create(passcode="x")
    await enter(house, bo, room, "Bo", passcode="x")
    await change(ana, room, passcode="y")
    assert (await token(bo, room)).status_code == 200


# -- the door


async def test_a_locked_room_gives_tokens_only_to_who_belongs_there(house):
    ana, bo, eva = [await call(house) for _ in range(3)]
    room = await ana.create()
    await enter(house, bo, room, "Bo")
    await change(ana, room, locked=True)
    assert error(await token(eva, room)) == (403, "locked")
    assert (await token(bo, room)).status_code == 200
    assert (await token(ana, room)).status_code == 200


async def test_a_token_from_before_the_lock_opens_it_no_more(house):
    ana, eva = await call(house), await call(house)
    room = await ana.create()
    early = (await token(eva, room)).json()["token"]
    await change(ana, room, locked=True)
    guest = await house.visit()
    await guest.say(m.Hello(1, early, "Eva"))
    assert (await guest.hear()).code is ErrorCode.LOCKED
    assert await guest.closing() == CloseCode.REFUSED


async def test_a_ban_outlives_the_call_until_it_is_pardoned(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create()
    host, _ = await enter(house, ana, room, "Ana")
    guest, joined = await enter(house, bo, room, "Bo")
    await host.say(m.Ban(joined.you))
    assert await guest.closing() == CloseCode.REFUSED
    await host.say(m.Leave())
    assert await host.closing() == CloseCode.NORMAL
    assert error(await token(bo, room)) == (403, "banned")
    described = await bo.ask("GET", f"/api/rooms/{room}")
    nowhere = await bo.ask("GET", "/api/rooms/none-none-none")
    assert (described.status_code, described.content) == (404, nowhere.content)
    assert (await change(ana, room, pardon=True)).status_code == 200
    assert (await token(bo, room)).status_code == 200


async def test_while_the_store_is_away_nobody_new_comes_in(tmp_path):
    class Away(SqliteStore):
        async def rooms(self, rooms: object) -> list[RoomRecord]:
            raise StoreError("away")

    store = Away(f"{tmp_path}/t.db")
    async with serving(make_settings(tmp_path), store=store) as house:
        guest = await house.visit()
        await guest.say(m.Hello(1, house.token(), "Ana"))
        # It can't be known whether they may: closed, to be tried again.
        assert await guest.closing() == CloseCode.INTERNAL


# -- the end


async def test_an_ephemeral_room_ends_a_grace_after_the_last_one(house):
    ana = await call(house)
    room = await ana.create(persistent=False)
    guest, _ = await enter(house, ana, room, "Ana")
    await guest.say(m.Leave())
    await guest.closing()
    assert (await token(ana, room)).status_code == 200  # they may come back
    await gone(house, room)
    assert error(await token(ana, room)) == (404, "room_not_found")


async def test_a_persistent_room_stays(house):
    ana = await call(house)
    room, fading = await ana.create(), await ana.create(persistent=False)
    for each in (room, fading):
        guest, _ = await enter(house, ana, each, "Ana")
        await guest.say(m.Leave())
        await guest.closing()
    await gone(house, fading)
    assert (await token(ana, room)).status_code == 200


async def gone(house: House, room: str) -> None:
    """Let time pass until the room has ended."""
    while (await house.http.get(f"/api/rooms/{room}")).status_code == 200:
        house.clock.advance(1)


async def test_who_waits_is_told_that_the_room_ended(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create(waiting_room=True)
    guest = await house.visit()
    answer = (await token(bo, room)).json()
    await guest.say(m.Hello(1, answer["token"], "Bo"))
    assert isinstance(await guest.hear(), m.Waiting)
    assert (await ana.ask("DELETE", f"/api/rooms/{room}")).status_code == 204
    failed = await guest.hear()
    assert (failed.code, failed.about) == (ErrorCode.ROOM_NOT_FOUND, "hello")
    with pytest.raises(Closed, match=str(int(CloseCode.REFUSED))):
        await guest.hear()


async def test_a_host_ends_the_call_for_all(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create(persistent=False)
    host, _ = await enter(house, ana, room, "Ana")
    guest, joined = await enter(house, bo, room, "Bo")
    await host.say(m.EndForAll())
    assert await guest.hear() == m.ParticipantLeft(joined.you, LeaveReason.ENDED)
    assert await guest.closing() == CloseCode.REFUSED
    assert error(await token(ana, room)) == (404, "room_not_found")
