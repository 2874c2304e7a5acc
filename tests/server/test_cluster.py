"""Two processes' worth of servers, over a real Redis: one room, on both."""

import asyncio
import secrets
import time

import pytest
from guest import SECRET, FakeClock, Guest, House, counting, make_settings, serving
from redis.asyncio import Redis
from test_api import Caller, call

from protocol import messages as m
from protocol.codes import GRACE, VERSION, LeaveReason, Presence
from server.cluster.command import Enter, Lost, Say
from server.cluster.replica import IDLE
from server.cluster.streams import BEHIND, Streams
from server.store import Participation, open_store
from server.tokens import Role, Tokens
from tests.services.redis import redis_server
from tests.services.service import free_port

PATIENCE = 500  # looks
LITTLE = 16 * 1024  # bytes


def node(settings):
    # What is written in Redis is dated by its clock.
    return serving(settings, clock=FakeClock(time.time()))


@pytest.fixture
async def pair(tmp_path, redis):
    settings = make_settings(tmp_path, redis=redis)
    async with node(settings) as one, node(settings) as two:
        yield one, two


@pytest.fixture
def room() -> str:
    return f"room-{secrets.token_hex(6)}"


async def until(guest: Guest, kind):
    """Return the next message of a kind."""
    while not isinstance(said := await guest.hear(), kind):
        pass
    return said


async def join(house: House, name: str, room: str) -> tuple[Guest, m.Joined]:
    await house.make(room)
    guest = await house.visit()
    joined = await guest.enter(house.token(room, subject=name), name)
    return guest, joined


async def test_people_at_two_processes_are_in_one_room(pair, room):
    one, two = pair
    ana, _ = await join(one, "Ana", room)
    bo, joined = await join(two, "Bo", room)
    assert [each.id for each in joined.participants] == [ana.you]
    came = await ana.hear()
    assert (came.participant.id, came.participant.name) == (bo.you, "Bo")
    await ana.say(m.Signal(bo.you, 1, {"kind": "offer"}), n=1)
    assert await bo.hear() == m.Signaled(ana.you, 1, {"kind": "offer"}, 1)
    await bo.say(m.Chat(m.ParticipantId("c1"), "hola"), n=1)
    line = (await until(ana, m.Chatted)).line
    assert (await until(bo, m.Chatted)).line == line
    assert (line.from_, line.text) == (bo.you, "hola")
    await bo.say(m.Leave())
    assert await until(ana, m.ParticipantLeft) == m.ParticipantLeft(
        bo.you, LeaveReason.LEFT
    )


async def test_who_is_cut_comes_back_at_the_other_process_and_missed_nothing(
    pair, room
):
    one, two = pair
    ana, _ = await join(one, "Ana", room)
    bo, _ = await join(two, "Bo", room)
    await until(ana, m.ParticipantJoined)
    bo.cut()
    changed = await until(ana, m.ParticipantChanged)
    assert changed.participant.presence is Presence.RECONNECTING
    for number in range(1, 4):
        await ana.say(m.Signal(bo.you, 1, {"n": number}), n=number)
    await ana.say(m.Chat(m.ParticipantId("c1"), "are you there?"), n=4)
    await until(ana, m.Chatted)
    again, answer = await one.come_back(bo, "Bo", room=room)
    assert (answer.you, answer.resumed) == (bo.you, True)
    assert [line.text for line in answer.chat] == ["are you there?"]
    heard = [await until(again, m.Signaled) for _ in range(3)]
    assert [(each.from_, each.body["n"], each.n) for each in heard] == [
        (ana.you, number, number) for number in range(1, 4)
    ]
    back = await until(ana, m.ParticipantChanged)
    assert back.participant.presence is Presence.PRESENT


