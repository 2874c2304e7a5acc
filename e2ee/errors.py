"""What can be wrong with a protected frame.

FrameError      these bytes are no frame of ours: drop them
"""


class FrameError(ValueError):
    """These bytes are no frame of ours: drop them, and say nothing of them."""
