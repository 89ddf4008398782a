"""Alerts in the database that a clock dated which nobody had set, dated anew once it is.

Without this they would sort below everything older, and the next clearing of old history would forget them.
The snapshot of the press keeps what that clock said.
"""

import sqlite3

from flicbridge.clock import EARLIEST_AT, Reading, is_credible
from flicbridge.outbox import queries, rows
from flicbridge.outbox.database import transaction


def redate(db: sqlite3.Connection, now: Reading) -> int:
    """Date them anew; returns how many there were."""
    if not is_credible(now.at):
        return 0
    undated = db.execute(queries.UNDATED, {"earliest": EARLIEST_AT.timestamp()}).fetchall()
    if undated:
        with transaction(db):
            db.executemany(queries.REDATE, [_redating(row, now) for row in undated])
    return len(undated)


def _redating(row: sqlite3.Row, now: Reading) -> rows.Row:
    """What to add to the times of one.

    One of another life of this machine counts as pressed now: nobody knows better, and it is kept for as long
    as any other.
    """
    pressed_at = rows.alert_of(row).redated(now).pressed_at
    believed_s = (pressed_at if is_credible(pressed_at) else now.at).timestamp()
    return {"id": row["id"], "error_s": believed_s - row["pressed_at"]}
