"""The sound by which a person tests their speaker."""

import asyncio
from collections.abc import Callable
from typing import Any

from js import AudioContext
from pyodide.ffi import JsException

from client_py.browser.dom import Listeners

_NOTES = (523.25, 659.25)  # Hz
_APART = 0.25  # seconds from one to the next
_LENGTH = 0.65
_LOUDNESS = 0.2


def chime(output: str, refused: Callable[[], None]) -> None:
    """Sound two soft notes through this device; ``refused`` where that can't be."""
    # Made at once: it counts as the person's gesture.
    asyncio.ensure_future(_sound(AudioContext.new(), output, refused))


async def _sound(context: Any, output: str, refused: Callable[[], None]) -> None:
    try:
        if output and hasattr(context, "setSinkId"):
            await context.setSinkId(output)
    except JsException:
        context.close()
        refused()
        return
    for number, pitch in enumerate(_NOTES):
        last = _play(context, pitch, context.currentTime + _APART * number)
    listeners = Listeners()

    def ended(event: Any) -> None:
        context.close()
        listeners.close()

    listeners.add(last, "ended", ended)


def _play(context: Any, pitch: float, begin: float) -> Any:
    note, loudness = context.createOscillator(), context.createGain()
    note.frequency.value = pitch
    loudness.gain.setValueAtTime(0.0001, begin)
    loudness.gain.exponentialRampToValueAtTime(_LOUDNESS, begin + 0.03)
    loudness.gain.exponentialRampToValueAtTime(0.0001, begin + 0.6)
    note.connect(loudness)
    loudness.connect(context.destination)
    note.start(begin)
    note.stop(begin + _LENGTH)
    return note
