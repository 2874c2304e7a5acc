"""Names, made safe to show."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
        ("<img onerror=alert(1)>", "<img onerror=alert(1)>"),
        ("x" * 65, "x" * 64),
        ("x" * 63 + " y", "x" * 63),
    ],
)
def test_names_are_made_safe(wanted, shown):
    assert display_name(wanted) == shown


@given(st.text(max_size=200))
def test_whatever_comes_is_a_name_and_stays_the_same(wanted):
    shown = display_name(wanted)
    assert 1 <= len(shown) <= 64
    assert shown == shown.strip()
    assert not any(unicodedata.category(c) in ("Cc", "Cs") for c in shown)
    assert unicodedata.is_normalized("NFC", shown)
    assert display_name(shown) == shown
