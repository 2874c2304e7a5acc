"""The four fixed slots of every connection, in the order of its m-lines."""

from enum import IntEnum
from typing import Literal


class Slot(IntEnum):
    """What a transceiver carries. Its value is the index of its m-line."""

    MICROPHONE = 0
    CAMERA = 1
    SCREEN = 2
    SCREEN_AUDIO = 3

    @property
    def kind(self) -> Literal["audio", "video"]:
        """The W3C track kind."""
        return "video" if self in (Slot.CAMERA, Slot.SCREEN) else "audio"

    @property
    def word(self) -> str:
        """The name in lower case: ``screen_audio``."""
        return self.name.lower()
