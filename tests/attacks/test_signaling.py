"""What a hostile server gains by meddling with what people say to each other.

Everything here happens to whole clients: what they are left with is what people see.
"""

import asyncio
import os
from base64 import b64decode, b64encode

import pytest

from client_py.browser.words import encryption, sentence
from client_py.core import event as e
from client_py.core.state import Connection, Encryption, NoticeKind
from e2ee.handshake import Kind as Message
from e2ee.room import new_secret
from tests.attacks.conftest import Attack
from tests.attacks.server import Partition, Word, honest


def of_kind(word: Word, kind: str) -> bool:
    return word["type"] == "signal" and word["body"]["type"] == kind


def with_data(word: Word, data: bytes) -> Word:
    return {**word, "body": {**word["body"], "data": b64encode(data).decode()}}


def data_of(word: Word) -> bytes:
    return b64decode(word["body"]["data"])


def flipped(word: Word, at: int) -> Word:
    data = bytearray(data_of(word))
    data[at % len(data)] ^= 1
    return with_data(word, bytes(data))


def anew(word: Word) -> Word:
    """Leave out its number, by which clients know what they had: a server can."""
    return {name: each for name, each in word.items() if name != "n"}


def kinds(person) -> list[NoticeKind]:
    return [each.kind for each in person.snapshot.notices]


def told(person) -> list[str]:
    """Return what people read of it."""
    return [sentence(each) for each in person.snapshot.notices]


def seen_by(person):
    return person.snapshot.participants[1]


async def test_t1_altered_words_make_no_link_and_are_told_of(attack: Attack):
    at = iter(range(10**6))

    def meddle(to: str, word: Word) -> list[Word]:
        return [flipped(word, next(at)) if of_kind(word, "sealed") else word]

    attack.server.meddle = meddle
    ada, bob = await attack.enter("Ada"), await attack.enter("Bob")
    for one in (ada, bob):
        await one.until(lambda now: NoticeKind.FORGED in [n.kind for n in now.notices])
        assert seen_by(one).connection is not Connection.CONNECTED
        assert kinds(one).count(NoticeKind.FORGED) == 1
        assert "The server tried to say something in somebody’s name" in told(one)[-1]


@pytest.mark.parametrize("message", [Message.HELLO, Message.REPLY, Message.REVEAL])
async def test_t1_and_t3_an_altered_handshake_is_no_handshake(attack: Attack, message):
    """With a HELLO altered the commitment fails, else the proof of the link."""

    def meddle(to: str, word: Word) -> list[Word]:
        if of_kind(word, "handshake") and data_of(word)[0] == message:
            return [flipped(word, -1)]
        return [word]

    attack.server.meddle = meddle
    ada, bob = await attack.enter("Ada"), await attack.enter("Bob")
    await ada.until(lambda now: now.participants[1].e2ee is Encryption.FAILED)
    for one in (ada, bob):
        found = seen_by(one)
        assert found.connection is not Connection.CONNECTED
        assert found.e2ee is not Encryption.ON
        assert found.code is None
    attack.server.meddle = honest
    await ada.sees("Bob")
    await bob.sees("Ada")


async def test_t1_an_altered_last_message_leaves_nobody_connected(attack: Attack):
    """Who answers has its keys by then, and sends under them to nobody."""

    def meddle(to: str, word: Word) -> list[Word]:
        if of_kind(word, "handshake") and data_of(word)[0] == Message.CONFIRM:
            return [flipped(word, -1)]
        return [word]

    attack.server.meddle = meddle
    ada, bob = await attack.enter("Ada"), await attack.enter("Bob")
    await bob.until(lambda now: now.participants[1].e2ee is Encryption.FAILED)
    assert encryption(seen_by(bob)) == "Encryption failed: nothing is sent"
    assert seen_by(bob).code is None
    for one in (ada, bob):
        assert seen_by(one).connection is not Connection.CONNECTED
    attack.server.meddle = honest
    await ada.sees("Bob")
    await bob.sees("Ada")


async def test_t4_and_t16_what_is_said_twice_or_out_of_turn_changes_nothing(
    attack: Attack,
):
    """Every word comes twice, and those of before once more at the end."""

    def meddle(to: str, word: Word) -> list[Word]:
        return [word, anew(word)] if word["type"] == "signal" else [word]

    attack.server.meddle = meddle
    ada, bob = await attack.enter("Ada"), await attack.enter("Bob")
    await ada.sees("Bob")
    await bob.sees("Ada")
    links = ada.links, bob.links
    ada.post(e.Say("once", 1.0))
    await bob.until(lambda now: now.chat)
    for to, word in list(attack.server.told):
        if word["type"] == "signal":
            attack.server.say(to, anew(word))
    ada.post(e.Say("twice", 2.0))
    await bob.until(lambda now: len(now.chat) > 1)
    assert [line.text for line in bob.snapshot.chat] == ["once", "twice"]
    for one, other in ((ada, "Bob"), (bob, "Ada")):
        await one.sees(other)
        assert kinds(one).count(NoticeKind.FORGED) == 0
        assert seen_by(one).e2ee is Encryption.ON
    assert (ada.links, bob.links) == links


async def test_t5_words_thrown_back_are_not_taken_for_the_others(attack: Attack):
    ada, bob = await attack.enter("Ada"), await attack.enter("Bob")
    await ada.sees("Bob")
    await bob.sees("Ada")
    a, b = ada.snapshot.participants[0].id, bob.snapshot.participants[0].id
    ada.post(e.Say("my own words", 1.0))
    await bob.until(lambda now: now.chat)
    for to, word in list(attack.server.told):
        if to == b and word["type"] == "signal":
            attack.server.say(a, {**anew(word), "from": b})
    await ada.until(lambda now: NoticeKind.FORGED in [n.kind for n in now.notices])
    assert [line.text for line in ada.snapshot.chat] == ["my own words"]
    await ada.sees("Bob")
    await bob.sees("Ada")


