"""The choice of a content coding."""

import pytest
from hypothesis import given, strategies as st

from server.encoding import choose_encoding

BOTH = ("br", "gzip", "identity")


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip", "gzip"),
        ("", "identity"),
        ("br;q=0, gzip", "gzip"),
        ("br;q=0.5, gzip;q=0.8", "gzip"),
        ("br; q=0.5 , gzip ; q = 0.4", "br"),
        ("*", "br"),
        ("*;q=0.1, gzip", "gzip"),
        ("gzip;q=0.5, identity", "identity"),
        ("identity;q=0, gzip", "gzip"),
        ("identity;q=0, *;q=0", "identity"),
        ("BR", "br"),
        ("br;q=nonsense", "identity"),
        ("br;q=2", "identity"),
        (",,;q=1,", "identity"),
    ],
)
def test_the_best_that_is_accepted_is_chosen(accept, chosen):
    assert choose_encoding(accept, BOTH) == chosen


def test_only_what_is_offered_is_chosen():
    assert choose_encoding("br, gzip;q=0.1", ("gzip", "identity")) == "gzip"
    assert choose_encoding("br, gzip", ("identity",)) == "identity"


@given(st.text(max_size=300))
def test_no_header_breaks_the_choice(accept):
    assert choose_encoding(accept, BOTH) in BOTH
