"""What somebody sends, as they announce it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class MediaState:
    """What a participant sends, as announced: the truth that tiles show."""

    microphone: bool = False
    camera: bool = False
    screen: bool = False
    screen_audio: bool = False