async def test_who_comes_back_to_their_own_process_hears_exactly_the_gap(pair, room):
    one, two = pair
    ana, _ = await join(one, "Ana", room)
    bo, _ = await join(two, "Bo", room)
    await until(ana, m.ParticipantJoined)
    bo.cut()
    await until(ana, m.ParticipantChanged)
    await ana.say(m.Signal(bo.you, 1, {"n": 1}), n=1)
    await ana.say(m.SetHand(True), n=2)
    # Ana hears nothing of her own hand: that Bo's place has it, her pong can't tell.
    await ana.say(m.Chat(m.ParticipantId("c1"), "now"), n=3)
    await until(ana, m.Chatted)
    again, answer = await two.come_back(bo, "Bo", room=room)
    assert isinstance(answer, m.Resumed)
    assert isinstance(await again.hear(), m.Signaled)


async def test_what_was_said_twice_to_two_processes_is_done_once(pair, room):
    one, two = pair
    ana, _ = await join(one, "Ana", room)
    bo, _ = await join(two, "Bo", room)
    await until(ana, m.ParticipantJoined)
    await bo.say(m.Chat(m.ParticipantId("c1"), "once"), n=1)
    await until(ana, m.Chatted)
    bo.cut()
    await until(ana, m.ParticipantChanged)
    again, answer = await one.come_back(bo, "Bo", room=room)
    assert answer.heard == 1
    await again.say(m.Chat(m.ParticipantId("c1"), "once"), n=1)
    await again.say(m.Chat(m.ParticipantId("c2"), "and more"), n=2)
    assert (await until(ana, m.Chatted)).line.text == "and more"


async def test_a_grace_that_is_over_is_noticed_once(pair, room):
    one, two = pair
    ana, _ = await join(one, "Ana", room)
    bo, _ = await join(two, "Bo", room)
    await until(ana, m.ParticipantJoined)
    bo.cut()
    await until(ana, m.ParticipantChanged)
    one.clock.advance(GRACE)
    two.clock.advance(GRACE)
    left = await until(ana, m.ParticipantLeft)
    assert left == m.ParticipantLeft(bo.you, LeaveReason.LOST)
    await ana.say(m.React("🎉"), n=1)
    assert isinstance(await ana.hear(), m.Reacted)


async def test_a_host_at_one_process_removes_somebody_at_the_other(pair, room):
    one, two = pair
    ana, _ = await join(one, "Ana", room)
    bo, _ = await join(two, "Bo", room)
    await ana.say(m.Remove(bo.you), n=1)
    assert (await until(ana, m.ParticipantLeft)).reason is LeaveReason.REMOVED
    assert await bo.closing() == 4003


async def test_a_process_that_comes_later_knows_the_room(tmp_path, redis, room):
    settings = make_settings(tmp_path, redis=redis)
    async with node(settings) as one:
        ana, _ = await join(one, "Ana", room)
        for number in range(1, 601):  # past two snapshots
            await ana.say(m.SetHand(number % 2 == 1), n=number)
        await ana.say(m.Chat(m.ParticipantId("c"), "hola"), n=601)
        await until(ana, m.Chatted)
        async with node(settings) as two:
            bo, joined = await join(two, "Bo", room)
            (seen,) = joined.participants
            assert (seen.id, seen.name, seen.hand) == (ana.you, "Ana", False)
            assert [line.text for line in joined.chat] == ["hola"]
            await bo.say(m.Signal(ana.you, 1, {}), n=1)
            assert isinstance(await until(ana, m.Signaled), m.Signaled)


async def ask(caller: Caller, house: House, method: str, room: str, **body: object):
    """Ask something of a room, of any process."""
    more = {"json": body} if body else {}
    return await caller.at(house).ask(method, f"/api/rooms/{room}", **more)


async def test_what_is_asked_of_one_process_is_known_to_the_other(pair):
    one, two = pair
    maker = await call(one)
    room = await maker.create()
    ana, _ = await join(one, "Ana", room)
    assert (await ask(maker, two, "GET", room)).json()["participants"] == 1
    changed = await ask(maker, two, "PATCH", room, locked=True)
    assert changed.json()["locked"]
    assert (await until(ana, m.RoomChanged)).door.locked
    assert (await ask(maker, one, "GET", room)).json()["locked"]
    bo = await two.visit()
    with pytest.raises(AssertionError, match="LOCKED"):
        await bo.enter(two.token(room, subject="Bo"), "Bo")


