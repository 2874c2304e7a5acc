"""Both ends of a link's seal, with whoever runs the server in between."""

import asyncio
import json
from base64 import b64decode, b64encode
from collections.abc import Callable

import pytest

from client_py.core.errors import SealError
from client_py.core.introduction import introduce, name_of
from client_py.core.sealing import Seal
from client_py.core.terms import Terms
from e2ee.handshake import Link
from e2ee.rotation import GATHER, Reason
from e2ee.verification import Verdict
from protocol.codec import to_plain
from protocol.messages import (
    Candidate,
    Description,
    Handshaking,
    PeerMessage,
    Renew,
    Sealed,
    Watching,
)
from tests.contract.fake_network import FakeFrames
from tests.e2ee.hostile import CRYPTO, SHARED

OFFER = Description("offer", "v=0\r\na=fingerprint:sha-256 AA:BB\r\n")
ANSWER = Description("answer", "v=0\r\na=fingerprint:sha-256 CC:DD\r\n")
WATCHING = Watching(180, 0)
PATH = Candidate("candidate:1 1 udp 1 192.0.2.1 9 typ host")

Tamper = Callable[[PeerMessage], list[PeerMessage]]


class End:
    """One honest end, its clock and what it learned."""

    def __init__(
        self, me: str, peer: str, begins: bool, shared: bytes, generation: int
    ) -> None:
        self.frames = FakeFrames()
        self.heard: list[PeerMessage] = []
        self.failure: str | None = None
        self.now = 0.0
        identity = asyncio.ensure_future(CRYPTO.new_identity())
        terms = Terms(Link("room", me, peer, begins), shared, me)
        self.seal = Seal(
            CRYPTO, identity, terms, generation, self.frames, lambda: self.now
        )

    async def take(self, message: PeerMessage) -> list[PeerMessage]:
        """Do as the program does: who isn't trusted gets no answer."""
        try:
            taken = await self.seal.hear(message)
        except SealError as error:
            self.failure = error.failure
            return []
        self.heard += taken.words
        return taken.answers


class Wire:
    """Carries what two ends say, as the server likes; ``log`` keeps all of it."""

    def __init__(self, ada: End, bob: End, tamper: Tamper | None = None) -> None:
        self.ends = ada, bob
        self.log: list[PeerMessage] = []
        self._tamper = tamper or (lambda message: [message])

    async def carry(self, sender: End, said: list[PeerMessage]) -> None:
        """Carry this, and every answer to it."""
        ada, bob = self.ends
        receiver = bob if sender is ada else ada
        for message in said:
            self.log.append(message)
            for each in self._tamper(message):
                await self.carry(receiver, await receiver.take(each))


async def pair(
    tamper: Tamper | None = None,
    *,
    shared: tuple[bytes, bytes] = (SHARED, SHARED),
    generation: int = 1,
) -> tuple[End, End, Wire]:
    """Let Ada offer to Bob, over whatever is in between."""
    ada = End("ada", "bob", True, shared[0], generation)
    bob = End("bob", "ada", False, shared[1], generation)
    wire = Wire(ada, bob, tamper)
    await bob.seal.begin()
    hello = await ada.seal.begin()
    held = [*await ada.seal.say(OFFER), *await ada.seal.say(PATH)]
    assert held == [], "said in the clear before there are keys"
    await wire.carry(ada, hello)
    return ada, bob, wire


def nothing_gained(*ends: End) -> bool:
    """Nobody heard a word, and nobody has a key to send frames under."""
    return all(end.heard == [] and end.frames.sending == [] for end in ends)


async def test_what_was_said_early_follows_the_third_message():
    ada, bob, wire = await pair()
    assert bob.heard == [OFFER, PATH]
    assert [type(each) for each in wire.log[:5]] == [
        *(Handshaking, Handshaking, Handshaking, Handshaking, Sealed)
    ]
    await wire.carry(bob, await bob.seal.say(ANSWER))
    assert ada.heard == [ANSWER]
    assert ada.frames.sending == bob.frames.receiving
    assert bob.frames.sending == ada.frames.receiving
    assert ada.frames.sending != bob.frames.sending
    assert ada.seal.code == bob.seal.code is not None


