"""What can still be read of a damaged database: buttons, alerts that are open, messages that are owed."""

import sqlite3
from pathlib import Path
from typing import Final

import structlog

from flicbridge.errors import StoreError, StoreTooNewError
from flicbridge.outbox.database import connect

log = structlog.get_logger()

# By the rows themselves, for an index may be what is damaged: the + keeps SQLite from using one. What refers
# to an alert comes after it.
_RESCUED: Final = {
    "button": "SELECT * FROM button",
    "alert": "SELECT * FROM alert WHERE +state <> 'closed'",
    "alert_event": "SELECT * FROM alert_event NOT INDEXED",
    "delivery": "SELECT * FROM delivery WHERE +state IN ('queued', 'sending', 'reserve')",
}


def salvage(damaged: Path, fresh: sqlite3.Connection) -> None:
    """Copy what can be read. Rows that do not fit, and all after the damage, are left where they are."""
    try:
        old = connect(damaged, read_only=True)
    except (StoreError, StoreTooNewError):
        return
    try:
        saved = {table: _copy(old, fresh, table, query) for table, query in _RESCUED.items()}
    finally:
        old.close()
    log.warning("database_salvaged", **saved)


def _copy(old: sqlite3.Connection, fresh: sqlite3.Connection, table: str, query: str) -> int:
    saved = 0
    try:
        for row in old.execute(query):
            saved += _put(fresh, table, row)
    except sqlite3.Error as error:
        log.warning("database_damaged_here", table=table, rows_before=saved, error=str(error))
    return saved


def _put(fresh: sqlite3.Connection, table: str, row: sqlite3.Row) -> int:
    columns = ", ".join(row.keys())
    places = ", ".join(f":{name}" for name in row.keys())  # noqa: SIM118 - a Row iterates over its values
    try:
        # Names of our own tables and columns, and nothing else, are put into the statement.
        found = fresh.execute(f"INSERT OR IGNORE INTO {table} ({columns}) VALUES ({places})", dict(row))  # noqa: S608
    except sqlite3.Error:  # an event of an alert that is closed, or could not be read
        return 0
    return found.rowcount