async def test_a_room_that_is_ended_at_one_process_ends_at_both(pair):
    one, two = pair
    maker = await call(one)
    room = await maker.create()
    (ana, _), (bo, _) = (
        await join(one, "Ana", room),
        await join(two, "Bo", room),
    )
    assert (await ask(maker, two, "DELETE", room)).status_code == 204
    for guest in (ana, bo):
        assert (await until(guest, m.ParticipantLeft)).reason is LeaveReason.ENDED
    assert (await ask(maker, one, "GET", room)).status_code == 404
    late = await one.visit()
    with pytest.raises(AssertionError, match="ROOM_NOT_FOUND"):
        await late.enter(one.token(room, subject="Cleo"), "Cleo")


async def test_a_room_that_is_for_one_call_ends_once_everybody_is_gone(pair):
    one, two = pair
    maker = await call(one)
    room = await maker.create(persistent=False)
    ana, _ = await join(one, "Ana", room)
    bo, _ = await join(two, "Bo", room)
    for guest in (ana, bo):
        await guest.say(m.Leave())
        assert await guest.closing() == 1000
    assert (await ask(maker, two, "GET", room)).status_code == 200
    for _ in range(PATIENCE):
        for house in pair:
            house.clock.advance(GRACE)
        statuses = [
            (await ask(maker, house, "GET", room)).status_code for house in pair
        ]
        if statuses == [404, 404]:
            return
    raise AssertionError(statuses)


async def test_what_was_said_in_a_room_that_was_left_takes_no_room(pair, room, redis):
    one, two = pair
    ana, _ = await join(one, "Ana", room)
    bo, _ = await join(two, "Bo", room)
    for n in range(1, 9):
        await ana.say(m.Signal(bo.you, 1, {"sdp": "x" * 60_000}), n=n)
        await until(bo, m.Signaled)
    streams = Streams(redis, "another")
    key = f"tertulia:room:{room}"
    assert await streams.redis.memory_usage(key) > 8 * 60_000
    for guest in (ana, bo):
        await guest.say(m.Leave())
        assert await guest.closing() == 1000
    for _ in range(PATIENCE):
        for house in pair:
            house.clock.advance(IDLE)
        if await streams.redis.memory_usage(key) < LITTLE:
            break
        await asyncio.sleep(0.02)  # a process looks after its rooms now and then
    assert await streams.redis.memory_usage(key) < LITTLE
    await streams.close()
    # Whoever comes to it next finds it as it was left.
    cleo, joined = await join(two, "Cleo", room)
    dan, _ = await join(one, "Dan", room)
    assert joined.participants == ()
    assert (await cleo.hear()).participant.id == dan.you


async def test_who_waits_at_one_process_is_let_in_by_a_host_at_the_other(pair):
    one, two = pair
    maker = await call(one)
    room = await maker.create(waiting_room=True)
    ana = await one.visit()
    host = Tokens(SECRET, counting("jti")).room(
        "host", m.RoomId(room), Role.HOST, one.clock.unix()
    )
    await ana.enter(host, "Ana")
    bo = await two.visit()
    token = two.token(room, subject="Bo")
    await bo.say(m.Hello(VERSION, token, "Bo"))
    (waits,) = (await until(bo, m.Waiting)).people
    assert [each.id for each in (await until(ana, m.Waiting)).people] == [waits.id]
    await ana.say(m.Admit(waits.id), n=1)
    joined = await until(bo, m.Joined)
    assert joined.you == waits.id
    # Their ticket is good at both.
    bo.you, bo.resume, bo.epoch = joined.you, joined.resume, joined.epoch
    bo.cut()
    await until(ana, m.ParticipantChanged)
    _, answer = await one.come_back(bo, "Bo", room=room)
    assert (answer.you, answer.resumed) == (bo.you, True)


async def test_a_ticket_that_was_used_opens_nothing_anywhere(pair, room):
    one, two = pair
    ana, _ = await join(one, "Ana", room)
    again, _ = await two.come_back(ana, "Ana", room=room)
    third, _ = await one.come_back(again, "Ana", room=room)
    with pytest.raises(AssertionError, match="RESUME_DENIED"):
        await two.come_back(ana, "Ana", room=room)
    await third.say(m.Ping(1))
    assert isinstance(await until(third, m.Pong), m.Pong)


