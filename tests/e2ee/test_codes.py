"""What people see of it: invitations, rosters, codes and their comparison."""

import pytest
from hypothesis import given, strategies as st

from e2ee.emoji import EMOJI
from e2ee.errors import SecretError
from e2ee.room import encode_secret, read_invitation
from e2ee.roster import PATIENCE, UNHEARD, RosterWatch
from e2ee.safety import pair_digits, pair_emoji, room_digits
from e2ee.verification import TRANSITIONS, Verdict, Verification, Word
from tests.e2ee.hostile import linked

SECRETS = st.binary(min_size=32, max_size=32)


@given(SECRETS, SECRETS)
def test_each_secret_has_a_key_of_its_own(one, other):
    mine, theirs = (read_invitation(encode_secret(each)) for each in (one, other))
    assert (mine == theirs) == (one == other)
    assert mine.shared_key != one
    assert "shared_key" not in repr(mine)


@pytest.mark.parametrize(
    "text", ["", "x", "A" * 42, "A" * 44, "A" * 42 + "B", "A" * 42 + "=", "é" * 43]
)
def test_what_is_no_secret_is_refused(text):
    with pytest.raises(SecretError):
        read_invitation(text)


def test_a_secret_of_another_length_is_refused():
    with pytest.raises(SecretError):
        encode_secret(bytes(31))


def test_there_are_64_pictures_with_names_of_their_own():
    assert len(EMOJI) == 64
    assert len({picture for picture, _ in EMOJI}) == 64
    assert len({name for _, name in EMOJI}) == 64


@given(st.binary(min_size=6, max_size=6), st.integers(0, 41))
def test_every_bit_of_42_shows_in_the_pictures(short, bit):
    other = (int.from_bytes(short, "big") ^ 1 << 47 - bit).to_bytes(6, "big")
    assert len(pair_emoji(short)) == 7
    assert pair_emoji(short) != pair_emoji(other)
    assert (pair_digits(short) != pair_digits(other)) == (bit < 39)


def test_codes_are_as_they_always_were():
    """Two versions of the program have to show the same."""
    short = bytes.fromhex("00108310518b")
    assert [name for _, name in pair_emoji(bytes(6))] == ["turtle"] * 7
    names = [EMOJI[at][1] for at in (0, 1, 2, 3, 4, 5, 6)]
    assert [name for _, name in pair_emoji(short)] == names
    assert pair_digits(bytes(6)) == "1000 1000 1000"
    assert pair_digits(b"\xff" * 6) == "9191 9191 9191"


@given(st.lists(SECRETS, unique=True, min_size=1, max_size=8))
def test_the_room_code_is_the_same_for_all_and_another_with_one_more(identities):
    code = room_digits("room", identities)
    assert [len(each) for each in code.split()] == [5] * 6
    assert code.replace(" ", "").isdigit()
    assert code == room_digits("room", reversed(identities))
    assert code != room_digits("room", [*identities, bytes(31)])
    assert code != room_digits("other", identities)


BOTH, ONE = {"ada": b"a", "bob": b"b"}, {"ada": b"a"}


def test_views_of_a_room_may_differ_for_a_while():
    watch = RosterWatch()
    watch.see(BOTH, 0.0)
    watch.hear("bob", ONE, 1.0, answers=True)
    watch.hear("bob", ONE, 3.0, answers=True)
    assert watch.forked(1.0 + PATIENCE - 0.01) == frozenset()
    watch.hear("bob", BOTH, 3.9, answers=True)
    assert (watch.forked(20.0), watch.differing) == (frozenset(), set())
    watch.hear("bob", ONE, 20.0, answers=True)
    watch.hear("cat", BOTH, 20.0, answers=True)
    assert watch.forked(20.0 + PATIENCE) == watch.differing == {"bob"}
    watch.see(ONE, 26.0)
    watch.hear("cat", BOTH, 26.0, answers=True)
    assert watch.forked(26.0 + PATIENCE) == {"cat"}
    watch.forget("cat")
    assert watch.forked(40.0) == frozenset()


def test_what_was_said_before_the_other_end_heard_of_it_is_no_view_of_now():
    watch = RosterWatch()
    watch.see(ONE, 0.0)
    watch.hear("bob", ONE, 0.0, answers=True)
    watch.see(BOTH, 1.0)
    watch.hear("bob", ONE, 2.0, answers=False)
    assert watch.forked(1.0 + UNHEARD - 0.01) == frozenset()
    assert watch.forked(1.0 + UNHEARD) == {"bob"}
    watch.hear("bob", ONE, 8.0, answers=True)
    assert watch.forked(8.0) == {"bob"}
    watch.see({**BOTH, "cat": b"c"}, 9.0)  # it answers no more
    assert watch.forked(9.0) == frozenset()


def test_what_differs_while_i_may_see_what_is_old_has_its_time_anew():
    watch = RosterWatch()
    watch.see(BOTH, 0.0)
    watch.hear("bob", ONE, 0.0, answers=True)
    watch.rest()
    assert watch.forked(UNHEARD) == frozenset()


@pytest.mark.parametrize(
    ("theirs", "same"),
    [
        (BOTH, True),
        ({"ada": b"a", "bob": b""}, True),  # who proved theirs to one alone
        ({"ada": b"a", "bob": b"?"}, False),
        ({"ada": b"a", "eve": b"b"}, False),
        ({**BOTH, "dan": b""}, True),  # who may have gone with the server before
        ({**BOTH, "eve": b""}, False),
        ({}, False),
    ],
)
def test_two_views_are_one_with_the_same_people_and_no_two_keys_for_one(theirs, same):
    watch = RosterWatch()
    watch.see(BOTH, 0.0, unsure={"dan"})
    watch.hear("bob", theirs, 0.0, answers=True)
    assert watch.differing == (set() if same else {"bob"})


async def comparison():
    ada, bob = await linked()
    return (
        Verification(ada.secrets, ada.identity.public),
        Verification(bob.secrets, bob.identity.public),
    )


async def test_a_link_is_verified_when_both_say_so():
    ada, bob = await comparison()
    word = ada.match()
    assert ada.verdict is Verdict.MINE
    bob.hear(word)
    assert bob.verdict is Verdict.THEIRS
    ada.hear(bob.match())
    assert (ada.verdict, bob.verdict) == (Verdict.VERIFIED, Verdict.VERIFIED)


@pytest.mark.parametrize("word", [b"", bytes(32), None], ids=["none", "other", "mine"])
async def test_a_word_that_is_not_theirs_is_a_mismatch(word):
    ada, _ = await comparison()
    mine = ada.match()
    ada.hear(mine if word is None else word)
    assert ada.verdict is Verdict.MISMATCH


async def test_a_mismatch_is_for_good():
    ada, bob = await comparison()
    ada.differ()
    ada.hear(bob.match())
    ada.match()
    assert ada.verdict is Verdict.MISMATCH
    assert all((verdict, Word.DIFFER) in TRANSITIONS for verdict in Verdict)
