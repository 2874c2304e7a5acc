"""A server that hides somebody from somebody: all whom it lies to are told in time."""

import asyncio
import json
from random import Random

import pytest

from client_py.core import event as e
from client_py.core.state import NoticeKind
from client_py.headless.crypto import HeadlessCrypto
from e2ee.room import encode_secret
from tests.contract.fakes import FakeNetwork
from tests.sessions.exchange import ROOM, Exchange
from tests.unit.clock import timeless
from tests.unit.person import Person

SECRET, ANOTHER = encode_secret(bytes(32)), encode_secret(b"?" * 32)
TOLD = 5.0  # seconds from the lie until everybody knows of it


def hide(exchange: Exchange, one: str, other: str) -> None:
    """Have neither of two hear that the other is there, or a word of theirs."""
    ids: dict[str, str] = {}

    def meddle(subject: str, text: str) -> str:
        word = json.loads(text)
        people = word.get("participants") or [word.get("participant")]
        ids.update({each["id"]: each["name"] for each in people if type(each) is dict})
        hidden = {one: other, other: one}.get(subject)
        if word["type"] == "joined":
            shown = [each for each in people if each and each["name"] != hidden]
            return json.dumps({**word, "participants": shown})
        about = word.get("from") or word.get("id") or word.get("participant")
        who = about["id"] if isinstance(about, dict) else about
        if hidden is None or ids.get(who) != hidden:
            return text
        # Something that says nothing, under the same numbers.
        numbers = {name: word[name] for name in ("seq", "ack") if name in word}
        return json.dumps({"type": "pong", "id": 0, **numbers})

    exchange.meddle = meddle


@pytest.mark.parametrize(("secret", "knows"), [(SECRET, 3), (ANOTHER, 2)])
@pytest.mark.parametrize("seed", range(10))
def test_a_forked_room_is_told_within_five_seconds(
    seed: int, secret: str, knows: int
) -> None:
    """``knows`` counts whom it can be told: who has another link trusts nobody."""

    @timeless
    async def live() -> None:
        random, network = Random(seed), FakeNetwork()
        exchange = Exchange(random)
        hide(exchange, "ann", "cat")
        people = [
            Person(name, exchange.line(name), network, crypto=HeadlessCrypto())
            for name in ("ann", "ben", "cat")
        ]
        await asyncio.sleep(0)
        ann, ben, cat = people
        for one in (ann, ben):
            one.post(e.EnterLobby(ROOM, SECRET), e.Join(one.name))
            await asyncio.sleep(random.random())
        await ann.until_connected(1)
        await asyncio.sleep(5 + random.random())
        cat.post(e.EnterLobby(ROOM, secret), e.Join("cat"))
        await ben.until(lambda now: len(now.participants) == 3)
        lied = asyncio.get_running_loop().time()
        for one in people[:knows]:
            await one.until(
                lambda now: NoticeKind.FORKED in [each.kind for each in now.notices]
            )
        assert asyncio.get_running_loop().time() - lied <= TOLD
        for one in people:
            await one.stop()
        await exchange.close()

    live()
