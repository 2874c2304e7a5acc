"""What everybody in a call under test can do, whatever they run on."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

from client_py.testing.sight import PATIENCE


class Someone(Protocol):
    """A person in a call: verbs, and expectations that raise ``AssertionError``.

    A verb returns when it is done on this person's side; what others notice of it
    is theirs to expect. ``other`` is a ``Someone`` of the same room.
    """

    name: str

    @property
    def id(self) -> str:
        """The participant id, the last one outside a call."""

    @property
    def snapshot(self) -> dict[str, Any]:
        """Everything that the client knows, as plain data."""

    # -- verbs

    def join(self) -> None: ...
    def leave(self) -> None: ...
    def mute(self) -> None: ...
    def unmute(self) -> None: ...
    def camera_off(self) -> None: ...
    def camera_on(self) -> None: ...
    def share(self) -> None: ...
    def stop_sharing(self) -> None: ...
    def say(self, text: str) -> None: ...
    def change_network(self) -> None:
        """Be on another network: all lines look for other ways."""

    def close(self) -> None: ...

    # -- expectations

    def expect_phase(self, phase: str, within: float = PATIENCE) -> None:
        """lobby, joining, joined, reconnecting, left or failed."""

    def expect_alone(self, within: float = PATIENCE) -> None:
        """Nobody else is in the call."""

    def expect_gone(self, other: "Someone", within: float = PATIENCE) -> None:
        """The other is not in the call, as far as this person can tell."""

    def expect_connected(self, other: "Someone", within: float = PATIENCE) -> None:
        """The link to the other stands."""

    def expect_sees(
        self, other: "Someone", frames: int = 30, within: float = PATIENCE
    ) -> None:
        """So many different pictures of the other's camera come, one after another."""

    def expect_sees_screen(
        self, other: "Someone", frames: int = 10, within: float = PATIENCE
    ) -> None:
        """The same of the screen that the other shares."""

    def expect_sees_nothing_of(
        self, other: "Someone", within: float = PATIENCE
    ) -> None:
        """The other's camera is off, and no picture of it comes any more."""

    def expect_hears(self, other: "Someone", within: float = PATIENCE) -> None:
        """The tone of the other's name is heard in the other's voice."""

    def perceive(
        self, other: "Someone", frames: int = 30, within: float = PATIENCE
    ) -> Callable[[], None]:
        """Begin to look and to listen; return what expects both.

        Many can look at each other in the time that it takes one.
        """

    def expect_hears_nothing_of(
        self, other: "Someone", within: float = PATIENCE
    ) -> None:
        """The other is muted, and silent."""

    def expect_reads(self, text: str, by: "Someone", within: float = PATIENCE) -> None:
        """This line of the chat is there."""

    # -- after a failure

    def keep(self, directory: Path) -> list[Path]:
        """Write down all that may explain a failure; return the files."""
