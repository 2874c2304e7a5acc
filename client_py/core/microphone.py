"""What the level of my microphone tells: that it gives nothing, that I talk muted.

A microphone that is well is never quite silent: nothing but zeros means its own
switch, a system that holds it back, or a headset that isn't there. Some filters give
zeros between words, too, so one that was heard is given longer and is no news.
"""

from enum import Enum, auto

from client_py.core.speaker import BEGIN, END, PAUSE
from client_py.core.state import SourceState

SILENCE = 5.0  # seconds without a sound of a microphone that never gave one
LULL = 30.0  # seconds of one that did
MOMENT = 1.0  # seconds that somebody talks before they are told that they are muted
REMIND = 60.0  # seconds until they are told again


class Heard(Enum):
    """What is new."""

    NOTHING = auto()
    SILENCE = auto()  # no sound has come since it was opened
    LULL = auto()  # no sound comes any more
    SOUND = auto()  # one that was silent is heard
    TALK = auto()  # somebody talks, and is muted


class MicrophoneWatch:
    """Listens to the level 0..1, measured a few times a second."""

    def __init__(self) -> None:
        self._state = SourceState.OFF
        self._sounded = False  # since it was opened
        self._zero_since: float | None = None
        self._talks_since: float | None = None
        self._loud = -PAUSE  # when it was last as loud as speech
        self._told: float | None = None

    def opened(self) -> None:
        """It is another one from now on."""
        self._sounded, self._zero_since = False, None

    def hear(self, state: SourceState, level: float | None, now: float) -> Heard:
        """Take a level, None where it isn't known; ``now`` is in seconds."""
        if state is not self._state:
            self._state = state
            self._zero_since = self._talks_since = None
            self._loud = now - 2 * PAUSE
        if level is None:
            return Heard.NOTHING
        self._sounded = self._sounded or level > 0
        match state:
            case SourceState.LIVE:
                return self._listen(level, now)
            case SourceState.SILENT if level > 0:
                return Heard.SOUND
            case SourceState.MUTED:
                return self._overhear(level, now)
        return Heard.NOTHING

    def _listen(self, level: float, now: float) -> Heard:
        if level > 0:
            self._zero_since = None
            return Heard.NOTHING
        if self._zero_since is None:
            self._zero_since = now
        if now - self._zero_since < (LULL if self._sounded else SILENCE):
            return Heard.NOTHING
        return Heard.LULL if self._sounded else Heard.SILENCE

    def _overhear(self, level: float, now: float) -> Heard:
        if level >= END and now - self._loud <= PAUSE:
            self._loud = now
        elif level >= BEGIN:
            self._talks_since = self._loud = now
        if self._talks_since is None or level < BEGIN:
            return Heard.NOTHING
        told_lately = self._told is not None and now - self._told < REMIND
        if told_lately or now - self._talks_since < MOMENT:
            return Heard.NOTHING
        self._told = now
        return Heard.TALK
