"""Whole calls left to chance: the real client and the real server's core, and between
them a network, devices and people who do as they like, at any time.

Whatever happened, in the end everybody has a line to everybody, and sees and hears
what is announced. Each seed is one course of things, always the same.
"""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from random import Random

import pytest

from client_py.core import event as e
from client_py.core.keeper import Forgetful, Keeper
from client_py.core.slot import Slot
from client_py.core.state import Connection, Encryption, NoticeKind, Phase
from client_py.core.wake import Sign
from client_py.headless.crypto import HeadlessCrypto
from e2ee.room import encode_secret
from protocol import messages as m
from tests.contract.fakes import FakeMedia, FakeNetwork, FakePeerConnection
from tests.sessions.exchange import ROOM, Exchange
from tests.unit.clock import timeless
from tests.unit.person import Person, others_running, turns

MIC, CAM, SCREEN, AUDIO = Slot
SECRET = encode_secret(bytes(32))
PLAIN = ""

NAMES = ("ann", "ben", "cat", "dan")
PATIENCE = 300  # seconds for everything to come right
STORM = (*NAMES, "eve", "fay", "gus", "hal")


class Town:
    """People with a device each, a server, and the lines between all of them."""

    def __init__(self, random: Random, secret: str, names: tuple[str, ...]) -> None:
        self.random = random
        self.exchange = Exchange(random)
        self.network = FakeNetwork(turns=iter(lambda: random.randrange(3), None))
        self._secret = secret
        self._keepers: dict[str, Keeper] = {}
        self._everybody: list[Person] = []  # who ever was, reloads and all
        self.people = [self._person(name) for name in names]

    def join(self, person: Person) -> None:
        """Open the room's page and go in."""
        person.post(e.EnterLobby(ROOM, self._secret), e.Join(person.name))

    async def reload(self, person: Person, *, noticed: bool) -> None:
        """Have the page die without goodbye, and the same device come again."""
        if noticed:
            person.line.drop()
        person.line.vanish()
        await person.stop()
        anew = self._person(person.name)
        self.people[self.people.index(person)] = anew
        await turns(1)
        self.join(anew)

    @property
    def notices(self) -> set[NoticeKind]:
        """What anybody was told by now."""
        trails = (now.notices for one in self._everybody for now in one.trail)
        return {each.kind for notices in trails for each in notices}

    async def close(self) -> None:
        """Let everybody's program end."""
        for person in self.people:
            await person.stop()
        await self.exchange.close()

    def _person(self, name: str) -> Person:
        crypto = HeadlessCrypto() if self._secret else None
        keeper = crypto and self._keepers.setdefault(name, Forgetful(crypto))
        line = self.exchange.line(name)
        media = FakeMedia(name)
        person = Person(name, line, self.network, media, crypto, keeper)
        self._everybody.append(person)
        return person


@asynccontextmanager
async def town(
    random: Random, secret: str, names: tuple[str, ...] = NAMES
) -> AsyncIterator[Town]:
    """Yield people before the door; in the end nothing of them may be left."""
    made = Town(random, secret, names)
    await turns(1)
    try:
        yield made
    finally:
        await made.close()
    assert others_running() == set()
    # The server never told one of another room than the others.
    assert NoticeKind.FORKED not in made.notices


def wrong(person: Person, others: int) -> str:
    """Say what isn't well with somebody who should have so many others."""
    now = person.snapshot
    links = {each.name: each.connection for each in now.participants[1:]}
    well = now.phase is Phase.JOINED and len(now.participants) == others + 1
    if well and set(links.values()) <= {Connection.CONNECTED}:
        return ""
    return f"{person.name} is {now.phase}, {now.problem}: {links}"


