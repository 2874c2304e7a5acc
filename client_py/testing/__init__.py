"""Calls under test: people in browser tabs and without, and proof of who sees whom.

``plugin`` has the fixtures; docs/TESTING.md tells how to use them. The names below
are imported when they are first asked for: pytest loads the plugin in sessions that
have nothing to do with calls.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from client_py.testing.headless import HeadlessParticipant
    from client_py.testing.participant import Participant, expect_mesh_complete
    from client_py.testing.server import Room, Server, ServerError
    from client_py.testing.someone import Someone

__all__ = [
    "HeadlessParticipant",
    "Participant",
    "Room",
    "Server",
    "ServerError",
    "Someone",
    "expect_mesh_complete",
]

_HOMES = {
    "HeadlessParticipant": "headless",
    "Participant": "participant",
    "Room": "server",
    "Server": "server",
    "ServerError": "server",
    "Someone": "someone",
    "expect_mesh_complete": "participant",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
