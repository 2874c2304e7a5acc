"""What a sender is asked for: ``RTCRtpSender.setParameters`` (W3C WebRTC §5.2)."""

from typing import Any

from pyodide.ffi import to_js

from client_py.core.encoding import Encoding
from client_py.core.slot import Slot

_SMALL = 4  # times smaller than the camera's, at first
#: A camera's motion is kept and its size given up; a screen has to stay readable.
_PREFERENCES = {
    Slot.CAMERA: "maintain-framerate",
    Slot.SCREEN: "maintain-resolution",
}


def first_encodings(slot: Slot) -> Any:
    """Return the encodings that a slot begins with."""
    first = [{"scaleResolutionDownBy": _SMALL}] if slot is Slot.CAMERA else []
    return to_js(first)


def shrink(sender: Any) -> Any:
    """Ask for the small pictures that a camera begins with."""
    parameters = sender.getParameters()
    parameters.encodings[0].scaleResolutionDownBy = _SMALL
    return sender.setParameters(parameters)


def reshape(sender: Any, track: Any, slot: Slot, encoding: Encoding) -> Any:
    """Ask for pictures of a track like this."""
    parameters = sender.getParameters()
    asked = parameters.encodings[0]
    asked.active = encoding.active
    asked.maxBitrate = encoding.bitrate
    asked.maxFramerate = encoding.rate
    asked.scaleResolutionDownBy = _factor(track, encoding.height)
    # Browsers that don't know this member of the dictionary ignore it.
    parameters.degradationPreference = _PREFERENCES[slot]
    return sender.setParameters(parameters)


def _factor(track: Any, height: int) -> float:
    """Return how many times smaller than the track's a picture of this height is."""
    settings = track.getSettings() if track and height else None
    width = getattr(settings, "width", 0) or 0
    # A telephone's camera stands upright: it is the shorter side that counts.
    shorter = min(getattr(settings, "height", 0) or 0, width)
    return max(1.0, shorter / height) if shorter else 1.0
