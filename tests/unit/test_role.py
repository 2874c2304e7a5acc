"""An end that answers stays the DTLS client or the server that it was."""

import pytest

from client_py.browser.role import keep_role


def described(setup: str) -> str:
    """Return a description with two sections of one role."""
    section = f"m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=setup:{setup}\r\n"
    return "v=0\r\n" + 2 * section


@pytest.mark.parametrize(
    ("local", "remote"), [("passive", "actpass"), ("actpass", "active")]
)
def test_a_server_is_offered_a_client_whoever_offered_first(local, remote):
    offer = keep_role(described("actpass"), described(local), described(remote))
    assert offer == described("active")


@pytest.mark.parametrize(
    ("local", "remote"), [("active", "actpass"), ("actpass", "passive")]
)
def test_a_client_answers_as_it_would_anyway(local, remote):
    offer = described("actpass")
    assert keep_role(offer, described(local), described(remote)) == offer


def test_the_first_offer_leaves_the_roles_open():
    assert keep_role(described("actpass"), "", "") == described("actpass")


def test_an_offer_that_settles_the_roles_itself_stays_as_it_is():
    offer = described("active")
    assert keep_role(offer, described("passive"), described("actpass")) == offer
