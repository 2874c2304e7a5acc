"""One budget for all that I send: sound first, then a screen, then cameras.

The browser's own congestion control looks after each connection by itself, and
all of them share one way out. So the sum is bounded here, and each picture is made
no larger than the other end shows it and its way carries. W3C's ``priority`` can't
do it: it orders what one connection sends, and nothing between connections.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from client_py.core.encoding import (
    AUDIO,
    CAMERA,
    NOTHING,
    SCREEN,
    Encoding,
    rung,
    rungs_for,
    rungs_within,
)
from client_py.core.line import Line
from client_py.core.outgoing import Outgoing
from client_py.core.pace import Pace, Sign, Step
from protocol.messages import ParticipantId, Watching

BUDGET: Final = 3_000_000  # bit/s over all links, until something tells otherwise
_LEFT: Final = 0.8  # of what is sent is left, once it proves to be too much
_REGAINED: Final = 1.3
_SCREENS_SHARE: Final = 0.7  # of a link's part, and all but a small camera
_CPU_BAD, _CPU_GOOD = 5, 20  # looks


@dataclass(frozen=True, slots=True)
class Shape:
    """What is sent to one participant; ``paused``: the way carries no video."""

    camera: Encoding = Encoding()
    screen: Encoding = Encoding()
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Sending:
    """What I have to send: a camera of this height, 0 for none, and a screen."""

    camera: int = 0
    screen: bool = False


class Uplink:
    """The state of my way out. ``follow`` who is here, then ``look``, then ask."""

    def __init__(self) -> None:
        self._lines: dict[ParticipantId, Line] = {}
        self._sending = Sending()
        self._budget = float(BUDGET)
        self._pace = Pace()
        self._power = len(CAMERA)  # rungs that this machine can encode
        self._power_pace = Pace(bad=_CPU_BAD, patience=_CPU_GOOD)
        self._shapes: dict[ParticipantId, Shape] = {}

    def follow(self, people: list[ParticipantId], sending: Sending) -> None:
        """These people are here, and I have this to send."""
        if people == list(self._lines) and sending == self._sending:
            return
        self._lines = {who: self._lines.get(who) or Line() for who in people}
        self._sending = sending
        self._plan()

    def show(self, who: ParticipantId, watching: Watching) -> None:
        """Somebody shows my pictures as large as this."""
        if who in self._lines and self._lines[who].watching != watching:
            self._lines[who].watching = watching
            self._plan()

    def look(self, looks: Mapping[ParticipantId, Outgoing]) -> None:
        """Take how the links were since the last look."""
        lines = {who: line for who, line in self._lines.items() if who in looks}
        if not lines:
            return
        for who, line in lines.items():
            shape = self._shapes[who]
            line.look(looks[who], self._meant(shape), shape.camera.rate)
        bad = [line for line in lines.values() if line.sign is Sign.BAD]
        # Several at once: it isn't theirs, it is my own way out.
        shared = len(lines) > 1 and 2 * len(bad) > len(lines)
        floor = len(self._lines) * (AUDIO + CAMERA[0].bitrate)
        mine = shared and self._budget > floor
        self._weigh(Sign.BAD if mine else Sign.GOOD, floor)
        for who, line in lines.items():
            if mine and line.sign is Sign.BAD:
                continue  # the budget falls for all of them
            line.step(_used(self._shapes[who]))
        self._strain(lines)
        self._plan()

    @property
    def shapes(self) -> Mapping[ParticipantId, Shape]:
        """What to send to whom."""
        return self._shapes

    @property
    def paused(self) -> bool:
        """Whether no picture of mine reaches anybody, because no way carries it."""
        wanted = [line for line in self._lines.values() if self._shown(line)]
        return bool(wanted) and not any(line.limit for line in wanted)

    # -- inside

    def _weigh(self, sign: Sign, floor: float) -> None:
        match self._pace.take(sign, rises=self._budget < BUDGET):
            case Step.DOWN:
                sent = sum(line.sent for line in self._lines.values())
                self._budget = max(floor, _LEFT * min(sent, self._budget))
            case Step.UP:
                self._budget = min(float(BUDGET), _REGAINED * self._budget)

    def _strain(self, lines: Mapping[ParticipantId, Line]) -> None:
        busy = any(line.busy for line in lines.values())
        used = max(map(_used, self._shapes.values()))
        sign = Sign.BAD if busy else Sign.GOOD
        match self._power_pace.take(sign, rises=self._power < len(CAMERA)):
            case Step.DOWN:
                self._power = max(1, min(self._power, used) - 1)
            case Step.UP:
                self._power += 1

    def _meant(self, shape: Shape) -> float:
        camera = self._sending.camera and shape.camera.active
        screen = self._sending.screen and shape.screen.active
        return (
            AUDIO
            + (shape.camera.bitrate if camera else 0)
            + (shape.screen.bitrate if screen else 0)
        )

    def _plan(self) -> None:
        if not self._lines:
            self._shapes = {}
            return
        part = self._budget / len(self._lines) - AUDIO
        screens = {who: self._screen(line, part) for who, line in self._lines.items()}
        cameras = self._cameras(screens)
        self._shapes = {
            who: Shape(
                camera=rung(cameras[who]),
                screen=screens[who],
                paused=self._shown(line) and not line.limit,
            )
            for who, line in self._lines.items()
        }

    def _shown(self, line: Line) -> bool:
        """Whether there is a picture of mine that the other end would show."""
        camera = self._sending.camera and line.watching.camera > 0
        return bool(camera or (self._sending.screen and line.watching.screen > 0))

    def _screen(self, line: Line, part: float) -> Encoding:
        if line.watching.screen <= 0 or not line.limit:
            return NOTHING  # even the slowest would be more than a camera's floor
        most = max(_SCREENS_SHARE * part, part - CAMERA[1].bitrate)
        fits = rungs_within(SCREEN, most)
        # The way that carries less of a camera carries less of a screen, too.
        carried = (line.limit + 2) // 2
        return SCREEN[max(1, min(fits, carried, len(SCREEN))) - 1]

    def _cameras(
        self, screens: Mapping[ParticipantId, Encoding]
    ) -> dict[ParticipantId, int]:
        """Return the rungs of each, the largest lowered until all fit together."""
        left = self._budget - AUDIO * len(self._lines)
        if self._sending.screen:
            left -= sum(each.bitrate for each in screens.values() if each.active)
        source = rungs_for(self._sending.camera) or len(CAMERA)
        rungs = {
            who: min(line.limit, self._power, source, rungs_for(line.watching.camera))
            for who, line in self._lines.items()
        }
        while sum(rung(each).bitrate for each in rungs.values() if each) > left:
            largest = max(rungs.values())
            if largest == 1:
                break  # who can't send even that learns it from the looks
            rungs = {
                who: each - 1 if each == largest else each
                for who, each in rungs.items()
            }
        return rungs


def _used(shape: Shape) -> int:
    camera = shape.camera
    return rungs_within(CAMERA, camera.bitrate) if camera.active else 0
