"""Which room an address, or what people paste, means."""

import pytest

from client_py.core.address import room_of


@pytest.mark.parametrize(
    ("text", "room"),
    [
        ("abcd-efgh-jkmn", "abcd-efgh-jkmn"),
        (" https://example.org/r/my_room?x=1#key=AbC ", "my_room"),
        ("https://example.org/r/my_room/", "my_room"),
        ("https://example.org/r/abc.", ""),
        ("caf\u00e9", ""),
        ("\u0661\u0662\u0663", ""),
        ("a b", ""),
        ("a" * 65, ""),
        ("", ""),
    ],
)
def test_a_pasted_text_means_a_room_only_if_one_can_be_named_so(text, room):
    assert room_of(text) == room
