"""A line that is too slow for what its people would send."""

import time

import pytest

from tests.network.flow import flows, listen, longest_silence
from tests.network.site import Nat

CAP = 300  # kbit/s
CAPPED = 60.0  # seconds
UPLINK = 1000  # kbit/s
LESS = 0.75  # of the detail without a bound: what is seen as less
_PATIENCE = 30.0

pytestmark = [pytest.mark.long, pytest.mark.timeout(300)]


def seeing(people):
    for one in people:
        for other in people:
            if one is not other:
                one.expect_sees(other, frames=10, within=_PATIENCE)
    return people


def settled(people, sender):
    """Return what goes on once somebody's pictures get no better."""
    best = 0.0
    while True:
        now = flows(people, 5)
        kbits = min(flow.kbits for who, flow in now.items() if who[0] == sender)
        if kbits <= 1.1 * best:
            return now
        best = kbits


@pytest.fixture
def here(rig, meeting):
    """Somebody at the first site, in a good picture."""
    for site in rig.sites:
        site.become(Nat.PRESERVING)
    room, caller, *_ = meeting
    return lambda name: caller.tab(room, name, media="restless", quality="sd")


@pytest.fixture
def there(meeting):
    """Somebody at the second site."""
    room, _, caller, *_ = meeting
    return lambda name: caller.tab(room, name, media="restless", quality="low")


def test_a_cap_costs_no_sound_and_is_made_up_for(rig, here, there, record_property):
    people = seeing([here("ada"), there("bob")])
    way = "ada", "bob"
    free = settled(people, "ada")[way]
    assert free.kbits > CAP
    listen(people[1])
    rig.sites[0].narrow(up=CAP, down=CAP)
    capped = time.monotonic()
    first = flows(people, 5)[way]
    rest = [flows(people, 5)[way] for _ in range(int(CAPPED) // 5 - 1)]
    silence = longest_silence(people[1])
    took = time.monotonic() - capped
    rig.sites[0].narrow()
    freed = time.monotonic()
    while (now := flows(people, 3)[way]).kbits < 0.9 * free.kbits:
        assert time.monotonic() - freed <= 25, f"{now}, not {free}"
    back = time.monotonic() - freed
    record_property("free", str(free))
    record_property("first", str(first))
    record_property("capped", f"{took:.0f} s; " + "; ".join(map(str, rest)))
    record_property("silence", round(silence, 2))
    record_property("back", round(back, 1))
    assert silence <= 0.4
    assert min(each.rate for each in rest) >= 8
    assert back <= 25


def test_one_slow_uplink_is_felt_in_its_own_pictures_alone(
    rig, here, there, record_property
):
    people = seeing([here("dan"), there("ada"), there("bob"), there("cleo")])
    free = settled(people, "dan")
    rig.sites[0].narrow(up=UPLINK)
    slow = flows(people, 30)
    rig.sites[0].narrow()
    freed = time.monotonic()
    back = flows(people, 3)
    own = [who for who in free if who[0] == "dan"]
    while any(back[who].detail < LESS * free[who].detail for who in own):
        assert time.monotonic() - freed <= 60, back
        back = flows(people, 3)
    took = time.monotonic() - freed
    for name, now in (("free", free), ("slow", slow), ("back", back)):
        words = "; ".join(f"{who[0]} to {who[1]} {now[who]}" for who in sorted(now))
        record_property(name, words)
    record_property("took", round(took, 1))
    for who, flow in slow.items():
        assert flow.lost < 0.01, who
        if who in own:
            assert flow.detail < LESS * free[who].detail
        else:
            assert flow.height == free[who].height
            assert flow.rate >= 0.9 * free[who].rate
