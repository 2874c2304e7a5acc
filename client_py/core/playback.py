"""The sound that I hear: through which output device, and whether it may sound."""

from collections.abc import Callable

from client_py.core import event as e
from client_py.core.effect import Effect, PickOutput, PlayThrough, ResumePlayback
from client_py.core.selection import Selection
from client_py.core.state import Choice, Device, MediaProblem, NoticeKind

SPEAKER = "speaker"


class Playback:
    """The output device in use. ``tell`` gets what the person has to know.

    A default that changes is followed by the platform itself.
    """

    def __init__(self, tell: Callable[[NoticeKind, str, str], None]) -> None:
        self.blocked = False
        self._tell = tell
        self._selection = Selection("audiooutput")

    @property
    def output(self) -> str:
        """The device in use, ``""`` for the default one."""
        return self._selection.device

    @property
    def preferred(self) -> Choice:
        """The device that was chosen."""
        return self._selection.preferred

    def handle(self, event: e.PlaybackEvent) -> list[Effect]:
        """Take a gesture or what the platform tells; return what is to be done."""
        match event:
            case e.ChooseOutput(device, label):
                self._selection.prefer(device, label)
                return [PlayThrough(self._selection.begin())]
            case e.PickOutput():
                return [PickOutput()]
            case e.OutputFailed(device) if device and device == self.output:
                return self._replace(MediaProblem.FAILED)
            case e.AllowPlayback():
                return [ResumePlayback()]
            case e.PlaybackBlocked(blocked):
                self.blocked = blocked
        return []

    def look(self, devices: tuple[Device, ...]) -> list[Effect]:
        """Take which devices there are now."""
        change = self._selection.look(devices)
        if change.better:
            effect = PlayThrough(self._selection.change(change.better))
            self._tell(NoticeKind.DEVICE_BACK, SPEAKER, self._selection.label)
            return [effect]
        return self._replace(MediaProblem.NOT_FOUND) if change.lost else []

    def _replace(self, problem: MediaProblem) -> list[Effect]:
        self._selection.keep()
        self._tell(NoticeKind.DEVICE_REPLACED, SPEAKER, problem)
        return [PlayThrough(self._selection.change(""))]
