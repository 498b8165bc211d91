"""The tables, as steps that are taken once each and in order.

To change them, add a step at the end; never edit one that has been released.
"""

from __future__ import annotations

import sqlite3
from datetime import datetime, timezone

STEPS = [
    (
        "entries",
        """
        CREATE TABLE entries (
            id      INTEGER PRIMARY KEY AUTOINCREMENT,
            name    TEXT NOT NULL CHECK (length(name) BETWEEN 1 AND 60),
            message TEXT NOT NULL CHECK (length(message) BETWEEN 1 AND 1000),
            signed  TEXT NOT NULL
        );
        """,
    ),
    (
        # A form that is sent twice (an impatient click, a retry) must not sign twice.
        "the form's own key",
        """
        ALTER TABLE entries ADD COLUMN form TEXT;
        CREATE UNIQUE INDEX entries_form ON entries (form) WHERE form IS NOT NULL;
        """,
    ),
]


class SchemaError(Exception):
    """The file was written by a newer version."""


def migrate(connection: sqlite3.Connection) -> int:
    """Takes the steps that are missing, each in a transaction of its own. Returns how many."""
    connection.execute(
        "CREATE TABLE IF NOT EXISTS schema_version"
        " (version INTEGER PRIMARY KEY, name TEXT NOT NULL, applied TEXT NOT NULL)"
    )
    at = current(connection)
    if at > len(STEPS):
        raise SchemaError(
            f"the database has schema version {at} and this program knows {len(STEPS)}: "
            "start the newer program again, or restore a backup of before"
        )
    for version, (name, script) in enumerate(STEPS[at:], at + 1):
        _take(connection, version, name, script)
    return len(STEPS) - at


def current(connection: sqlite3.Connection) -> int:
    """Returns how many steps were taken."""
    return connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchone()[0]


def _take(connection: sqlite3.Connection, version: int, name: str, script: str) -> None:
    now = datetime.now(timezone.utc).isoformat(timespec="seconds")
    connection.execute("BEGIN IMMEDIATE")
    try:
        for statement in script.split(";"):
            if statement.strip():
                connection.execute(statement)
        connection.execute("INSERT INTO schema_version VALUES (?, ?, ?)", (version, name, now))
        connection.execute("COMMIT")
    except BaseException:
        connection.execute("ROLLBACK")
        raise