async def test_t12_a_flood_of_words_costs_the_call_nothing(attack: Attack):
    ada, bob = await attack.enter("Ada"), await attack.enter("Bob")
    await ada.sees("Bob")
    a = ada.snapshot.participants[0].id
    sealed = next(w for to, w in attack.server.told if to == a and of_kind(w, "sealed"))
    for number in range(2000):
        attack.server.say(a, flipped(anew(sealed), number))
        if number % 50 == 0:
            await asyncio.sleep(0)  # a server, too, lives in this loop
    await ada.until(lambda now: NoticeKind.FORGED in [n.kind for n in now.notices])
    await ada.sees("Bob", frames=20)
    await bob.sees("Ada", frames=20)
    assert kinds(ada).count(NoticeKind.FORGED) == 1
    assert seen_by(ada).e2ee is Encryption.ON


async def test_t2_who_stands_in_between_with_the_link_has_other_codes(attack: Attack):
    """Eve is Bob to Ada and Ada to Bob; the server shows them nobody else."""
    attack.server.meddle = Partition({(0, 1), (2, 3)})
    ada = await attack.enter("Ada")
    as_bob = await attack.enter("Bob")
    bob = await attack.enter("Bob")
    as_ada = await attack.enter("Ada")
    await ada.sees("Bob")
    await bob.sees("Ada")
    assert seen_by(ada).code == seen_by(as_bob).code is not None
    assert seen_by(bob).code == seen_by(as_ada).code is not None
    assert seen_by(ada).code != seen_by(bob).code
    assert "" != ada.snapshot.room_code != bob.snapshot.room_code != ""
    ada.post(e.CompareCodes(seen_by(ada).id, False, seen_by(ada).code))
    await ada.until(lambda now: now.participants[1].e2ee is Encryption.FAILED)
    assert seen_by(ada).connection is Connection.UNREACHABLE
    assert kinds(ada)[-1] is NoticeKind.MISMATCH
    assert told(ada)[-1].startswith("Your code and Bob’s differ")
    assert encryption(seen_by(ada)) == "Encryption failed: nothing is sent"


async def test_t14_whoever_is_hidden_from_somebody_is_found_out(attack: Attack):
    attack.server.meddle = Partition({(0, 1), (1, 2)})
    ada, bob = await attack.enter("Ada"), await attack.enter("Bob")
    await ada.sees("Bob")
    cat = await attack.enter("Cat")
    await bob.sees("Cat")
    assert [len(each.snapshot.participants) for each in (ada, bob, cat)] == [2, 3, 2]
    for one in (ada, bob, cat):
        await one.until(
            lambda now: NoticeKind.FORKED in [n.kind for n in now.notices], timeout=10
        )
        assert any(each.forked for each in one.snapshot.participants)
        assert "sees other people in this call than you do" in "".join(told(one))
    assert ada.snapshot.room_code != bob.snapshot.room_code != cat.snapshot.room_code


async def test_t15_a_ghost_without_the_link_gets_no_key_of_anybody(attack: Attack):
    ada = await attack.enter("Ada")
    room = ada.url.partition("#")[0]
    ghost = await attack.enter("Ghost", url=f"{room}#key={new_secret(os.urandom)}")
    for one in (ada, ghost):
        await one.until(lambda now: len(now.participants) == 2)
    await ada.until(lambda now: now.participants[1].e2ee is Encryption.FAILED)
    for one in (ada, ghost):
        assert seen_by(one).e2ee is not Encryption.ON
        assert seen_by(one).connection is not Connection.CONNECTED
        assert seen_by(one).code is None


async def test_t17_words_in_anothers_name_make_no_link(attack: Attack):
    """Eve has the link, and the server tells Bob that her words are Ada's."""
    ada = await attack.enter("Ada")
    ada_id = ada.snapshot.participants[0].id
    eve = await attack.enter("Eve")
    eve_id = eve.snapshot.participants[0].id

    def meddle(to: str, word: Word) -> list[Word]:
        if to in (ada_id, eve_id):
            return [word]
        if word.get("from") == ada_id:
            return []
        if word.get("from") == eve_id:
            return [word, {**anew(word), "from": ada_id}]
        return [word]

    attack.server.meddle = meddle
    bob = await attack.enter("Bob")
    await bob.sees("Eve")  # as herself
    people = {each.name: each for each in bob.snapshot.participants}
    assert people["Ada"].e2ee is not Encryption.ON
    assert people["Ada"].connection is not Connection.CONNECTED
    assert people["Ada"].code is None


async def test_a_server_renames_nobody_whose_name_is_sealed(attack: Attack):
    ada, bob = await attack.enter("Ada"), await attack.enter("Bob")
    await ada.sees("Bob")
    await bob.sees("Ada")
    a, b = ada.snapshot.participants[0].id, bob.snapshot.participants[0].id
    joined = next(w for to, w in attack.server.told if to == a and w["type"] != "pong")
    assert joined["type"] == "joined"
    (came,) = (w for to, w in attack.server.told if w["type"] == "participant-joined")
    other = {**came["participant"], "id": b, "name": "Mallory"}
    attack.server.say(a, {"type": "participant-changed", "participant": other})
    mine = {**other, "id": a}
    attack.server.say(a, {"type": "participant-changed", "participant": mine})
    bob.post(e.Say("who am I?", 1.0))
    await ada.until(lambda now: now.chat)
    assert [each.name for each in ada.snapshot.participants] == ["Ada", "Bob"]
    assert [line.name for line in ada.snapshot.chat] == ["Bob"]
