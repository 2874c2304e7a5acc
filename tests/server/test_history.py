"""The log of a room: who may read it, what it says, as JSON and as CSV."""

import asyncio
import csv
import io
from dataclasses import replace

import pytest
from guest import make_settings, serving
from store_contract import link
from test_api import call, error
from test_room_api import enter

from protocol import messages as m
from protocol.codes import GRACE
from protocol.messages import RoomId
from server.store import Participation, open_store

SPREAD = {"mean": 0.05, "max": 0.25}
LINK = {
    "peer": "p9",
    "samples": 3,
    "round_trip": SPREAD,
    "loss": {"mean": 0.01, "max": 0.5},
    "up": {"mean": 700_000.5, "max": 900_000.0},
    "down": {"mean": 600_000.0, "max": 800_000.0},
    "frame_rate": {"mean": 24.5, "max": 30.0},
    "freezes": 2,
    "width": 1280,
    "height": 720,
    "connection": "relay",
    "transport": "tls",
}
HEADER = (
    "participation,joined_at,left_at,reason,client,connection,peer,samples,"
    "round_trip_mean,round_trip_max,loss_mean,loss_max,up_mean,up_max,down_mean,"
    "down_max,frame_rate_mean,frame_rate_max,freezes,width,height,"
    "link_connection,link_transport\r\n"
)


@pytest.fixture
async def shelf(tmp_path):
    """A house and the store that it reads from."""
    store = open_store(f"sqlite:///{tmp_path}/shelf.db")
    async with serving(make_settings(tmp_path), store) as house:
        yield house, store


def stay(number: int, room: str, agent: str = "test/1") -> Participation:
    return Participation(f"p{number}", RoomId(room), "ana", agent, 1000.0 + number)


async def log(caller, room, query="", **headers):
    headers = {**caller.headers, **headers}
    return await caller.http.get(f"/api/rooms/{room}/log{query}", headers=headers)


async def test_a_log_tells_of_stays_in_order_and_of_their_links(shelf):
    house, store = shelf
    ana = await call(house)
    room = await ana.create()
    for number in (2, 1):
        await store.came(stay(number, room))
    await store.reached("p2", "relay")
    await store.went("p2", 1060.5, "lost")
    await store.measured(replace(link(2), room=RoomId(room)))
    response = await log(ana, room)
    assert (response.status_code, response.headers["cache-control"]) == (
        200,
        "no-store",
    )
    assert response.json() == {
        "room": room,
        "participations": [
            {
                "participation": "p2",
                "joined_at": 1002.0,
                "left_at": 1060.5,
                "reason": "lost",
                "client": "test/1",
                "connection": "relay",
                "links": [LINK],
            },
            {
                "participation": "p1",
                "joined_at": 1001.0,
                "left_at": None,
                "reason": "",
                "client": "test/1",
                "connection": "unknown",
                "links": [],
            },
        ],
    }


async def test_a_call_is_in_the_log_of_its_room(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create()
    host, _ = await enter(house, ana, room, "Ana")
    guest, joined = await enter(house, bo, room, "Bo")
    await host.hear()
    sample = m.LinkSample(joined.you, rtt=0.25, connection="direct", transport="udp")
    await host.say(m.ReportStats((sample,)))
    await guest.say(m.Leave())
    await host.hear()
    while len(found := (await log(ana, room)).json()["participations"]) < 2 or (
        found[1]["left_at"] is None
    ):
        pass
    assert [(each["reason"], each["connection"]) for each in found] == [
        ("", "direct"),
        ("left", "unknown"),
    ]
    ((told,), ()) = [each["links"] for each in found]
    assert (told["peer"], told["samples"]) == (joined.you, 1)
    assert told["round_trip"] == {"mean": 0.25, "max": 0.25}


async def test_pages_follow_each_other_by_the_cursor_and_by_the_link(shelf):
    house, store = shelf
    ana = await call(house)
    room = await ana.create()
    for number in range(5):
        await store.came(stay(number, room))
    seen, query = [], "?limit=2"
    for _ in range(3):
        response = await log(ana, room, query)
        page = response.json()
        seen.append([each["participation"] for each in page["participations"]])
        query = f"?limit=2&after={page.get('after')}"
        if "after" in page:
            assert response.headers["link"] == f'<{query}>; rel="next"'
    assert seen == [["p0", "p1"], ["p2", "p3"], ["p4"]]
    assert "after" not in page
    assert "link" not in response.headers


@pytest.mark.parametrize(
    ("query", "accept", "kind"),
    [
        ("", "*/*", "application/json"),
        ("", "text/csv", "text/csv; charset=utf-8"),
        ("", "application/json, text/csv;q=0.9", "application/json"),
        ("", "application/json;q=0.2, text/csv; q=0.9", "text/csv; charset=utf-8"),
        ("?format=csv", "application/json", "text/csv; charset=utf-8"),
        ("?format=json", "text/csv", "application/json"),
    ],
)
async def test_a_log_comes_as_it_is_asked_for(house, query, accept, kind):
    ana = await call(house)
    response = await log(ana, await ana.create(), query, accept=accept)
    assert (response.status_code, response.headers["content-type"]) == (200, kind)
    assert response.headers["vary"] == "Accept"


async def test_a_table_has_a_row_for_each_link_and_one_for_who_has_none(shelf):
    house, store = shelf
    ana = await call(house)
    room = await ana.create()
    for number in (1, 2):
        await store.came(stay(number, room, 'a "test", 1'))
    for peer in ("p8", "p9"):
        await store.measured(replace(link(1, peer), room=RoomId(room)))
    response = await log(ana, room, "?format=csv")
    assert "attachment" in response.headers["content-disposition"]
    numbers = (
        "3,0.05,0.25,0.01,0.5,700000.5,900000.0,600000.0,800000.0,24.5,30.0,"
        "2,1280,720,relay,tls"
    )
    assert response.text == (
        HEADER
        + f'p1,1001.0,,,"a ""test"", 1",unknown,p8,{numbers}\r\n'
        + f'p1,1001.0,,,"a ""test"", 1",unknown,p9,{numbers}\r\n'
        + 'p2,1002.0,,,"a ""test"", 1",unknown'
        + "," * 17
        + "\r\n"
    )


@pytest.mark.parametrize("first", ["=", "+", "-", "@", "\t", "\r"])
async def test_no_cell_is_a_formula(shelf, first):
    house, store = shelf
    ana = await call(house)
    room = await ana.create()
    evil = f'{first}HYPERLINK("http://x")'
    await store.came(stay(1, room, evil))
    response = await log(ana, room, "?format=csv")
    _, row = csv.reader(io.StringIO(response.text, newline=""))
    assert row[4] == f"'{evil}"


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0",
        "?limit=501",
        "?limit=-1",
        "?limit=1.0",
        "?limit=",
        "?limit=01",
        "?limit=%D9%A1",
        "?after=x",
        "?after=-1",
        "?after=",
        "?after=9223372036854775808",
        "?format=xml",
        "?format=",
        "?limit=1&limit=2",
        "?order=name",
    ],
)
async def test_a_query_that_can_not_be_is_refused(house, query):
    ana = await call(house)
    assert error(await log(ana, await ana.create(), query)) == (400, "bad_request")


