"""What a person chose, kept in this browser. boot.js reads the same entry."""

import json
from dataclasses import dataclass
from typing import Any

from client_py.browser.storage import LOCAL
from client_py.core.state import CaptureQuality, Snapshot, SourceState

_KEY = "tertulia.preferences"
# One that failed was wanted too: it may work the next time.
_WANTED = (SourceState.LIVE, SourceState.STARTING, SourceState.FAILED)


@dataclass(frozen=True, slots=True)
class Preferences:
    """Name, devices and what is turned on."""

    name: str = ""
    microphone_on: bool = True
    microphone: str = ""
    camera_on: bool = True
    camera: str = ""
    output: str = ""
    quality: CaptureQuality = CaptureQuality.SD


def load() -> Preferences:
    """Return what was kept; what can't be read counts as never chosen."""
    try:
        kept = json.loads(LOCAL.read(_KEY) or "{}")
        microphone, camera = kept.get("microphone", {}), kept.get("camera", {})
        return Preferences(
            name=str(kept.get("name", "")),
            microphone_on=bool(microphone.get("on", True)),
            microphone=str(microphone.get("device", "")),
            camera_on=bool(camera.get("on", True)),
            camera=str(camera.get("device", "")),
            output=str(kept.get("output", "")),
            quality=CaptureQuality(kept.get("quality", "sd")),
        )
    except (ValueError, AttributeError):
        return Preferences()


def written(snapshot: Snapshot, name: str) -> str:
    """Return what a snapshot shows as chosen, as it is kept."""
    kept: dict[str, Any] = {
        "name": name,
        "microphone": {
            "on": snapshot.microphone.state in _WANTED,
            "device": snapshot.microphone.device,
        },
        "camera": {
            "on": snapshot.camera.state in _WANTED,
            "device": snapshot.camera.device,
        },
        "output": snapshot.output,
        "quality": snapshot.quality.value,
    }
    return json.dumps(kept)


def keep(text: str) -> None:
    """Keep what was ``written``."""
    LOCAL.write(_KEY, text)
