"""How a link that stood comes back: by itself, by an ICE restart, or as a new one.

Pure: ``take`` takes what happened and says what to do next. A link is *shaken* when
the browser misses it, or nothing comes through; most often it comes back within a
moment. Then ICE is restarted (RFC 8839 §4.4.1.1.1), which keeps keys and media; and
at once where the network is another one; what doesn't help in time is replaced as a
whole. A link that never stood is replaced at
once.
"""

from collections.abc import Mapping
from enum import Enum

MOMENT = 2.0  # seconds in which a link that shakes comes back by itself, mostly
COURTESY = 1.0  # seconds more for who doesn't begin: two restarts would collide
RESTART = 8.0  # seconds in which a restart has to help


class Stage(Enum):
    """How far the recovery of a link has come."""

    NEW = "new"
    STEADY = "steady"
    SHAKEN = "shaken"
    RESTARTED = "restarted"
    GIVEN_UP = "given up"


class Happening(Enum):
    """What is noticed of a link."""

    CONNECTED = "connected"
    DISCONNECTED = "disconnected"
    FAILED = "failed"
    SILENT = "silent"  # nothing comes; the browser hasn't noticed yet
    HEARD = "heard"  # something comes again
    UNTRUSTED = "untrusted"  # what came over it wasn't sealed as it has to be
    OVERDUE = "overdue"  # the stage lasts longer than it may
    WOKEN = "woken"  # the machine is back
    MOVED = "moved"  # the network is back, perhaps another one


class Step(Enum):
    """What is to be done."""

    NOTHING = "nothing"
    WATCH = "watch"  # let ``MOMENT`` pass
    RESTART = "restart"  # restart ICE, and let ``RESTART`` pass
    REPLACE = "replace"


_TABLE: Mapping[tuple[Stage, Happening], tuple[Stage, Step]] = {
    (Stage.NEW, Happening.CONNECTED): (Stage.STEADY, Step.NOTHING),
    (Stage.NEW, Happening.FAILED): (Stage.GIVEN_UP, Step.REPLACE),
    (Stage.STEADY, Happening.DISCONNECTED): (Stage.SHAKEN, Step.WATCH),
    (Stage.STEADY, Happening.SILENT): (Stage.SHAKEN, Step.WATCH),
    (Stage.STEADY, Happening.FAILED): (Stage.RESTARTED, Step.RESTART),
    (Stage.SHAKEN, Happening.CONNECTED): (Stage.STEADY, Step.NOTHING),
    (Stage.SHAKEN, Happening.HEARD): (Stage.STEADY, Step.NOTHING),
    (Stage.SHAKEN, Happening.FAILED): (Stage.RESTARTED, Step.RESTART),
    (Stage.SHAKEN, Happening.OVERDUE): (Stage.RESTARTED, Step.RESTART),
    (Stage.SHAKEN, Happening.WOKEN): (Stage.RESTARTED, Step.RESTART),
    (Stage.STEADY, Happening.MOVED): (Stage.RESTARTED, Step.RESTART),
    (Stage.SHAKEN, Happening.MOVED): (Stage.RESTARTED, Step.RESTART),
    (Stage.RESTARTED, Happening.MOVED): (Stage.RESTARTED, Step.RESTART),
    (Stage.RESTARTED, Happening.CONNECTED): (Stage.STEADY, Step.NOTHING),
    (Stage.RESTARTED, Happening.HEARD): (Stage.STEADY, Step.NOTHING),
    (Stage.RESTARTED, Happening.FAILED): (Stage.GIVEN_UP, Step.REPLACE),
    (Stage.RESTARTED, Happening.OVERDUE): (Stage.GIVEN_UP, Step.REPLACE),
    **{
        (stage, Happening.UNTRUSTED): (Stage.GIVEN_UP, Step.REPLACE)
        for stage in Stage
        if stage is not Stage.GIVEN_UP
    },
}


class Recovery:
    """The recovery of one generation of a link."""

    def __init__(self) -> None:
        self.stage = Stage.NEW
        self.serial = 0  # of the stage: a timer knows the one that it is for

    def take(self, happening: Happening) -> Step:
        """Take what happened; return what to do."""
        after, step = _TABLE.get((self.stage, happening), (self.stage, Step.NOTHING))
        if after is not self.stage:
            self.stage = after
            self.serial += 1
        return step

    def give_up(self) -> bool:
        """The other end wants a new link; return whether that is news."""
        news = self.stage is not Stage.GIVEN_UP
        self.stage = Stage.GIVEN_UP
        self.serial += 1
        return news
