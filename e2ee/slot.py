"""What a key id belongs to, and which bytes of its frames stay in the clear."""

from enum import IntEnum

from e2ee.errors import FrameError

_VP8_KEY = 10  # frame tag, start code and size (RFC 6386 §9.1)
_VP8_DELTA = 1  # the first byte, which says that it is a delta
_VP8_NOT_KEY = 0x01  # the bit P of that byte


class Slot(IntEnum):
    """One stream of a link, by its number in the key id."""

    MICROPHONE = 0
    CAMERA = 1
    SCREEN = 2
    SCREEN_AUDIO = 3

    def clear(self, frame: bytes) -> int:
        """Return how many bytes at the start of a frame stay readable.

        Browsers tell key frames of VP8 from deltas by them; without, no video is
        ever decoded. What they say is authenticated with the rest. Raises
        ``FrameError`` for a frame of video that is shorter than that.
        """
        if self not in _VIDEO:
            return 0
        if not frame:
            raise FrameError("an empty frame")
        length = _VP8_DELTA if frame[0] & _VP8_NOT_KEY else _VP8_KEY
        if len(frame) < length:
            raise FrameError("a frame that is cut short")
        return length


_VIDEO = (Slot.CAMERA, Slot.SCREEN)
