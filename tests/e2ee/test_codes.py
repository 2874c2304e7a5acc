"""What people see of it: invitations, rosters, codes and their comparison."""

import pytest
from hypothesis import given, strategies as st

from e2ee.emoji import EMOJI
from e2ee.errors import SecretError
from e2ee.room import encode_secret, read_invitation
from e2ee.roster import PATIENCE, RosterWatch, roster_hash
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


def test_views_of_a_room_may_differ_for_a_while():
    watch, ours, theirs = RosterWatch(), roster_hash([b"a", b"b"]), roster_hash([b"a"])
    watch.see(ours, 0.0)
    watch.hear("bob", theirs, 1.0)
    watch.hear("bob", theirs, 3.0)
    assert watch.forked(1.0 + PATIENCE - 0.01) == frozenset()
    watch.hear("bob", ours, 5.9)
    assert watch.forked(20.0) == frozenset()
    watch.hear("bob", theirs, 20.0)
    watch.hear("cat", ours, 20.0)
    assert watch.forked(20.0 + PATIENCE) == {"bob"}
    watch.see(theirs, 26.0)
    assert watch.forked(26.0 + PATIENCE) == {"cat"}
    watch.forget("cat")
    assert watch.forked(40.0) == frozenset()


def test_a_roster_is_no_other_one_cut_elsewhere():
    assert roster_hash([b"ab", b"c"]) != roster_hash([b"a", b"bc"])
    assert roster_hash([b"b", b"a"]) == roster_hash([b"a", b"b"])


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
