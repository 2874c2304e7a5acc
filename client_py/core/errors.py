"""What can go wrong on a platform, in words that the session understands.

TertuliaError
├── SignalingError      the server can't be reached, or refused
├── MediaError          a device or a share could not be had
├── NegotiationError    a peer connection refused what was asked of it
└── SealError           a link whose other end can't be trusted
"""

from client_py.core.state import MediaProblem, Problem


class TertuliaError(Exception):
    """Any failure that the client foresees."""


class SignalingError(TertuliaError):
    """The server can't be reached, or refused; ``problem`` says which."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.value)
        self.problem = problem


class MediaError(TertuliaError):
    """A device or a share could not be had; ``problem`` says why."""

    def __init__(self, problem: MediaProblem) -> None:
        super().__init__(problem.value)
        self.problem = problem


class SealError(TertuliaError):
    """The other end of a link isn't who it should be; ``failure`` says why."""

    def __init__(self, failure: str) -> None:
        super().__init__(failure)
        self.failure = failure


class KeeperError(TertuliaError):
    """What should last until the next visit could not be kept, or read."""


class NegotiationError(TertuliaError):
    """A peer connection refused a description, a candidate or a track."""
