"""How a link that stood comes back: by itself, by an ICE restart, or as a new one.

Pure: ``take`` takes what happened and says what to do next. A link is *shaken* when
the browser misses it, or nothing comes through; most often it comes back within a
moment. Then ICE is restarted (RFC 8839 §4.4.1.1.1), which keeps keys and media; and
at once where the network is another one; what doesn't help in time is replaced as a
whole. A link that never stood is replaced at once.

Both take words, which go by the server. As long as those don't reach the other end, a
link is *held*: as it is it may come back by itself, and in pieces it can't.
"""

from collections.abc import Mapping
from enum import Enum

from client_py.core.backoff import doubled

MOMENT = 2.0  # seconds in which a link that shakes comes back by itself, mostly
COURTESY = 1.0  # seconds more for who doesn't begin: two restarts would collide
RESTART = 8.0  # seconds in which a restart has to help
FIRST = 15.0  # seconds in which a first exchange has to make a connection
LONGEST = 60.0  # seconds that a connection is given at the most


def patience(failures: int) -> float:
    """Return the seconds in which a new connection has to stand.

    Twice as many after each of ``failures`` in a row: what wasn't made in time for want
    of a processor would only want more of it if it were begun again as soon.
    """
    return doubled(FIRST, LONGEST, failures)


class Stage(Enum):
    """How far the recovery of a link has come."""

    NEW = "new"
    STEADY = "steady"
    SHAKEN = "shaken"
    RESTARTED = "restarted"
    HELD = "held"  # until words reach the other end again
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
    BACK = "back"  # words reach the other end again, and I begin
    AWAITED = "awaited"  # the same, and they begin


class Step(Enum):
    """What is to be done."""

    NOTHING = "nothing"
    WATCH = "watch"  # let ``MOMENT`` pass
    RESTART = "restart"  # restart ICE, and let ``RESTART`` pass
    REPLACE = "replace"
    RENEW = "renew"  # replace at once: what was in the way is gone


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
    (Stage.NEW, Happening.MOVED): (Stage.GIVEN_UP, Step.RENEW),
    (Stage.HELD, Happening.CONNECTED): (Stage.STEADY, Step.NOTHING),
    (Stage.HELD, Happening.HEARD): (Stage.STEADY, Step.NOTHING),
    (Stage.HELD, Happening.WOKEN): (Stage.RESTARTED, Step.RESTART),
    (Stage.HELD, Happening.MOVED): (Stage.RESTARTED, Step.RESTART),
    (Stage.HELD, Happening.BACK): (Stage.RESTARTED, Step.RESTART),
    (Stage.HELD, Happening.AWAITED): (Stage.SHAKEN, Step.WATCH),
    **{
        (Stage.GIVEN_UP, happening): (Stage.GIVEN_UP, Step.RENEW)
        for happening in (
            Happening.WOKEN,
            Happening.MOVED,
            Happening.BACK,
            Happening.AWAITED,
        )
    },
    **{
        (stage, Happening.UNTRUSTED): (Stage.GIVEN_UP, Step.REPLACE)
        for stage in Stage
        if stage is not Stage.GIVEN_UP
    },
}

#: What can wait until words reach the other end.
_PATIENT = (Happening.FAILED, Happening.OVERDUE)


class Recovery:
    """The recovery of one generation of a link."""

    def __init__(self) -> None:
        self.stage = Stage.NEW
        self.serial = 0  # of the stage: a timer knows the one that it is for

    def take(self, happening: Happening, *, reached: bool = True) -> Step:
        """Take what happened; return what to do.

        ``reached`` tells whether words reach the other end.
        """
        after, step = _TABLE.get((self.stage, happening), (self.stage, Step.NOTHING))
        if step is not Step.NOTHING and happening in _PATIENT and not reached:
            after, step = Stage.HELD, Step.NOTHING
        if after is not self.stage or step is Step.RESTART:
            self.stage = after
            self.serial += 1  # also of another try of the same: it has its own time
        return step

    def give_up(self) -> bool:
        """The other end wants a new link; return whether that is news."""
        news = self.stage is not Stage.GIVEN_UP
        self.stage = Stage.GIVEN_UP
        self.serial += 1
        return news
