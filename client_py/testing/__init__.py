"""Calls under test: people in browser tabs and without, and proof of who sees whom.

``plugin`` has the fixtures; docs/TESTING.md tells how to use them.
"""

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
