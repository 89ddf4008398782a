"""Where drills are written down, and what came of them. Every call raises StoreError if the disk refuses."""

import json
import sqlite3
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import TypeAdapter

from flicbridge.alert.drill import COUNTED, Drill, DrillKind, DrillResult, Found
from flicbridge.outbox import deeds, rows
from flicbridge.outbox.database import Worker

PUT: Final = """
INSERT INTO drill (id, kind, by, began_at, ended_at, result, detail, took_json)
VALUES (:id, :kind, :by, :began_at, :ended_at, :result, :detail, :took_json)
ON CONFLICT (id) DO UPDATE SET ended_at = excluded.ended_at, result = excluded.result,
    detail = excluded.detail, took_json = excluded.took_json
"""

# Who answered first, and when, is in the history of the alert.
_SELECT: Final = """
SELECT drill.*, answer.by AS answered_by, answer.at AS answered_at
FROM drill LEFT JOIN alert_event AS answer ON answer.seq = (
    SELECT MIN(seq) FROM alert_event
    WHERE alert = drill.id AND what IN ('acknowledged', 'confirmed', 'false_alarm'))
"""
NEWEST: Final = f"{_SELECT} ORDER BY drill.began_at DESC LIMIT :limit"
RUNNING: Final = f"{_SELECT} WHERE drill.result = 'running' ORDER BY drill.began_at"

# The last one of a kind that took place.
_COUNTED: Final = ", ".join(f"'{result}'" for result in sorted(COUNTED))
LAST: Final = f"""{_SELECT} WHERE drill.kind = :kind AND drill.result IN ({_COUNTED})
ORDER BY drill.began_at DESC LIMIT 1"""

# As old alerts are. But the last of each kind stays, however old: by it the next one is due.
PRUNE: Final = f"""
DELETE FROM drill WHERE began_at < :before AND result <> 'running' AND began_at < (
    SELECT MAX(began_at) FROM drill AS newer WHERE newer.kind = drill.kind AND newer.result IN ({_COUNTED}))
"""  # noqa: S608

_TOOK: Final = TypeAdapter(dict[str, float | None])


class DrillBook:
    """The table of drills."""

    def __init__(self, writer: Worker, reader: Worker) -> None:
        self._writer = writer
        self._reader = reader

    async def put(self, drill: Drill) -> None:
        """Write a drill down; or what became of it."""
        row = _row(drill)
        await self._writer.run(lambda db: deeds.in_one(db, PUT, [row]))

    async def newest(self, limit: int) -> list[Drill]:
        """The newest of all kinds, newest first."""
        found = await self._reader.run(lambda db: db.execute(NEWEST, {"limit": limit}).fetchall())
        return [_drill(row) for row in found]

    async def running(self) -> list[Drill]:
        """Those without a result, oldest first: after a start, what an earlier run did not end."""
        found = await self._writer.run(lambda db: db.execute(RUNNING).fetchall())
        return [_drill(row) for row in found]

    async def last(self, kind: DrillKind) -> Drill | None:
        """The last of a kind that took place."""
        row = await self._writer.run(lambda db: db.execute(LAST, {"kind": kind}).fetchone())
        return None if row is None else _drill(row)

    async def prune(self, before: datetime) -> None:
        """Forget those that began before a time."""
        row = {"before": before.timestamp()}
        await self._writer.run(lambda db: deeds.in_one(db, PRUNE, [row]))


def _row(drill: Drill) -> rows.Row:
    return {
        "id": str(drill.id),
        "kind": drill.kind,
        "by": drill.by,
        "began_at": drill.began_at.timestamp(),
        "ended_at": None if drill.ended_at is None else drill.ended_at.timestamp(),
        "result": drill.found.result,
        "detail": drill.found.detail,
        "took_json": json.dumps(dict(drill.found.took_ms)),
    }


def _drill(row: sqlite3.Row) -> Drill:
    return Drill(
        id=UUID(row["id"]),
        kind=DrillKind(row["kind"]),
        by=row["by"],
        began_at=rows.utc(row["began_at"]),
        ended_at=_utc(row["ended_at"]),
        found=Found(DrillResult(row["result"]), row["detail"], _TOOK.validate_json(row["took_json"])),
        answered_by=row["answered_by"] or "",
        answered_at=_utc(row["answered_at"]),
    )


def _utc(seconds: float | None) -> datetime | None:
    return None if seconds is None else rows.utc(seconds)
