"""Who gets what of my way out."""

from collections.abc import Mapping
from itertools import count, pairwise

import pytest

from client_py.core.encoding import AUDIO, CAMERA, NOTHING, SCREEN
from client_py.core.line import EVERYTHING
from client_py.core.outgoing import Outgoing
from client_py.core.uplink import BUDGET, Sending, Shape, Uplink
from protocol.messages import ParticipantId, Watching

PEOPLE = [ParticipantId(f"p{n}") for n in range(7)]
ADA, BOB = PEOPLE[:2]
HD, SD = 720, 360


def uplink(people: int, camera: int = HD, *, screen: bool = False) -> Uplink:
    made = Uplink()
    made.follow(PEOPLE[:people], Sending(camera, screen))
    return made


def heights(uplink: Uplink) -> list[int]:
    """Return how high each one's camera is sent, 0 for not at all."""
    return [
        shape.camera.height if shape.camera.active else 0
        for shape in uplink.shapes.values()
    ]


def meant(shape: Shape, sending: Sending) -> float:
    """Return the bit/s that a shape lets go."""
    camera = shape.camera.bitrate if shape.camera.active and sending.camera else 0
    screen = shape.screen.bitrate if shape.screen.active and sending.screen else 0
    return AUDIO + camera + screen


# -- the budget


@pytest.mark.parametrize(
    ("people", "height"), [(1, 720), (2, 540), (3, 540), (4, 360), (5, 360), (7, 270)]
)
def test_cameras_share_the_budget_evenly(people: int, height: int) -> None:
    assert heights(uplink(people)) == [height] * people


@pytest.mark.parametrize("people", range(1, 8))
@pytest.mark.parametrize("camera", [0, 180, 360, 720])
@pytest.mark.parametrize("screen", [False, True])
def test_all_together_stay_within_the_budget(
    people: int, camera: int, screen: bool
) -> None:
    sending = Sending(camera, screen)
    made = uplink(people, camera, screen=screen)
    assert sum(meant(each, sending) for each in made.shapes.values()) <= BUDGET


def test_nobody_gets_more_than_my_camera_gives() -> None:
    assert heights(uplink(1, SD)) == [360]
    assert heights(uplink(1, 180)) == [180]


def test_who_is_alone_sends_to_nobody() -> None:
    assert uplink(0).shapes == {}


@pytest.mark.parametrize(
    ("shown", "height"),
    [(0, 0), (60, 90), (100, 90), (101, 180), (200, 180), (400, 360), (2000, 720)],
)
def test_picture_is_no_larger_than_it_is_shown(shown: int, height: int) -> None:
    made = uplink(1)
    made.show(ADA, Watching(shown, 0))
    assert heights(made) == [height]


def test_what_small_tiles_leave_goes_to_large_ones() -> None:
    made = uplink(4)
    assert heights(made) == [360, 360, 360, 360]
    for who in PEOPLE[1:4]:
        made.show(who, Watching(100, 0))
    assert heights(made) == [720, 90, 90, 90]


def test_who_wants_no_picture_gets_none_and_is_not_paused() -> None:
    made = uplink(2)
    made.show(ADA, Watching(0, 0))
    assert made.shapes[ADA] == Shape(NOTHING, NOTHING)
    assert made.shapes[BOB] == Shape(CAMERA[5], SCREEN[2])


def test_screen_goes_before_cameras() -> None:
    made = uplink(3, screen=True)
    assert list(made.shapes.values()) == [Shape(CAMERA[1], SCREEN[2])] * 3
    made = uplink(1, screen=True)
    assert list(made.shapes.values()) == [Shape(CAMERA[4], SCREEN[3])]


def test_screen_is_sent_in_its_own_size_whatever_happens() -> None:
    assert {rung.height for rung in SCREEN} == {0}
    assert [rung.height for rung in CAMERA] == sorted(r.height for r in CAMERA)


def test_who_comes_makes_pictures_smaller_and_who_goes_larger() -> None:
    made = uplink(1)
    made.follow(PEOPLE, Sending(HD))
    assert heights(made) == [270] * 7
    made.follow([BOB], Sending(HD))
    assert heights(made) == [720]


def test_hint_of_somebody_unknown_says_nothing() -> None:
    made = uplink(1)
    made.show(BOB, Watching(0, 0))
    assert heights(made) == [720]


# -- a network to send through


