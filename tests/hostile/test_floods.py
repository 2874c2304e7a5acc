"""Those who say too much, and those who don't listen."""

import asyncio
import contextlib
from typing import Any

import pytest

from protocol.codes import CloseCode
from server.cluster.replica import RECENT_SIZE
from server.limits import RATES, REFUSALS, SHORT, VOLUME, Kind
from tests.hostile.conftest import everywhere
from tests.hostile.stranger import PING, Stranger, frame, say, settled, stranger
from tests.hostile.victim import Victim
from tests.services.redis import redis_server


def chat(number: int) -> bytes:
    return say(type="chat", id=f"line-{number}", text="mark-text")


def signal(size: int):
    body = {"sdp": "v=0" + "x" * size}
    return lambda number: say(type="signal", to="nobody", generation=1, body=body)


FLOODS = {
    "chat": (Kind.CHAT, chat),
    "candidates": (Kind.CANDIDATE, signal(100)),
    "descriptions": (Kind.DESCRIPTION, signal(SHORT)),
    "pings": (Kind.PING, lambda number: say(type="ping", id=number)),
    "hands": (Kind.STATE, lambda n: say(type="set-hand", raised=bool(n % 2))),
    "media": (
        Kind.STATE,
        lambda n: say(type="set-media", media={"microphone": bool(n % 2)}),
    ),
    "reactions": (Kind.STATE, lambda number: say(type="react", emoji="🎉")),
}


async def party(victim, *guests: Stranger) -> list[str]:
    """Let everyone into one room, and have all of it heard."""
    room = victim.new_id()
    ids = []
    for number, guest in enumerate(guests):
        await guest.open()
        ids.append((await guest.enter(room))["you"])
        for other in guests[:number]:
            await other.hear()
    return ids


