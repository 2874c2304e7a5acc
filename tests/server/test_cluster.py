"""Two processes' worth of servers, over a real Redis: one room, on both."""

import secrets
import time

import pytest
from guest import FakeClock, Guest, House, make_settings, serving

from protocol import messages as m
from protocol.codes import GRACE, LeaveReason, Presence


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
    guest = await house.visit()
    joined = await guest.enter(house.token(room, subject=name), name)
    return guest, joined


async def come_back(house: House, guest: Guest, name: str, room: str):
    again = await house.visit()
    again.you, again.epoch, again.seq = guest.you, guest.epoch, guest.seq
    answer = await again.enter(
        house.token(room, subject=name),
        name,
        resume=guest.resume,
        epoch=guest.epoch,
        last_seq=guest.seq,
    )
    return again, answer


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
    again, answer = await come_back(one, bo, "Bo", room)
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
    again, answer = await come_back(two, bo, "Bo", room)
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
    again, answer = await come_back(one, bo, "Bo", room)
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