class Network:
    """Ways with a bottleneck each, and one that they share; a second for each look.

    Its ends estimate as browsers do (GCC): up by 8 % a second, never far beyond
    what is sent, and down to what comes through. ``tells`` False is Firefox, where
    only loss and waiting tell of it.
    """

    def __init__(
        self, uplink: Uplink, sending: Sending, people: int, *, tells: bool = True
    ) -> None:
        self.uplink = uplink
        self.sending = sending
        self.capacity = dict.fromkeys(PEOPLE[:people], 1000000000.0)
        self.shared = 1e9
        self.busy = False
        self.tells = tells
        self.trail: list[list[int]] = []
        self._estimates = dict.fromkeys(self.capacity, 300_000.0)
        self._totals = dict.fromkeys(self.capacity, Outgoing(trip=0.05))
        self._clock = count(1)

    def run(self, seconds: int) -> list[list[int]]:
        """Let time pass; return the heights of every look."""
        before = len(self.trail)
        for _ in range(seconds):
            self.uplink.look(self._second())
            self.trail.append(heights(self.uplink))
        return self.trail[before:]

    def _second(self) -> Mapping[ParticipantId, Outgoing]:
        now = next(self._clock)
        wants = {
            who: min(meant(shape, self.sending), self._rate(who))
            for who, shape in self.uplink.shapes.items()
        }
        squeeze = min(1.0, self.shared / sum(wants.values()))
        for who, want in wants.items():
            through = min(want * squeeze, self.capacity[who])
            packets = int(want / 8 / 1000) + 50
            lost = int(packets * (1 - through / want))
            estimate = self._estimates[who]
            if lost:
                estimate = 0.9 * through
            elif want > 0.6 * estimate:
                estimate = min(1.08 * estimate, self.capacity[who])
            elif now % 5 == 0:  # probes, while there is room for them
                room = min(self.capacity[who], self.shared / len(wants))
                estimate = max(estimate, min(2 * want, room))
            self._estimates[who] = estimate
            old = self._totals[who]
            self._totals[who] = Outgoing(
                timestamp=float(now),
                packets=old.packets + packets,
                lost=old.lost + lost,
                size=old.size + int(want / 8),
                trip=0.05 if through == want else 0.6,
                available=estimate if self.tells else 0.0,
                frames=old.frames + (10 if self.busy else 25),
                encode_time=old.encode_time + (0.9 if self.busy else 0.2),
                source_rate=25.0,
                limited=("cpu" if self.busy else "none") if self.tells else "",
            )
        return self._totals

    def _rate(self, who: ParticipantId) -> float:
        # A browser that tells nothing has its own estimate all the same.
        return max(self._estimates[who], AUDIO) if self.tells else 1e9


def network(
    people: int, camera: int = SD, *, screen: bool = False, tells: bool = True
) -> Network:
    sending = Sending(camera, screen)
    made = Uplink()
    made.follow(PEOPLE[:people], sending)
    return Network(made, sending, people, tells=tells)


def step_sizes(trail: list[list[int]]) -> set[int]:
    """Return by how many rungs anybody's picture changed between two looks."""
    ladder = [0, *(rung.height for rung in CAMERA)]
    return {
        abs(ladder.index(one) - ladder.index(other))
        for before, after in pairwise(trail)
        for one, other in zip(before, after, strict=True)
    }


def test_way_that_carries_all_is_left_alone() -> None:
    for people in (1, 3, 7):
        net = network(people, HD)
        assert net.run(60) == [heights(net.uplink)] * 60


@pytest.mark.parametrize("tells", [True, False])
def test_capped_way_gets_less_step_by_step_and_all_again(tells: bool) -> None:
    net = network(1, tells=tells)
    net.run(20)
    net.capacity[ADA] = 300_000
    trail = net.run(60)
    assert trail[5][0] <= 270
    assert min(trail) >= [180]
    assert step_sizes(net.trail) <= {0, 1}
    changes = sum(one != other for one, other in pairwise(trail[10:]))
    assert changes <= 5, trail
    net.capacity[ADA] = 1e9
    assert net.run(61)[-1] == [360]


def test_way_that_is_free_again_is_used_within_25_seconds() -> None:
    net = network(1)
    net.run(20)
    net.capacity[ADA] = 300_000
    net.run(60)
    net.capacity[ADA] = 1e9
    assert net.run(25)[-1] == [360]


