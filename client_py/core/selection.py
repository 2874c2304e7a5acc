"""Which device of one kind is used: the one that was chosen, or the next best.

The next best is whichever is the default one, then any other. What was chosen stays
chosen meanwhile: once it is there again, be it under another id, it is the better
one.
"""

from collections.abc import Iterator
from typing import NamedTuple

from client_py.core.state import Choice, Device


class Change(NamedTuple):
    """What another list of devices means."""

    better: str | None  # the device to change to, None for none
    came: bool  # something is there that wasn't before
    lost: bool  # the device in use isn't there


class Selection:
    """What is chosen, and used, of one ``MediaDeviceInfo.kind``.

    ``device`` is what was asked for last; it is in use once it is ``taken``.
    """

    def __init__(self, kind: str) -> None:
        self.preferred = Choice()
        self.device = ""
        self._kind = kind
        self._known = False  # whether the platform lists anything, of whatever kind
        self._listed: tuple[Device, ...] = ()
        self._tried: set[str] = set()
        self._used = ""

    @property
    def label(self) -> str:
        """What the device that was asked for last is called, ``""`` for unknown."""
        return next((each.label for each in self._listed if each.id == self.device), "")

    def prefer(self, device: str, label: str = "") -> None:
        """Take this one from now on, ``""`` for whichever is the default."""
        found = next((each for each in self._listed if each.id == device), None)
        self.preferred = Choice(device, found.label if found else label)

    def begin(self) -> str:
        """Return what to ask for first."""
        self._tried.clear()
        return self.change(next(self._candidates()))

    def taken(self) -> None:
        """What was asked for is in use now."""
        self._used = self.device

    def change(self, device: str) -> str:
        """Ask for this one; what is in use goes on until it is there."""
        self.device = device
        return device

    def keep(self) -> None:
        """What was asked for can't be had: the one in use stays."""
        self._tried.add(self.device)
        self.device = self._used

    def leave(self) -> str:
        """Return what to ask for, as the device in use ended."""
        # The default one may be another one by now.
        self._tried = {self.device} - {""}
        return self.change(next(self._untried()))

    def fall_back(self) -> str | None:
        """Return what to ask for, as the last can't be had; None: nothing is left."""
        self._tried.add(self.device)
        device = next(self._untried(), None)
        return None if device is None else self.change(device)

    def better(self) -> str | None:
        """Return the chosen device where it is there, and something else is used."""
        found = self._find()
        if found is None or found.id == self.device or found.id in self._tried:
            return None
        return found.id

    def look(self, devices: tuple[Device, ...]) -> Change:
        """Take which devices there are, the default one of each kind first."""
        before, known, self._known = self._listed, self._known, bool(devices)
        self._listed = tuple(each for each in devices if each.kind == self._kind)
        was, now = ({each.id for each in some} for some in (before, self._listed))
        self._tried &= was & now  # what is plugged in again may work
        if found := self._find():
            self.preferred = Choice(found.id, found.label)
        lost = self.device not in now and (self.device in was or bool(now))
        return Change(
            better=self.better() if self.preferred.id else self._moved(before),
            came=known and bool(now - was),
            lost=bool(self.device) and lost,
        )

    def _moved(self, before: tuple[Device, ...]) -> str | None:
        """Return the default device where that is another one than before."""
        # One that was unplugged ends, and is replaced for that.
        stays = before and before[0].id in {each.id for each in self._listed}
        return "" if stays and before[0].id != self._listed[0].id else None

    def _find(self) -> Device | None:
        """Return the chosen device: by its id, or by its label under another id."""
        id, label = self.preferred.id, self.preferred.label
        if not id:
            return None
        same = [each for each in self._listed if each.id == id]
        alike = [each for each in self._listed if label and each.label == label]
        return next(iter(same + alike), None)

    def _candidates(self) -> Iterator[str]:
        if found := self._find():
            yield found.id
        elif not self._listed:
            yield self.preferred.id  # nobody knows yet what there is
        yield ""
        yield from (each.id for each in self._listed[1:])

    def _untried(self) -> Iterator[str]:
        return (each for each in self._candidates() if each not in self._tried)
