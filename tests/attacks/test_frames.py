"""Frames that a hostile peer sends, and what a whole client makes of them: nothing."""

import pytest

from client_py.core.state import Cause, Encryption, NoticeKind
from tests.attacks import peer
from tests.attacks.conftest import Attack
from tests.attacks.peer import HostileFrames
from tests.links import Links

TRICKS = 70  # frames of sound and picture that an attack lasts
REPEATING = (peer.again, peer.old)


@pytest.mark.parametrize(
    "trick",
    [
        peer.plain,
        peer.again,
        peer.old,
        peer.swapped,
        peer.flipped,
        peer.cut,
        peer.noise,
    ],
    ids=lambda trick: trick.__name__,
)
async def test_no_frame_is_shown_that_is_not_this_ones_next(attack: Attack, trick):
    """T6 to T9 and T12 of the attacks in docs/SECURITY.md."""
    hostile, victim = Links(HostileFrames), Links(HostileFrames)
    bob = await attack.enter("Bob", connections=victim.connections)
    eve = await attack.enter("Eve", connections=hostile.connections)
    await bob.sees("Eve", frames=20)
    await eve.sees("Bob")
    (theirs,), (mine,) = hostile, victim
    notices = bob.snapshot.notices
    theirs.play(trick)
    await theirs.played(20)  # what was sent before has come
    before = victim.opened
    await theirs.played(TRICKS)
    assert victim.opened == before
    assert sum(mine.received.values()) > before  # and they did come
    told = Cause.REPEATED if trick in REPEATING else Cause.UNREADABLE
    await bob.until(lambda now: now.participants[1].cause is told)
    found = bob.snapshot.participants[1]
    assert (found.e2ee, bob.snapshot.notices) == (Encryption.ON, notices)
    await eve.sees("Bob")  # whom nothing has happened to
    theirs.rest()
    await bob.sees("Eve")
    await bob.hears("Eve")
    await bob.until(lambda now: now.participants[1].cause is Cause.NONE)


async def test_who_left_and_who_comes_open_nothing_of_the_others(attack: Attack):
    """T10 and T11."""
    of_ada, of_bob, of_cat = (Links(HostileFrames) for _ in range(3))
    ada = await attack.enter("Ada", connections=of_ada.connections)
    bob = await attack.enter("Bob", connections=of_bob.connections)
    await ada.sees("Bob")
    await bob.sees("Ada")
    before_cat = list(of_ada[0].captured)
    cat = await attack.enter("Cat", connections=of_cat.connections)
    for one, other in ((cat, "Ada"), (cat, "Bob"), (ada, "Cat"), (bob, "Cat")):
        await one.sees(other)
    with_cat = of_ada[0].captured[len(before_cat) :]
    await attack.leave(cat)
    await ada.until(lambda now: len(now.participants) == 2)
    left = len(of_ada[0].captured)
    await bob.sees("Ada", frames=30)
    without_cat = of_ada[0].captured[left:]
    for frames in (before_cat, with_cat, without_cat):
        assert len(frames) > 20
        for slot, sealed in frames:
            for each in of_cat:  # she kept all her keys
                assert each.open(slot, sealed) is None
    # Her own link from Ada carries nothing any more, either.
    carried = len(of_ada[1].captured)
    await bob.sees("Ada", frames=10)
    assert len(of_ada[1].captured) == carried
    assert NoticeKind.FORGED not in [each.kind for each in ada.snapshot.notices]