def test_one_bad_way_costs_the_others_nothing() -> None:
    net = network(3)
    net.run(20)
    net.capacity[BOB] = 150_000
    trail = net.run(30)
    assert {(one, three) for one, _, three in trail} == {(360, 360)}
    assert trail[-1][1] <= 90


def test_slow_uplink_is_shared_by_all() -> None:
    net = network(3)
    net.run(20)
    net.shared = 1_000_000
    trail = net.run(40)
    assert all(0 < height <= 270 for height in trail[-1]), trail
    assert max(trail[-1]) - min(trail[-1]) <= 180, trail
    net.shared = 1e9
    assert net.run(61)[-1] == [360, 360, 360]


def test_camera_goes_off_below_the_floor_and_comes_back() -> None:
    net = network(1)
    net.run(20)
    assert (net.uplink.shapes[ADA].paused, net.uplink.paused) == (False, False)
    net.capacity[ADA] = 45_000
    assert net.run(20)[-1] == [0]
    assert (net.uplink.shapes[ADA].paused, net.uplink.paused) == (True, True)
    net.capacity[ADA] = 1e9
    assert [90] in net.run(30)
    assert (net.uplink.shapes[ADA].paused, net.uplink.paused) == (False, False)


def test_my_picture_is_paused_only_when_it_reaches_nobody() -> None:
    net = network(2)
    net.run(20)
    net.capacity[ADA] = 45_000
    net.run(20)
    assert [each.paused for each in net.uplink.shapes.values()] == [True, False]
    assert not net.uplink.paused
    net.uplink.show(BOB, Watching(0, 0))
    assert net.uplink.paused


def test_camera_that_is_off_is_not_said_to_be_held_back() -> None:
    net = network(1)
    net.run(20)
    net.capacity[ADA] = 45_000
    net.run(20)
    net.uplink.follow([ADA], Sending(0))
    assert (net.uplink.shapes[ADA].paused, net.uplink.paused) == (False, False)


@pytest.mark.parametrize("camera", [0, SD])
def test_screen_makes_way_for_sound_below_the_floor_and_comes_back(camera: int) -> None:
    net = network(1, camera, screen=True)
    net.run(20)
    assert net.uplink.shapes[ADA].screen == SCREEN[3]
    net.capacity[ADA] = 60_000
    net.run(30)
    assert net.uplink.shapes[ADA] == Shape(NOTHING, NOTHING, paused=True)
    assert net.uplink.paused
    net.capacity[ADA] = 1e9
    net.run(30)
    assert net.uplink.shapes[ADA].screen.active
    assert not net.uplink.paused


@pytest.mark.parametrize(
    ("sending", "watching", "paused"),
    [
        (Sending(SD), Watching(360, 0), True),
        (Sending(SD), Watching(0, 1080), False),
        (Sending(0, screen=True), Watching(0, 1080), True),
        (Sending(0, screen=True), Watching(360, 0), False),
        (Sending(SD, screen=True), Watching(0, 1080), True),
        (Sending(0), Watching(360, 1080), False),
    ],
)
def test_a_way_without_video_is_told_of_where_a_picture_would_be_shown(
    sending: Sending, watching: Watching, paused: bool
) -> None:
    net = network(1, screen=True)
    net.run(20)
    net.capacity[ADA] = 45_000
    net.run(30)
    net.uplink.follow([ADA], sending)
    net.uplink.show(ADA, watching)
    assert net.uplink.shapes[ADA] == Shape(NOTHING, NOTHING, paused)


@pytest.mark.parametrize("tells", [True, False])
def test_slow_machine_makes_all_pictures_smaller_and_not_hastily(tells: bool) -> None:
    net = network(3, HD, tells=tells)
    net.run(10)
    net.busy = True
    trail = net.run(20)
    assert trail[-1][0] < 540
    changes = [i for i, (a, b) in enumerate(pairwise(trail)) if a != b]
    assert all(later - sooner >= 5 for sooner, later in pairwise(changes))
    assert all(len(set(each)) == 1 for each in trail)
    net.busy = False
    assert net.run(20)[-1] != net.run(60)[-1] == [540] * 3


def test_look_at_people_who_left_says_nothing() -> None:
    net = network(2)
    net.run(5)
    net.uplink.follow([], Sending(SD))
    net.uplink.look({ADA: Outgoing(timestamp=50.0)})
    assert net.uplink.shapes == {}


def test_everything_is_asked_for_until_something_else_is_said() -> None:
    assert (EVERYTHING.camera, EVERYTHING.screen) == (4320, 4320)
