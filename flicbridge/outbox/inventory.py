"""What a database holds, counted: nothing of anybody's alerts, and nothing is written. Blocks."""

import json
import sqlite3
from collections.abc import Mapping
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from flicbridge.errors import StoreError
from flicbridge.outbox.database import migrations
from flicbridge.outbox.disk import Disk, connect_to_read
from flicbridge.outbox.fault import fault_of

SQLITE_VERSION: str = sqlite3.sqlite_version


@dataclass(frozen=True, slots=True)
class Inventory:
    """What is in a database.

    Attributes:
        schema: the version of its tables; `known` is the newest that this flicbridge can read.
        rows: how many there are, by table.
        seen_at: the newest time that a bridge saw, UTC; None if nobody noted one.
    """

    schema: int
    known: int
    rows: Mapping[str, int]
    seen_at: datetime | None


def take_inventory(path: Path) -> Inventory:
    """Look into a database, beside a bridge that may be using it.

    Raises:
        StoreError: it cannot be read, is damaged, or a newer flicbridge wrote it.
    """
    try:
        with closing(connect_to_read(Disk(path))) as db:
            schema = int(db.execute("PRAGMA user_version").fetchone()[0])
            return Inventory(schema, len(migrations()), _rows(db), _seen_at(db))
    except sqlite3.Error as error:
        why = f"cannot read the database {path}: {error}"
        raise StoreError(why, fault=fault_of(error) or "") from error


def _rows(db: sqlite3.Connection) -> dict[str, int]:
    found = db.execute("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").fetchall()
    names = [str(row[0]) for row in found if not str(row[0]).startswith("sqlite_")]
    return {
        name: int(db.execute(f'SELECT count(*) FROM "{name}"').fetchone()[0])  # noqa: S608 - names of tables
        for name in names
    }


def _seen_at(db: sqlite3.Connection) -> datetime | None:
    question = "SELECT value_json FROM observation WHERE subject = 'clock' AND fact = 'seen'"
    row = db.execute(question).fetchone()
    with suppress(TypeError, ValueError):  # none there, or none that could be read
        found = datetime.fromisoformat(json.loads(row[0]))
        return found if found.tzinfo is not None else None
    return None