async def come_right(town: Town) -> None:
    """Let everybody be in, with a line to all others, and see and hear them."""
    others = len(town.people) - 1
    for _ in range(PATIENCE):
        unnoticed = any(each.line.deaf for each in town.people)
        if not unnoticed and not any(wrong(each, others) for each in town.people):
            break
        for person in town.people:
            person.post(e.Join(person.name))  # nothing, for who is in
        await asyncio.sleep(1)
    # What was said last of media and keys is still on its way.
    await asyncio.sleep(10)
    found = [wrong(each, others) for each in town.people]
    assert not any(found), found
    town.network.flow(2)
    for person in town.people:
        assert len(person.connections) == others
        for connection in person.connections:
            assert (connection.signaling_state, connection.connection_state) == (
                "stable",
                "connected",
            )
        for other in town.people:
            if other is not person:
                perceives(person, other)
    assert town.exchange.seats == len(town.people)


def perceives(person: Person, other: Person) -> None:
    """Somebody knows what another one shows, and exactly that arrives."""
    shown = person.sees(other.name)
    assert shown.media == announced(other)
    on = [slot for slot in Slot if getattr(shown.media, slot.word)]
    end = end_of(person, other)
    assert end.far_end is not None
    assert set(end.far_end.sending) == set(on)
    for slot in on:
        track = person.media.playing[shown.id, slot]
        assert track is end.remote_tracks[slot]
        sent = end.far_end.sending[slot]
        assert [each.name for each in track.received[-2:]] == [sent.name] * 2


def announced(person: Person) -> m.MediaState:
    """Return what somebody's devices give, as the others should know it."""
    now = person.snapshot
    live = [slot for slot in (MIC, CAM, SCREEN) if now.source(slot).state == "live"]
    return m.MediaState(
        microphone=MIC in live,
        camera=CAM in live,
        screen=SCREEN in live,
        screen_audio=AUDIO in person.media.open,
    )


def end_of(person: Person, other: Person) -> FakePeerConnection:
    """Return somebody's end of the link to another one."""
    (found,) = [
        each for each in person.connections if each.far_end in other.connections
    ]
    return found


def sealed(town: Town) -> None:
    """Every link is under keys that both of its ends have."""
    for person in town.people:
        people = person.snapshot.participants[1:]
        assert {each.e2ee for each in people} == {Encryption.ON}
        for connection in person.connections:
            assert connection.far_end is not None
            mine, theirs = connection.frames, connection.far_end.frames
            assert mine is not None and theirs is not None
            assert mine.sending[-1] in theirs.receiving
            assert not mine.stopped
    assert len({each.snapshot.room_code for each in town.people}) == 1
    assert town.people[0].snapshot.room_code != ""


# -- what happens


def connect_or_leave(town: Town, person: Person) -> None:
    if person.snapshot.phase is Phase.JOINED and town.random.random() < 0.4:
        person.post(e.Leave())
    else:
        town.join(person)


def toggle(town: Town, person: Person) -> None:
    slot = town.random.choice((MIC, CAM))
    on = town.random.random() < 0.6
    person.post(e.TurnOn(slot) if on else e.TurnOff(slot))


def share_or_stop(town: Town, person: Person) -> None:
    person.media.screen_has_audio = town.random.random() < 0.5
    on = SCREEN not in person.media.open
    person.post(e.TurnOn(SCREEN) if on else e.TurnOff(SCREEN))


def end_share(town: Town, person: Person) -> None:
    person.media.end(SCREEN)


def change_network(town: Town, person: Person) -> None:
    person.post(e.Woken(Sign.NETWORK))


def wake(town: Town, person: Person) -> None:
    person.post(e.Woken(Sign.AWAKE))


def fail_links(town: Town, person: Person) -> None:
    for connection in person.connections:
        connection.change_connection("failed")


def shake_link(town: Town, person: Person) -> None:
    if person.connections:
        link = town.random.choice(person.connections)
        link.change_connection("disconnected")


def need_negotiation(town: Town, person: Person) -> None:
    if person.connections:
        town.random.choice(person.connections).need_negotiation()


def cut(town: Town, person: Person) -> None:
    person.line.drop()


def go_deaf(town: Town, person: Person) -> None:
    person.line.deaf = True


def restart_server(town: Town, person: Person) -> None:
    away = town.random.random() * 10
    town.exchange.restart(away, forgets=town.random.random() < 0.3)


