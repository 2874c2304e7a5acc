"""Where tracks come from: real devices, or a drawn picture and a tone.

A ``Capture`` opens one request and gives JavaScript tracks by slot. The asking
happens before ``open`` returns, so that a share counts as the person's gesture.
"""

from collections.abc import Coroutine, Mapping
from typing import Any, Protocol

from js import navigator
from pyodide.ffi import JsException, to_js

from client_py.core.errors import MediaError
from client_py.core.ports import CaptureRequest
from client_py.core.slot import Slot
from client_py.core.state import Device, MediaProblem

_SYSTEM = "by system"  # in Chromium's words, where the browser itself may
_PROBLEMS = {
    "NotAllowedError": MediaProblem.DENIED,
    "SecurityError": MediaProblem.DENIED,
    "NotFoundError": MediaProblem.NOT_FOUND,
    "OverconstrainedError": MediaProblem.NOT_FOUND,
    "NotReadableError": MediaProblem.IN_USE,
    "AbortError": MediaProblem.IN_USE,
    "NotSupportedError": MediaProblem.UNSUPPORTED,
}
_FRAMES_PER_SECOND = 30


class Capture(Protocol):
    """Opens sources and lists devices."""

    def open(self, request: CaptureRequest) -> Coroutine[Any, Any, Mapping[Slot, Any]]:
        """Ask for a source at once; its tracks when awaited, or ``MediaError``."""

    async def devices(self) -> tuple[Device, ...]:
        """Return the devices that there are, the default one of each kind first."""


class DeviceCapture:
    """Microphones, cameras and screens of this computer.

    ``boot`` is what boot.js opened before Python was there: each of its tracks is
    used for the first request of its slot, so that nobody is asked twice.
    """

    def __init__(self, boot: Any) -> None:
        self._early = {Slot.MICROPHONE: boot, Slot.CAMERA: boot} if boot else {}

    def open(self, request: CaptureRequest) -> Coroutine[Any, Any, Mapping[Slot, Any]]:
        """Ask the browser for a device or a share."""
        boot = self._early.pop(request.slot, None)
        if boot is not None:
            return self._opened_early(boot, request)
        if request.slot is Slot.SCREEN:
            return _shared(_ask_for_screen())
        return _opened(request, _ask_for_device(request))

    async def devices(self) -> tuple[Device, ...]:
        """Return the devices that the browser tells of, the default ones once."""
        if not navigator.mediaDevices:
            return ()
        listed = [*await navigator.mediaDevices.enumerateDevices()]
        # Chromium lists the default ones twice, under an id that says no more.
        defaults = {
            (str(each.kind), str(each.groupId))
            for each in listed
            if each.deviceId == "default"
        }
        found = [
            each
            for each in listed
            if each.deviceId and each.deviceId not in ("default", "communications")
        ]
        found.sort(key=lambda each: (str(each.kind), str(each.groupId)) not in defaults)
        return tuple(
            Device(str(each.deviceId), str(each.kind), str(each.label))
            for each in found
        )

    async def _opened_early(
        self, boot: Any, request: CaptureRequest
    ) -> Mapping[Slot, Any]:
        media = await boot.media
        track = getattr(media, request.slot.word)
        if track and track.readyState == "live":
            if request.device in ("", str(track.getSettings().deviceId or "")):
                return {request.slot: track}
            # It is the next best, for whoever asks for that.
            self._early[request.slot] = boot
            opened = await _opened(request, _ask_for_device(request))
            del self._early[request.slot]
            track.stop()
            return opened
        if error := getattr(media.errors, request.slot.word):
            raise MediaError(_problem(error))
        return await _opened(request, _ask_for_device(request))


def _ask_for_device(request: CaptureRequest) -> Any:
    if not navigator.mediaDevices:
        return None
    device = {"deviceId": {"exact": request.device}} if request.device else {}
    if request.slot is Slot.MICROPHONE:
        voice = {
            "echoCancellation": True,
            "noiseSuppression": True,
            "autoGainControl": True,
        }
        return navigator.mediaDevices.getUserMedia(audio=to_js({**voice, **device}))
    width, height = request.quality.size
    picture = {
        "width": {"ideal": width},
        "height": {"ideal": height},
        "frameRate": {"ideal": _FRAMES_PER_SECOND},
    }
    return navigator.mediaDevices.getUserMedia(video=to_js({**picture, **device}))


def _ask_for_screen() -> Any:
    devices = navigator.mediaDevices
    if not devices or not getattr(devices, "getDisplayMedia", None):
        return None
    # The own tab is left out and its sound too: showing a call in itself is the
    # classic endless mirror, and its sound comes back to everyone as an echo.
    return devices.getDisplayMedia(
        video=to_js({"frameRate": {"ideal": 15, "max": _FRAMES_PER_SECOND}}),
        audio=to_js({"suppressLocalAudioPlayback": False}),
        systemAudio="include",
        surfaceSwitching="include",
        selfBrowserSurface="exclude",
    )


async def _opened(request: CaptureRequest, asked: Any) -> Mapping[Slot, Any]:
    stream = await _granted(asked)
    return {request.slot: stream.getTracks()[0]}


async def _shared(asked: Any) -> Mapping[Slot, Any]:
    try:
        stream = await _granted(asked)
    except MediaError as error:
        if error.problem is MediaProblem.DENIED:  # the picker was closed
            raise MediaError(MediaProblem.CANCELLED) from None
        raise
    picture = stream.getVideoTracks()[0]
    picture.contentHint = "detail"
    tracks = {Slot.SCREEN: picture}
    if stream.getAudioTracks().length:
        tracks[Slot.SCREEN_AUDIO] = stream.getAudioTracks()[0]
    return tracks


async def _granted(asked: Any) -> Any:
    if asked is None:
        raise MediaError(MediaProblem.UNSUPPORTED)
    try:
        return await asked
    except JsException as error:
        raise MediaError(_problem(error)) from None


def _problem(error: Any) -> MediaProblem:
    problem = _PROBLEMS.get(str(error.name), MediaProblem.FAILED)
    if problem is MediaProblem.DENIED and _SYSTEM in str(error.message):
        return MediaProblem.SYSTEM_DENIED
    return problem
