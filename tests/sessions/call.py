"""What several tests expect of a call."""

from client_py.core.state import Connection, Phase, Snapshot


def all_connected(snapshot: Snapshot) -> bool:
    """Whether somebody is in, with a line to everyone else."""
    return snapshot.phase is Phase.JOINED and all(
        each.connection is Connection.CONNECTED for each in snapshot.participants
    )