@everywhere
@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_is_refused_and_then_closed(victim, flood):
    kind, make = FLOODS[flood]
    async with (
        stranger(victim) as guest,
        stranger(victim, away_from=await guest.process()) as bystander,
    ):
        flooder, _ = await party(victim, guest, bystander)
        most = int(RATES[kind].burst + REFUSALS.burst)
        # Half as much again: the server may be slow, and the buckets fill.
        for number in range(most * 3 // 2 + 30):
            await guest.send(make(number))
        code, heard = await guest.closing()
        assert code == CloseCode.TOO_MANY
        refused = [each for each in heard if each.get("code") == "too_many"]
        assert REFUSALS.burst <= len(refused) <= REFUSALS.burst + 5
        assert {each["about"] for each in refused} <= {
            *("chat", "signal", "ping", "set-hand", "set-media", "react")
        }
        # Whoever was in the room heard what was within the limit, and no more.
        heard = [await bystander.hear()]
        while not is_cut_off(heard[-1], flooder):
            heard.append(await bystander.hear())
        assert len(heard) <= RATES[kind].burst + 10
        await bystander.send(say(type="ping", id=7))
        assert await bystander.hear() == {"type": "pong", "id": 7}


def is_cut_off(message: dict[str, Any], who: str) -> bool:
    """Whether it says that somebody's connection is gone, who may come back."""
    about = message.get("participant", {})
    return (about.get("id"), about.get("presence")) == (who, "reconnecting")


@everywhere
async def test_a_mebibyte_in_a_minute_is_enough(victim):
    await settled(victim)
    async with stranger(victim) as guest:
        await guest.open()
        await guest.enter(victim.new_id())
        large = signal(60_000)(0)
        most = int(VOLUME.burst // len(large) + REFUSALS.burst)
        for _ in range(most + 5):
            await guest.send(large)
        code, heard = await guest.closing()
        assert code == CloseCode.TOO_MANY
        answered = [each["code"] for each in heard]
        assert answered.count("no_such_peer") == VOLUME.burst // len(large)


@everywhere
async def test_who_was_closed_for_a_flood_may_come_back_as_who_they_were(victim):
    subject, room = victim.new_id(), victim.new_id()
    async with stranger(victim) as guest:
        await guest.open()
        last = await guest.enter("", victim.token(room, subject))
        process = await guest.process()
        for number in range(100):
            await guest.send(chat(number))
        assert (await guest.closing())[0] == CloseCode.TOO_MANY
    said = 0
    for turn in range(victim.workers):  # by way of each process, back to the first
        async with stranger(victim, away_from=process) as again:
            await again.open()
            token = victim.token(room, subject)
            back = await again.enter("", token, resume=last["resume"])
            assert back["resumed"] is True
            assert back["you"] == last["you"]
            last, process = back, await again.process()
            for number in range(40):
                await again.send(chat(100 * turn + 100 + number))
            code, heard = await again.closing()
            assert code == CloseCode.TOO_MANY
            said += sum(each["type"] == "chatted" for each in heard)
    # What they had used up at a process isn't given to them there again.
    assert said < RATES[Kind.CHAT].burst * victim.workers


async def talk_to_one(victim, *, listens: bool) -> int:
    """Let seven people send one as much as they may; return what memory it took."""
    guests = [stranger(victim) for _ in range(7)]
    opened = [await guest.__aenter__() for guest in guests]
    last = stranger(victim, away_from=await opened[0].process(), limit=1024)
    one = await last.__aenter__()
    try:
        *_, to = await party(victim, *opened, one)
        memory, most, unaware = victim.memory, 0, set(opened)
        if not listens:
            one.writer.transport.pause_reading()
        large = say(type="signal", to=to, generation=1, body={"sdp": "v=0" * 20_000})
        for _ in range(int(VOLUME.burst // len(large))):
            for guest in opened:
                await guest.send(large + say(type="ping", id=1))
                if listens:
                    assert (await one.hear())["type"] == "signal"
                while (heard := await guest.hear())["type"] != "pong":
                    # One is cut off, which is all that the others notice.
                    assert is_cut_off(heard, to)
                    unaware.remove(guest)
            most = max(most, victim.memory)
        if not listens:
            for guest in unaware:
                assert is_cut_off(await guest.hear(), to)
            one.writer.transport.resume_reading()
            assert (await one.closing())[0] == CloseCode.SLOW
        return most - memory
    finally:
        for guest in (*guests, last):
            await guest.__aexit__(None, None, None)


async def test_who_does_not_read_is_closed_and_costs_two_mebibytes_at_most(victim):
    # What it takes to read so much from seven is taken once, and not given back.
    await talk_to_one(victim, listens=True)
    assert await talk_to_one(victim, listens=False) < 2 * 1024 * 1024


@pytest.mark.timeout(60)
async def test_each_of_two_processes_keeps_little_more_of_what_is_said(tmp_path):
    with (
        redis_server(tmp_path) as redis,
        Victim(tmp_path, workers=2, TERTULIA_REDIS=redis) as shared,
    ):
        for listens in (True, False, True):
            await talk_to_one(shared, listens=listens)
        # What is kept for those who come back, as it is, and twice while a snapshot of
        # the room is written.
        each = 2 * 1024 * 1024 + 3 * RECENT_SIZE
        assert await talk_to_one(shared, listens=False) < shared.workers * each


async def test_pings_of_who_does_not_read_pile_up_no_answers(tmp_path):
    with Victim(tmp_path, TERTULIA_LIMIT_SCALE="10000") as generous:
        async with stranger(generous, limit=1024) as guest:
            await guest.open()
            await guest.enter(generous.new_id())

            async def ping(times: int) -> None:
                for number in range(times):
                    await guest.send(frame(PING, f"{number:0125}".encode()) * 1000)

            async def read_until(last: bytes) -> None:
                await guest.send(frame(PING, last))
                while (await guest.read_frame())[1] != last:
                    pass

            # What it takes to read so much is taken once, and not given back.
            await ping(20)
            await read_until(b"the first ones")
            guest.writer.transport.pause_reading()
            memory = generous.memory
            await ping(160)  # more than any socket holds
            assert generous.memory - memory < 2 * 1024 * 1024
            guest.writer.transport.resume_reading()
            await read_until(b"the last one")


@everywhere
async def test_who_sends_and_does_not_read_costs_little(victim):
    async with stranger(victim, limit=1024) as guest:
        await guest.open()
        await guest.enter(victim.new_id())
        guest.writer.transport.pause_reading()
        memory = victim.memory
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):
                for _ in range(100):
                    await guest.send(b"{" * 50_000 + b"}")  # no frames: ends at once
        assert victim.memory - memory < 2 * 1024 * 1024


@everywhere
async def test_who_comes_and_goes_leaves_nothing(victim):
    room = victim.new_id()
    for _ in range(60):
        async with stranger(victim) as guest:
            await guest.open()
            await guest.enter(room)
            await guest.send(say(type="leave"))
            assert (await guest.closing())[0] == CloseCode.NORMAL
