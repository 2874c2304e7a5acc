"""The lobby, and the device fields that it shares with the settings panel."""

from typing import Any

from client_py.browser.dom import Shown, by_id, set_data, set_text, template
from client_py.browser.media import BrowserMedia, can_pick_output
from client_py.browser.tile import hue
from client_py.browser.words import PASSCODE, initials
from client_py.core.slot import Slot
from client_py.core.state import (
    Device,
    MediaProblem,
    Problem,
    Snapshot,
    Source,
    SourceState,
)

_FIELDS = (
    ("microphone", "audioinput", "Default microphone"),
    ("camera", "videoinput", "Default camera"),
    ("speaker", "audiooutput", "Default speaker"),
)
_NOTICES = {
    MediaProblem.DENIED: "permission-denied",
    MediaProblem.SYSTEM_DENIED: "system-denied",
    MediaProblem.NOT_FOUND: "not-found",
    MediaProblem.IN_USE: "in-use",
}
#: What a device that gives nothing is said to be: mostly the reason for it.
_SILENT = {"microphone": "silent", "camera": "in-use"}


class Lobby:
    """My picture before the door, my name, my devices."""

    def __init__(self, media: BrowserMedia) -> None:
        self._media = media
        self._preview = by_id("preview")
        self._frame = by_id("preview-frame")
        self._name = by_id("display-name")
        self._passcode = by_id("passcode")
        self._meters = (by_id("mic-level"), by_id("call-mic-level"))
        self._shown = Shown()

    @property
    def name(self) -> str:
        """The name as typed."""
        return str(self._name.value)

    @property
    def passcode(self) -> str:
        """The passcode as typed."""
        return str(self._passcode.value)

    @property
    def encrypts(self) -> bool:
        """Whether a room that is made now is to be encrypted."""
        return bool(by_id("new-room-e2ee").checked)

    def render(self, snapshot: Snapshot) -> None:
        """Draw my picture, what is on, the devices and what is wrong with them."""
        self._show_preview(snapshot)
        if self._shown.changes("devices", snapshot.devices):
            self._fill_fields(snapshot.devices)
        self._choose(snapshot)
        self._show_notices(snapshot)
        self._ask_passcode(snapshot.problem)
        set_data(by_id("lobby-e2ee"), "e2ee", "on" if snapshot.secret else "off")

    def show_name(self) -> None:
        """Draw the initials of the name as it is typed."""
        set_text(by_id("preview-initials"), initials(self.name))
        set_data(self._frame, "hue", str(hue(self.name)))

    def show_level(self, level: float) -> None:
        """Draw how loud the microphone is, 0..1."""
        # Speech is around 0.05–0.2: a square root makes it visible.
        shown = f"{min(1.0, (level * 4) ** 0.5):.2f}"
        if not self._shown.changes("level", shown):
            return
        for meter in self._meters:
            meter.style.setProperty("--level", shown)
            meter.setAttribute("aria-valuenow", f"{level:.2f}")

    def _ask_passcode(self, problem: Problem) -> None:
        if not self._shown.changes("problem", problem):
            return
        set_text(by_id("passcode-problem"), PASSCODE.get(problem, ""))
        if problem in PASSCODE:
            self._passcode.focus()
            self._passcode.select()

    def _show_preview(self, snapshot: Snapshot) -> None:
        camera, microphone = snapshot.camera.state, snapshot.microphone.state
        silent = microphone is SourceState.SILENT
        sound = "silent" if silent else "on" if microphone.on else "muted"
        set_data(self._frame, "video", "on" if camera.sent else "off")
        set_data(self._frame, "audio", sound)
        starting = SourceState.STARTING in (camera, microphone)
        set_data(self._frame, "media", "starting" if starting else "ready")
        stream = self._media.own_stream(Slot.CAMERA)
        if stream is None:
            if camera is not SourceState.STARTING and self._preview.srcObject:
                self._preview.srcObject = None
        elif not self._preview.srcObject or self._preview.srcObject.id != stream.id:
            self._preview.srcObject = stream

    def _fill_fields(self, devices: tuple[Device, ...]) -> None:
        for field, kind, default in _FIELDS:
            found = [each for each in devices if each.kind == kind]
            for select in _selects(field):
                select.replaceChildren()
                _add_option(select, "", default)
                for number, device in enumerate(found, 1):
                    label = device.label or f"{field.capitalize()} {number}"
                    _add_option(select, device.id, label)
                if field == "speaker":
                    # Firefox lists those that were chosen in its own way before.
                    row = select.closest(".field")
                    pick = row.querySelector('[data-action="pick-speaker"]')
                    pick.hidden = not can_pick_output()
                    row.hidden = not found and pick.hidden

    def _choose(self, snapshot: Snapshot) -> None:
        chosen = (
            snapshot.microphone.device,
            snapshot.camera.device,
            snapshot.output,
            snapshot.quality.value,
        )
        # Other devices are new options, of which none is chosen yet.
        if not self._shown.changes("chosen", chosen, snapshot.devices):
            return
        fields = ("microphone", "camera", "speaker", "quality")
        for field, value in zip(fields, chosen, strict=True):
            for select in _selects(field):
                if select.value != value:
                    select.value = value
                    if select.selectedIndex < 0:  # it isn't there
                        select.value = ""

    def _show_notices(self, snapshot: Snapshot) -> None:
        wanted = _troubles(snapshot.microphone, snapshot.camera)
        if not self._shown.changes("notices", *wanted):
            return
        for name in ("media-notice", "call-media-notice"):
            container = by_id(name)
            container.replaceChildren()
            for device, kind in wanted:
                notice = template("notice")
                set_data(notice, "device", device)
                set_data(notice, "kind", kind)
                container.append(notice)


def _troubles(microphone: Source, camera: Source) -> list[tuple[str, str]]:
    """Return which devices are in trouble, and the ``data-kind`` of it."""
    sources = (("microphone", microphone), ("camera", camera))
    troubles = [
        (device, _kind(device, source))
        for device, source in sources
        if source.state in (SourceState.FAILED, SourceState.SILENT)
    ]
    if len(troubles) == 2 and troubles[0][1] == troubles[1][1]:
        return [("both", troubles[0][1])]
    return troubles


def _kind(device: str, source: Source) -> str:
    if source.state is SourceState.SILENT:
        return _SILENT[device]
    return _NOTICES.get(source.problem, "failed")


def _selects(field: str) -> tuple[Any, Any]:
    return by_id(f"{field}-select"), by_id(f"call-{field}-select")


def _add_option(select: Any, value: str, label: str) -> None:
    option = template("device-option")
    option.value = value
    option.textContent = label
    select.append(option)