async def test_who_is_no_host_learns_nothing(house):
    ana, bo, eva = await call(house), await call(house), await call(house)
    room = await ana.create()
    await enter(house, ana, room, "Ana")
    await enter(house, eva, room, "Eva")
    nowhere = await log(bo, "abcd-efgh-jkmn")
    hidden = await log(bo, room)
    assert error(hidden) == error(nowhere) == (404, "room_not_found")
    assert hidden.text == nowhere.text
    assert error(await log(eva, room)) == (403, "forbidden")
    response = await house.http.get(f"/api/rooms/{room}/log")
    assert error(response) == (401, "bad_token")


async def test_a_bad_query_tells_a_stranger_nothing_of_the_room(house):
    ana, bo = await call(house), await call(house)
    room = await ana.create()
    assert error(await log(bo, room, "?limit=0")) == (404, "room_not_found")


async def test_who_made_a_room_reads_its_log_after_its_end(shelf):
    house, store = shelf
    ana, bo = await call(house), await call(house)
    room = await ana.create()
    await store.came(stay(1, room))
    await store.went("p1", 1060.0, "ended")
    before = await log(ana, room)
    ended = await ana.http.delete(f"/api/rooms/{room}", headers=ana.headers)
    assert ended.status_code == 204
    after = await log(ana, room)
    assert (after.status_code, after.json()) == (200, before.json())
    assert [each["reason"] for each in after.json()["participations"]] == ["ended"]
    hidden, nowhere = await log(bo, room), await log(bo, "abcd-efgh-jkmn")
    assert error(hidden) == error(nowhere) == (404, "room_not_found")
    assert hidden.text == nowhere.text
    # It is read of, and nothing else.
    url = f"/api/rooms/{room}"
    again = await ana.http.delete(url, headers=ana.headers)
    assert error(again) == (404, "room_not_found")
    changed = await ana.http.patch(url, headers=ana.headers, json={"locked": True})
    assert error(changed) == (404, "room_not_found")


async def test_who_was_host_at_the_end_reads_the_log_after_it(shelf):
    house, _ = shelf
    maker, ana, bo = await call(house), await call(house), await call(house)
    room = await maker.create(persistent=False)
    guests = [(await enter(house, each, room, "guest"))[0] for each in (ana, bo)]
    await guests[0].say(m.Leave())  # who was host until now: Bo inherits
    await guests[0].closing()
    await guests[1].say(m.Leave())
    await guests[1].closing()
    for _ in range(500):
        house.clock.advance(GRACE)
        if (await house.http.get(f"/api/rooms/{room}")).status_code == 404:
            break
        await asyncio.sleep(0.01)
    read = await log(bo, room)
    assert read.status_code == 200
    assert len(read.json()["participations"]) == 2
    assert (await log(maker, room)).json() == read.json()
    assert error(await log(ana, room)) == (404, "room_not_found")


async def test_who_was_host_when_a_room_was_ended_reads_its_log(shelf):
    house, _ = shelf
    maker, ana, bo = await call(house), await call(house), await call(house)
    room = await maker.create()
    await enter(house, ana, room, "Ana")
    await enter(house, bo, room, "Bo")
    ended = await maker.http.delete(f"/api/rooms/{room}", headers=maker.headers)
    assert ended.status_code == 204
    assert (await log(ana, room)).status_code == 200
    assert error(await log(bo, room)) == (404, "room_not_found")
