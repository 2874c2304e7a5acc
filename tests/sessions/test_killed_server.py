"""A server that is killed in the middle of a call, and started again."""

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from client_py.core import event as e
from client_py.core.slot import Slot
from client_py.core.state import NoticeKind, Phase
from client_py.headless.main import Person
from client_py.testing.server import Server
from tests.links import Witnesses
from tests.sessions.call import all_connected

pytestmark = pytest.mark.call

NAMES = ("Ada", "Bob", "Cleo")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    made = Server(tmp_path)
    made.start()
    yield made
    made.stop()


def ids(person: Person) -> list[str]:
    return [each.id for each in person.snapshot.participants]


def notices(person: Person) -> list[NoticeKind]:
    """Return what somebody was told, but that a tone sounds while they are muted."""
    kinds = [each.kind for each in person.snapshot.notices]
    return [each for each in kinds if each is not NoticeKind.TALKING_MUTED]


async def test_a_call_goes_on_under_the_same_ids_and_links(
    server: Server, witnesses: Witnesses
) -> None:
    async with AsyncExitStack() as stack:
        people: list[Person] = []
        for name in NAMES:
            url = people[0].url if people else server.url
            people.append(await stack.enter_async_context(witnesses.come(url, name)))
        for person in people:
            for other in NAMES:
                if person.snapshot.name != other:
                    await person.sees(other)
        before = [ids(person) for person in people]
        links = [person.links for person in people]
        told = [notices(person) for person in people]

        await asyncio.to_thread(server.kill)
        for person in people:
            await person.until(lambda now: now.phase is Phase.RECONNECTING)
        people[0].post(e.TurnOff(Slot.MICROPHONE))
        people[0].post(e.Say("into the void"))
        for person in people:
            for other in NAMES:
                if person.snapshot.name != other:
                    await person.sees(other, frames=3)
        await asyncio.to_thread(server.start)

        for person in people:
            await person.until(lambda now: now.phase is Phase.JOINED, timeout=20)
        for person in people:
            await person.until(all_connected, timeout=20)
        await people[2].until(lambda now: len(now.chat) == 1)
        assert [sorted(ids(person)) for person in people] == [
            sorted(each) for each in before
        ]
        assert [person.links for person in people] == links
        for person in people:
            assert notices(person) == told.pop(0)
            for other in NAMES:
                if person.snapshot.name != other:
                    await person.sees(other, frames=3)
        who = await people[1].meets("Ada")
        (ada,) = [each for each in people[1].snapshot.participants if each.id == who]
        assert not ada.media.microphone


async def test_who_never_comes_back_is_lost_when_the_grace_is_over(
    server: Server,
    witnesses: Witnesses,
) -> None:
    async with AsyncExitStack() as stack:
        ada = await stack.enter_async_context(witnesses.come(server.url, "Ada"))
        async with witnesses.come(ada.url, "Bob", camera=False):
            await ada.meets("Bob")
            await asyncio.to_thread(server.kill)
            await ada.until(lambda now: now.phase is Phase.RECONNECTING)
        await asyncio.to_thread(server.start)
        await ada.until(lambda now: now.phase is Phase.JOINED, timeout=20)
        assert len(ada.snapshot.participants) == 2
        await ada.until(lambda now: len(now.participants) == 1, timeout=20)