async def test_what_people_say_early_is_said_to_who_is_trusted_alone():
    for trusted, heard in ((True, [WATCHING, PATH]), (False, [PATH])):
        ada = End("ada", "bob", True, SHARED, 1)
        bob = End("bob", "ada", False, SHARED, 1)
        await bob.seal.begin()
        hello = await ada.seal.begin()
        assert [*await bob.seal.say(WATCHING), *await bob.seal.say(PATH)] == []
        wire = Wire(ada, bob)
        await wire.carry(ada, hello)
        assert ada.heard == []
        await wire.carry(bob, await bob.seal.said_meanwhile(trusted=trusted))
        assert ada.heard == heard
        assert await bob.seal.said_meanwhile() == []


async def test_nobody_in_between_reads_a_word():
    _, bob, wire = await pair()
    await wire.carry(bob, await bob.seal.say(ANSWER))
    said = b"".join(
        b64decode(each.data)
        for each in wire.log
        if isinstance(each, Handshaking | Sealed)
    )
    assert len(wire.log) == 7
    assert not any(word in said for word in (b"fingerprint", b"192.0.2.1", b"v=0"))


@pytest.mark.parametrize("forged", [OFFER, ANSWER, PATH], ids=["offer", "answer", "c"])
async def test_t1_what_comes_in_the_clear_is_dropped(forged):
    ada, bob, _ = await pair()
    bob.heard.clear()
    assert [await end.take(forged) for end in (ada, bob)] == [[], []]
    assert (ada.heard, bob.heard) == ([], [])


async def test_t1_a_server_that_hands_on_words_in_the_clear_starts_no_call():
    ada, bob, _ = await pair(lambda _: [OFFER, PATH])
    assert nothing_gained(ada, bob)


async def test_t1_every_altered_message_of_a_handshake_gives_no_keys():
    for number in range(4):
        count = -1

        def spoil(message: PeerMessage, number: int = number) -> list[PeerMessage]:
            nonlocal count
            count += 1
            if count != number or not isinstance(message, Handshaking):
                return [message]
            spoilt = bytearray(b64decode(message.data))
            spoilt[-1] ^= 1
            return [Handshaking(b64encode(spoilt).decode())]

        ada, bob, _ = await pair(spoil)
        assert ada.frames.sending == [], number
        assert ada.failure or bob.failure, number


async def test_t1_an_altered_word_is_dropped_and_the_next_one_is_not():
    ada, bob, wire = await pair()
    (sealed,) = await bob.seal.say(ANSWER)
    spoilt = bytearray(b64decode(sealed.data))
    spoilt[-1] ^= 1
    await wire.carry(bob, [Sealed(b64encode(spoilt).decode())])
    assert ada.heard == []
    await wire.carry(bob, [sealed])
    assert ada.heard == [ANSWER]


async def test_t4_a_word_is_taken_once():
    ada, bob, wire = await pair()
    said = await bob.seal.say(ANSWER)
    await wire.carry(bob, [*said, *said, *said])
    assert ada.heard == [ANSWER]


async def test_t4_a_handshake_of_before_opens_nothing_now():
    _, _, before = await pair()
    old = iter(before.log)
    ada, bob, _ = await pair(lambda _: [next(old)], generation=2)
    assert ada.heard == [] and ada.frames.sending == []
    assert bob.frames.sending == []


async def test_t5_what_one_says_is_nothing_when_it_comes_back():
    ada, bob, _ = await pair()
    (sealed,) = await bob.seal.say(ANSWER)
    assert await bob.take(sealed) == []
    assert bob.heard == [OFFER, PATH]
    assert ada.heard == []


async def test_t15_who_doesn_t_have_the_link_gets_no_key():
    ada, bob, _ = await pair(shared=(SHARED, bytes(32)))
    assert nothing_gained(ada, bob)
    assert bob.failure == "forged"


