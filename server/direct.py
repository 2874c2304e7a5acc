"""The short way between a WebSocket's transport and the application.

ASGI carries each message in a dict, through a queue, to a task that has to be woken.
Once somebody is in a room, the application talks to the transport directly: it is
handed each text as it comes, and writes at once where nothing has to wait. The
ASGI extension ``tertulia.direct`` is where it finds the transport.
"""

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

EXTENSION: Final = "tertulia.direct"

#: Hears each message; ``None`` stands for a binary one.
Listener = Callable[[str | None], None]


class Direct(Protocol):
    """The short way between a socket and who talks at it."""

    #: Set while what is written goes to the network before much of it waits.
    writable: asyncio.Event

    def listen(self, listener: Listener) -> None:
        """Hand each message over from now on, in the turn in which it comes.

        Only the disconnect still comes through ASGI.
        """

    def write(self, text: str) -> None:
        """Write a message; it waits in memory if the socket isn't ``writable``.

        Raises ``OSError`` once the connection is gone or closing.
        """