def say(town: Town, person: Person) -> None:
    person.post(e.Say("hola"))


Verb = Callable[[Town, Person], None]

#: By how often; a page that is reloaded is the one thing that takes its time.
VERBS: dict[Verb, int] = {
    connect_or_leave: 4,
    toggle: 4,
    share_or_stop: 4,
    end_share: 1,
    change_network: 2,
    wake: 1,
    fail_links: 2,
    shake_link: 2,
    need_negotiation: 2,
    cut: 3,
    go_deaf: 1,
    restart_server: 1,
    say: 1,
}
RELOADS = 0.1  # of all that happens


async def disturb(town: Town) -> None:
    """Let something happen to somebody."""
    person = town.random.choice(town.people)
    if town.random.random() < RELOADS:
        await town.reload(person, noticed=town.random.random() < 0.7)
        return
    (verb,) = town.random.choices(list(VERBS), list(VERBS.values()))
    verb(town, person)


def courses() -> Iterator[object]:
    for secret, name in ((PLAIN, "plain"), (SECRET, "sealed")):
        for seed in range(100):
            yield pytest.param(seed, secret, id=f"{name}-{seed}")


@pytest.mark.parametrize(("seed", "secret"), list(courses()))
def test_whatever_happens_in_a_call_it_comes_right(seed: int, secret: str) -> None:
    @timeless
    async def live() -> None:
        async with town(Random(seed), secret) as here:
            for person in here.people:
                here.join(person)
            for _ in range(40):
                await asyncio.sleep(here.random.random() ** 3 * 5)
                await turns(here.random.randrange(20))
                await disturb(here)
            await come_right(here)
            if secret:
                sealed(here)
            for person in here.people:
                person.post(e.Leave())
                assert (person.connections, person.media.playing) == ([], {})
                assert person.media.open == {}

    live()
    gc.collect()  # a task that was lost would tell now


# -- many at once


@pytest.mark.parametrize("secret", [PLAIN, SECRET], ids=["plain", "sealed"])
@pytest.mark.parametrize("seed", range(5))
def test_eight_who_join_within_a_second_make_one_offer_a_pair(
    seed: int, secret: str
) -> None:
    @timeless
    async def live() -> None:
        async with town(Random(seed), secret, STORM) as here:
            await storm(here, here.join)
            await come_right(here)
            assert trails(here) == [ANSWERED] * 28 + [OFFERED] * 28

    live()


@pytest.mark.parametrize("secret", [PLAIN, SECRET], ids=["plain", "sealed"])
@pytest.mark.parametrize("seed", range(5))
def test_seven_who_leave_within_a_second_leave_one_and_nothing_else(
    seed: int, secret: str
) -> None:
    @timeless
    async def live() -> None:
        async with town(Random(seed), secret, STORM) as here:
            await storm(here, here.join)
            await come_right(here)
            last, *others = here.random.sample(here.people, len(here.people))
            here.people = others
            await storm(here, lambda person: person.post(e.Leave()))
            await last.until(lambda now: len(now.participants) == 1)
            await asyncio.sleep(1)
            assert (last.connections, last.media.playing) == ([], {})
            assert here.exchange.seats == 1
            assert (
                trails(here)
                == [[*ANSWERED, "closed"]] * 28 + [[*OFFERED, "closed"]] * 28
            )
            here.people.append(last)

    live()


#: What the two ends of a link go through that negotiate once, and without a collision.
OFFERED = ["stable", "have-local-offer", "stable"]
ANSWERED = ["stable", "have-remote-offer", "stable"]


def trails(town: Town) -> list[list[str]]:
    """Return the signaling states of all connections that ever were."""
    found = [each.trail for each in town.network.connections]
    return sorted(found, key=lambda trail: "have-local-offer" in trail)


async def storm(town: Town, act: Callable[[Person], None]) -> None:
    """Have everybody do this within one second, each at a moment of their own."""
    loop = asyncio.get_running_loop()
    for person in town.people:
        loop.call_later(town.random.random(), act, person)
    await asyncio.sleep(1)
