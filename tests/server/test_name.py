"""Names, made safe to show."""

import unicodedata

import pytest
from hypothesis import given, strategies as st

from server.name import GUEST, display_name


@pytest.mark.parametrize(
    ("wanted", "shown"),
    [
        ("Ana", "Ana"),
        ("  Ana \t María\r\n", "Ana María"),
        ("Jose\u0301", "José"),
        ("", GUEST),
        (" \u200b\u2060 ", GUEST),
        ("\u202egnp.exe", "gnp.exe"),
        ("\u2066Ana\u2069", "Ana"),
        ("A\x00n\x1ba", "Ana"),
        ("Ana\u2028Bo", "Ana Bo"),
        ("👩‍👩‍👧", "👩‍👩‍👧"),
        ("क्‍ष", "क्‍ष"),
        ("A\u200dn\u200c\u200da\u200d", "Ana"),
        ("\u200dAna", "Ana"),
        ("é\u200d", "é"),
        ("A\u200bn\u2060a\ufeff", "Ana"),
        ("A\u00adna", "Ana"),
        ("\u3164", GUEST),
        ("\u115f\u1160\uffa0", GUEST),
        ("\u2800", GUEST),
        ("\u200d\u200c", GUEST),
        ("\ud83d", GUEST),
        ("A\udc00na", "Ana"),
        ("\U000e0041", GUEST),
        ("x" * 63 + "é\u200dé", "x" * 63 + "é"),
        ("<img onerror=alert(1)>", "<img onerror=alert(1)>"),
        ("x" * 65, "x" * 64),
        ("x" * 63 + " y", "x" * 63),
    ],
)
def test_names_are_made_safe(wanted, shown):
    assert display_name(wanted) == shown


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80))
def test_plain_names_are_shown_as_they_are_with_something_unseen_in_them(wanted):
    assert display_name(wanted) == display_name(wanted + "\u2060")


@pytest.mark.parametrize(
    "char",
    [chr(c) for c in (*range(0x202A, 0x202F), *range(0x2066, 0x206A), 0x200E, 0x200F)],
)
def test_nothing_turns_the_direction_of_a_name(char):
    assert display_name(f"A{char}na") == "Ana"
    assert display_name(char) == GUEST


@given(st.text(st.sampled_from("aé\u200d\u200c\u0301 👩"), max_size=80))
def test_joiners_never_make_two_names_of_one(wanted):
    shown = display_name(wanted)
    assert display_name(shown) == shown
    assert unicodedata.is_normalized("NFC", shown)


@given(st.text(max_size=200))
def test_whatever_comes_is_a_name_and_stays_the_same(wanted):
    shown = display_name(wanted)
    assert 1 <= len(shown) <= 64
    assert shown == shown.strip()
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in shown)
    assert unicodedata.is_normalized("NFC", shown)
    assert display_name(shown) == shown
