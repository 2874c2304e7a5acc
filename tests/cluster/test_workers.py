"""``--workers 2``: one port, two processes, and one of them killed, again and again."""

import asyncio
import os
import signal
import time
from contextlib import AsyncExitStack

import pytest

from client_py.core import event as e
from client_py.headless.main import Person
from client_py.testing.server import Server
from tests.links import Witnesses
from tests.sessions.call import all_connected
from tests.sessions.talker import Talker, talking

pytestmark = [pytest.mark.alone, pytest.mark.timeout(60)]

NAMES = ("Ada", "Bob", "Cleo", "Dan")
WORDS = 300


async def test_what_people_say_arrives_once_though_processes_are_killed(
    server: Server,
) -> None:
    room = (await asyncio.to_thread(server.create_room)).id
    ana, bo = Talker(server.url, room, "Ana"), Talker(server.url, room, "Bo")
    async with asyncio.timeout(50), talking(ana, bo):
        await ana.until(lambda: ana.me)
        await bo.until(lambda: bo.me)
        ids = ana.me, bo.me
        for serial in range(WORDS):
            ana.say(bo.me, serial)
            bo.say(ana.me, serial)
            if serial % 100 == 50:
                os.kill(server.workers[0], signal.SIGKILL)
                await asyncio.to_thread(server.await_workers)
            await asyncio.sleep(0.01)  # a conversation, not one burst
        await ana.until(lambda: len(set(ana.heard)) >= WORDS)
        await bo.until(lambda: len(set(bo.heard)) >= WORDS)
    assert list(dict.fromkeys(ana.heard)) == list(range(WORDS))
    assert list(dict.fromkeys(bo.heard)) == list(range(WORDS))
    assert (ana.me, bo.me) == ids
    assert ana.whole + bo.whole > 2  # somebody's process was among them


async def test_a_call_keeps_its_links_when_a_process_is_killed(
    server: Server, witnesses: Witnesses, record_property
) -> None:
    async with AsyncExitStack() as stack:
        people: list[Person] = []
        for name in NAMES:
            url = people[0].url if people else server.url
            come = witnesses.come(url, name, camera=name < "C")
            people.append(await stack.enter_async_context(come))
        for person in people:
            await person.until(lambda now: len(now.participants) == len(NAMES))
            await person.until(all_connected, timeout=20)
        links = [person.links for person in people]
        ids = [sorted(each.id for each in p.snapshot.participants) for p in people]
        for victim in server.workers:
            began = time.monotonic()
            os.kill(victim, signal.SIGKILL)
            for person in people:
                await person.until(all_connected, timeout=20)
            people[0].post(e.Say(f"after {victim}"))
            for person in people:
                await person.until(
                    lambda now, said=f"after {victim}": (
                        now.chat and now.chat[-1].text == said
                    )
                )
            record_property("heard_after", round(time.monotonic() - began, 2))
            await asyncio.to_thread(server.await_workers)
        assert [person.links for person in people] == links
        assert ids == [
            sorted(each.id for each in p.snapshot.participants) for p in people
        ]
