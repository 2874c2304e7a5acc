"""What a person chose, kept in this browser. boot.js reads the same entry."""

import json
from dataclasses import dataclass
from typing import Any

from client_py.browser.storage import LOCAL
from client_py.core.state import CaptureQuality, Choice, Snapshot, Source, SourceState

_KEY = "tertulia.preferences"


@dataclass(frozen=True, slots=True)
class Preferences:
    """Name, devices and what is turned on."""

    name: str = ""
    microphone_on: bool = True
    microphone: Choice = Choice()
    camera_on: bool = True
    camera: Choice = Choice()
    output: Choice = Choice()
    quality: CaptureQuality = CaptureQuality.SD


def load() -> Preferences:
    """Return what was kept; what can't be read counts as never chosen."""
    try:
        kept = json.loads(LOCAL.read(_KEY) or "{}")
        microphone, camera = kept.get("microphone", {}), kept.get("camera", {})
        return Preferences(
            name=str(kept.get("name", "")),
            microphone_on=bool(microphone.get("on", True)),
            microphone=_choice(microphone),
            camera_on=bool(camera.get("on", True)),
            camera=_choice(camera),
            output=Choice(
                str(kept.get("output", "")), str(kept.get("output_label", ""))
            ),
            quality=CaptureQuality(kept.get("quality", "sd")),
        )
    except (ValueError, AttributeError):
        return Preferences()


def written(snapshot: Snapshot, name: str) -> str:
    """Return what a snapshot shows as chosen, as it is kept."""
    kept: dict[str, Any] = {
        "name": name,
        "microphone": _source(snapshot.microphone),
        "camera": _source(snapshot.camera),
        "output": snapshot.preferred_output.id,
        "output_label": snapshot.preferred_output.label,
        "quality": snapshot.quality.value,
    }
    return json.dumps(kept)


def keep(text: str) -> None:
    """Keep what was ``written``."""
    LOCAL.write(_KEY, text)


def _choice(kept: dict[str, Any]) -> Choice:
    return Choice(str(kept.get("device", "")), str(kept.get("label", "")))


def _source(source: Source) -> dict[str, Any]:
    # One that failed was wanted too: it may work the next time.
    wanted = source.state.on or source.state is SourceState.FAILED
    preferred = source.preferred
    return {"on": wanted, "device": preferred.id, "label": preferred.label}
