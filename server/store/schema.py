"""The tables of the embedded store: how files come to have them, and lose rows."""

import sqlite3
from pathlib import Path

from server.store import Pruned

# Each entry brings the schema from its index to the next version.
_MIGRATIONS = (
    """
    CREATE TABLE room (
        id TEXT PRIMARY KEY,
        name TEXT NOT NULL,
        creator TEXT NOT NULL,
        created_at REAL NOT NULL,
        ended_at REAL
    ) STRICT, WITHOUT ROWID;
    CREATE TABLE participation (
        number INTEGER PRIMARY KEY,
        id TEXT NOT NULL UNIQUE,
        room TEXT NOT NULL,
        subject TEXT NOT NULL,
        agent TEXT NOT NULL,
        joined_at REAL NOT NULL,
        left_at REAL,
        reason TEXT NOT NULL
    ) STRICT;
    CREATE INDEX participation_room ON participation (room, number);
    CREATE INDEX participation_open ON participation (id) WHERE left_at IS NULL;
    """,
    """
    ALTER TABLE room ADD COLUMN persistent INTEGER NOT NULL DEFAULT 1;
    ALTER TABLE room ADD COLUMN passcode TEXT NOT NULL DEFAULT '';
    ALTER TABLE room ADD COLUMN locked INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE room ADD COLUMN waiting_room INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE room ADD COLUMN banned TEXT NOT NULL DEFAULT '[]';
    ALTER TABLE room ADD COLUMN capacity INTEGER NOT NULL DEFAULT 8;
    """,
    """
    ALTER TABLE room ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE participation ADD COLUMN connection TEXT NOT NULL DEFAULT '';
    CREATE TABLE link (
        participation TEXT NOT NULL,
        peer TEXT NOT NULL,
        room TEXT NOT NULL,
        ended_at REAL NOT NULL,
        samples INTEGER NOT NULL,
        round_trip_mean REAL NOT NULL,
        round_trip_most REAL NOT NULL,
        loss_mean REAL NOT NULL,
        loss_most REAL NOT NULL,
        up_mean REAL NOT NULL,
        up_most REAL NOT NULL,
        down_mean REAL NOT NULL,
        down_most REAL NOT NULL,
        frame_rate_mean REAL NOT NULL,
        frame_rate_most REAL NOT NULL,
        freezes INTEGER NOT NULL,
        width INTEGER NOT NULL,
        height INTEGER NOT NULL,
        connection TEXT NOT NULL,
        transport TEXT NOT NULL,
        PRIMARY KEY (participation, peer)
    ) STRICT, WITHOUT ROWID;
    CREATE INDEX link_room ON link (room);
    CREATE INDEX participation_over ON participation (left_at)
        WHERE left_at IS NOT NULL;
    CREATE INDEX room_over ON room (ended_at) WHERE ended_at IS NOT NULL;
    CREATE INDEX room_unused ON room (created_at) WHERE ended_at IS NULL AND NOT used;
    """,
    # Links of rooms from before carry no secret.
    "ALTER TABLE room ADD COLUMN e2ee INTEGER NOT NULL DEFAULT 0;",
    """
    ALTER TABLE room ADD COLUMN version INTEGER NOT NULL DEFAULT 0;
    ALTER TABLE room ADD COLUMN hosts TEXT NOT NULL DEFAULT '[]';
    """,
    "ALTER TABLE participation ADD COLUMN host INTEGER NOT NULL DEFAULT 0;",
)


def connect(path: str) -> sqlite3.Connection:
    """Open a file and bring it to the newest version; raises ``sqlite3.Error``."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    connection = sqlite3.connect(path, check_same_thread=False)
    try:
        connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode this can lose the last commits on a power cut, never the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        _migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS schema (version INTEGER NOT NULL)")
    row = connection.execute("SELECT version FROM schema").fetchone()
    version = row[0] if row else 0
    if version > len(_MIGRATIONS):
        raise sqlite3.DatabaseError("the file is of a newer Tertulia")
    for number, script in enumerate(_MIGRATIONS[version:], version + 1):
        connection.executescript(
            f"BEGIN; {script} DELETE FROM schema;"
            f" INSERT INTO schema VALUES ({number}); COMMIT;"
        )


def prune(connection: sqlite3.Connection, before: float, batch: int) -> Pruned:
    """Delete what ``Store.prune`` promises, in one transaction."""
    execute = connection.execute
    values = {"before": before, "batch": batch}
    with connection:
        execute("DROP TABLE IF EXISTS temp.old")
        execute(
            "CREATE TEMP TABLE old AS SELECT id, room FROM participation"
            " WHERE left_at < :before ORDER BY left_at LIMIT :batch",
            values,
        )
        execute("UPDATE room SET used = 1 WHERE id IN (SELECT room FROM old)")
        links = execute(
            "DELETE FROM link WHERE participation IN (SELECT id FROM old)"
        ).rowcount
        stays = execute(
            "DELETE FROM participation WHERE id IN (SELECT id FROM old)"
        ).rowcount
        ended = execute(
            "DELETE FROM room WHERE id IN (SELECT id FROM room"
            " WHERE ended_at < :before ORDER BY ended_at LIMIT :batch)",
            values,
        ).rowcount
        # Those that are in use are looked at once, and never again.
        execute("DROP TABLE IF EXISTS temp.unused")
        execute(
            "CREATE TEMP TABLE unused AS SELECT id FROM room"
            " WHERE ended_at IS NULL AND NOT used AND created_at < :before"
            " ORDER BY created_at LIMIT :batch",
            values,
        )
        looked_at = execute("SELECT count(*) FROM unused").fetchone()[0]
        execute(
            "UPDATE room SET used = 1 WHERE id IN (SELECT id FROM unused) AND EXISTS"
            " (SELECT 1 FROM participation WHERE participation.room = room.id)"
        )
        unused = execute(
            "DELETE FROM room WHERE id IN (SELECT id FROM unused) AND NOT used"
        ).rowcount
    more = batch in (stays, ended, looked_at)
    return Pruned(stays, links, ended + unused, more)