async def test_a_process_that_is_taken_for_dead_is_heard_no_more(pair, room, redis):
    one, two = pair
    ana, _ = await join(one, "Ana", room)
    bo, _ = await join(two, "Bo", room)
    await until(ana, m.ParticipantJoined)
    streams = Streams(redis, "somebody else")
    writing = asyncio.create_task(streams.run())
    (entry, *_) = [
        each.command
        for _, each in (await streams.past(m.RoomId(room))).entries
        if isinstance(each.command, Enter) and each.command.claim.entry.name == "Bo"
    ]
    streams.append(m.RoomId(room), Lost(entry.key.partition(":")[0]))
    changed = await until(ana, m.ParticipantChanged)
    assert changed.participant.presence is Presence.RECONNECTING
    # What its connection says now comes too late; they are told to come back.
    streams.append(
        m.RoomId(room), Say(entry.key, bo.you, 1, '{"type":"set-hand","raised":true}')
    )
    assert await bo.closing() == 1011
    await ana.say(m.React("🎉"), n=1)
    assert isinstance(await ana.hear(), m.Reacted)
    writing.cancel()
    await streams.close()


async def test_two_changes_at_two_processes_at_once_both_count(pair):
    one, two = pair
    maker = await call(one)
    for _ in range(5):
        room = await maker.create()
        answers = await asyncio.gather(
            ask(maker, one, "PATCH", room, locked=True),
            ask(maker, two, "PATCH", room, name="Tuesday"),
            ask(maker, two, "PATCH", room, waiting_room=True),
        )
        assert [each.status_code for each in answers] == [200, 200, 200]
        for house in pair:
            known = (await ask(maker, house, "GET", room)).json()
            assert (known["locked"], known["waiting_room"]) == (True, True)
            assert known["name"] == "Tuesday"


async def test_guesses_at_a_passcode_count_at_all_processes_together(pair):
    one, two = pair
    maker, guesser = await call(one), await call(one)
    room = await maker.create(passcode="open sesame")

    async def guess(house: House, word: str) -> int:
        url = f"/api/rooms/{room}/token"
        answer = await guesser.at(house).ask("POST", url, json={"passcode": word})
        return answer.status_code

    for _ in range(6):  # who is right may come as often as they like
        assert await guess(one, "open sesame") == 200
    tried = [await guess(house, "wrong") for house in (one, two) * 3]
    assert tried == [403] * 5 + [429]
    assert await guess(one, "open sesame") == 429


async def test_a_session_that_is_ended_at_one_process_opens_nothing_at_the_other(
    tmp_path, redis
):
    settings = make_settings(tmp_path, redis=redis)
    async with node(settings) as one, node(settings) as two:
        ana, bo = await call(one), await call(one)
        assert (await ana.ask("POST", "/logout")).status_code == 204
        for _ in range(PATIENCE):
            answer = await ana.at(two).ask("POST", "/api/rooms")
            if answer.status_code == 401:
                break
            await asyncio.sleep(0.01)
        assert answer.status_code == 401
        assert (await bo.at(two).ask("POST", "/api/rooms")).status_code == 201
        # Whoever comes later knows of it from the first.
        async with node(settings) as three:
            assert (await ana.at(three).ask("POST", "/api/rooms")).status_code == 401


async def stay_in(settings, room) -> Participation:
    """Return the one stay that the database knows of, in a room."""
    store = open_store(settings.database)
    await store.start()
    (stay,) = await store.participations(m.RoomId(room))
    await store.close()
    return stay


async def test_who_was_in_when_all_processes_stopped_for_long_has_left(tmp_path, redis):
    settings, room = make_settings(tmp_path, redis=redis), f"room-{tmp_path.name}"
    async with node(settings) as house:
        ana, _ = await join(house, "Ana", room)
        ana.cut()
    assert not (await stay_in(settings, room)).reason
    client = Redis.from_url(redis)
    for kept in await client.keys(f"*{room}*"):  # as it goes after an hour
        await client.delete(kept)
    await client.aclose()
    async with node(settings):
        assert (await stay_in(settings, room)).reason == "server_stopped"


