"""What holds every other test of tabs to account can fail."""

import pytest

from .page import DEAF, UNOPENED


@pytest.mark.plain("Ada's browser seals nothing, Bob's opens nothing")
def test_a_picture_that_no_worker_opened_is_told_of(participant, recorder):
    bob = participant("bob", scripts=[UNOPENED])
    with bob.page.expect_console_message(lambda said: '"opened":0' in said.text):
        participant("ada", scripts=[DEAF])
    assert [each.endswith("never opened") for each in recorder.betrayed] == [True]


def test_what_comes_to_a_tab_that_is_closed_or_loaded_anew_is_kept(
    participant, recorder
):
    ada, bob = participant("ada"), participant("bob")
    ada.expect_sees(bob, frames=5)
    bob.expect_sees(ada, frames=5)
    ada.reload()
    bob.close()
    assert recorder.outcomes["ok"] > 0


def test_a_room_without_encryption_is_none_of_its_business(
    participant, tertulia_server, recorder
):
    room = tertulia_server.create_room(e2ee=False)
    ada, bob = (participant(name, room=room) for name in ("ada", "bob"))
    ada.expect_sees(bob, frames=5)
    assert (recorder.outcomes, recorder.betrayed) == ({}, [])