async def test_t16_keys_that_are_lost_and_repeated_leave_both_ends_in_step():
    drop = iter([True, False, True] + [False] * 100)
    ada, bob, wire = await pair()
    lossy = Wire(ada, bob, lambda message: [] if next(drop) else [message, message])
    ada.seal.renew(Reason.LEFT)
    for _ in range(6):
        ada.now = ada.seal.due or ada.now
        if ada.frames.sending[-1][0]:
            break
        await lossy.carry(ada, await ada.seal.tick())
    assert [number for number, _ in ada.frames.sending] == [0, 1]
    assert ada.frames.sending == bob.frames.receiving
    assert bob.frames.sending == ada.frames.receiving


async def test_a_key_is_used_only_after_the_other_end_has_it():
    ada, bob, wire = await pair()
    ada.seal.renew(Reason.LEFT)
    ada.now += GATHER
    said = await ada.seal.tick()
    assert [number for number, _ in ada.frames.sending] == [0]
    await wire.carry(ada, said)
    assert ada.frames.sending == bob.frames.receiving
    assert len(ada.frames.sending) == 2


async def test_a_word_of_another_connection_is_dropped():
    ada, bob, _ = await pair()
    other = Wire(ada, bob)
    bob.seal._generation = 7
    await other.carry(bob, await bob.seal.say(ANSWER))
    assert ada.heard == []


async def test_two_who_find_the_same_code_are_verified():
    ada, bob, wire = await pair()
    await wire.carry(ada, await ada.seal.compare(True, ada.seal.code))
    assert (ada.seal.verdict, bob.seal.verdict) == (Verdict.MINE, Verdict.THEIRS)
    await wire.carry(bob, await bob.seal.compare(True, bob.seal.code))
    assert ada.seal.verdict is bob.seal.verdict is Verdict.VERIFIED


async def test_a_match_counts_for_the_code_that_was_looked_at():
    ada, _, _ = await pair()
    _, eve, _ = await pair()
    assert await ada.seal.compare(True, eve.seal.code) == []
    assert ada.seal.verdict is Verdict.UNVERIFIED


async def test_both_ends_prove_the_names_that_they_go_by():
    ada, bob, _ = await pair()
    for end, name in ((ada, "bob"), (bob, "ada")):
        assert end.seal.secrets is not None
        assert name_of(end.seal.secrets.peer_introduction) == name


@pytest.mark.parametrize("said", [b"", b"[" * 4000, b"[]", b'{"name": 1}', b"\xff"])
def test_who_proves_no_name_is_a_guest(said):
    assert name_of(said) == "Guest"


def test_a_name_is_shown_without_what_nobody_sees():
    assert name_of(introduce("  A\u202enn\u200b\n Lee ")) == "Ann Lee"
    assert name_of(introduce("x" * 100)) == "x" * 64


async def test_a_mismatch_is_one_for_both():
    ada, bob, wire = await pair()
    await wire.carry(bob, await bob.seal.compare(True, bob.seal.code))
    await wire.carry(ada, await ada.seal.compare(False, ada.seal.code))
    assert ada.seal.verdict is bob.seal.verdict is Verdict.MISMATCH


async def test_t2_with_the_link_leaked_both_ends_have_other_codes():
    ada, eve_as_bob, _ = await pair()
    eve_as_ada, bob, _ = await pair()
    assert eve_as_bob.seal.code == ada.seal.code
    assert ada.seal.code != bob.seal.code == eve_as_ada.seal.code


async def test_asking_for_another_connection_needs_no_keys():
    end = End("ada", "bob", True, SHARED, 1)
    assert await end.seal.say(Renew()) == [Renew()]


async def test_a_sealed_word_that_is_no_message_says_nothing():
    ada, bob, wire = await pair()
    assert bob.seal._channel is not None
    for body in (b"", b"[]", b"{", b"[" * 40_000, json.dumps(to_plain(PATH)).encode()):
        await wire.carry(bob, [await bob.seal._seal(1, body)])  # as a description
    assert (ada.heard, ada.failure) == ([], None)