async def test_who_comes_back_after_all_processes_stopped_goes_on_with_their_stay(
    tmp_path, redis
):
    settings, room = make_settings(tmp_path, redis=redis), f"room-{tmp_path.name}"
    async with node(settings) as house:
        ana, _ = await join(house, "Ana", room)
        ana.cut()
    async with node(settings) as house:
        assert not (await stay_in(settings, room)).reason
        again, answer = await house.come_back(ana, "Ana", room=room)
        assert (answer.you, answer.resumed) == (ana.you, True)
        await again.say(m.Leave())
        assert await again.closing() == 1000
    assert (await stay_in(settings, room)).reason == LeaveReason.LEFT


async def test_what_was_asked_in_a_long_outage_is_done_after_it(tmp_path):
    port, password = free_port(), "a-password-of-the-tests"
    away = redis_server(tmp_path, port, password)
    url = await asyncio.to_thread(away.__enter__)
    try:
        async with node(make_settings(tmp_path, redis=url)) as house:
            maker = await call(house)
            rooms = [await maker.create() for _ in range(40)]
            for room in rooms:
                assert (await ask(maker, house, "PATCH", room, name="1")).is_success
            await asyncio.to_thread(away.__exit__, None, None, None)
            failed = await ask(maker, house, "PATCH", rooms[0], locked=True)
            assert failed.status_code == 503
            # Nobody is in: others could look after these rooms, by now.
            house.clock.advance(IDLE)
            away = redis_server(tmp_path, port, password)
            await asyncio.to_thread(away.__enter__)
            for _ in range(PATIENCE):
                answer = await ask(maker, house, "PATCH", rooms[1], name="2")
                if answer.is_success:
                    break
            assert answer.is_success
            known = (await ask(maker, house, "GET", rooms[0])).json()
            assert (known["name"], known["locked"]) == ("1", True)
    finally:
        await asyncio.to_thread(away.__exit__, None, None, None)


async def test_what_was_written_long_before_a_snapshot_is_not_kept(redis, room):
    streams = Streams(redis, "one")
    key = f"tertulia:room:{room}"
    for second in range(100, 200, 5):
        await streams.redis.xadd(key, {"c": b"x" * 5000}, id=f"{second * 1000}-0")
    assert await streams.save(m.RoomId(room), "190000-0", b"state") == "190000-0"
    oldest, *_ = await streams.redis.xrange(key, count=1)
    assert oldest[0] == f"{int(190 - BEHIND) * 1000}-0".encode()
    assert not await streams.contains(m.RoomId(room), "155000-0", "190000-0")
    # One that comes late takes nothing away.
    assert await streams.save(m.RoomId(room), "120000-0", b"old") == "190000-0"
    await streams.close()


async def test_a_room_that_can_not_be_read_is_no_loss_to_those_beside_it(
    tmp_path, redis, room, caplog
):
    settings = make_settings(tmp_path, redis=redis)
    async with node(settings) as house:
        ana, _ = await join(house, "Ana", room)
        ana.cut()
    streams = Streams(redis, "a look from outside")
    for number in range(9):
        await streams.redis.set(f"tertulia:room:{room}-{number}", "no stream")
    for key in await streams.redis.keys("tertulia:node:*"):
        if room.encode() in await streams.redis.smembers(key):
            await streams.redis.sadd(key, *(f"{room}-{n}" for n in range(9)))
    await streams.close()
    caplog.set_level("INFO")
    async with node(settings) as house:
        while "looking after 10 rooms" not in caplog.text:  # noqa: ASYNC110
            await asyncio.sleep(0.05)  # a lease has to end; nobody tells
        house.clock.advance(GRACE)
        while not (stay := await stay_in(settings, room)).reason:  # noqa: ASYNC110
            await asyncio.sleep(0.05)
    assert stay.reason == LeaveReason.LOST
    assert "a room of theirs can't be read" in caplog.text
