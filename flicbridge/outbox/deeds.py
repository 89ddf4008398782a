"""What the store does to the database in one go: each function is one transaction, or one look.

They run on the thread that owns the connection. `settle` and `withdraw` are parts of one, see `together`.
"""

import sqlite3
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import structlog

from flicbridge.alert import life
from flicbridge.alert.alert import Alert, AlertEvent, AlertState, DeliveryState
from flicbridge.alert.desk import BRIDGE, Change, Mark, Standing
from flicbridge.outbox import queries, rows
from flicbridge.outbox.button import ButtonRecord
from flicbridge.outbox.database import transaction
from flicbridge.outbox.hush import NOT_WANTED
from flicbridge.outbox.job import Attempt, Job

log = structlog.get_logger()


def commit(db: sqlite3.Connection, change: Change, now_at: datetime) -> UUID | None:
    with transaction(db):
        known = _alert_of(db, change.press)
        if known is None:
            for standing in change.standings:
                db.execute(queries.PUT_STANDING, rows.standing_row(standing))
            db.executemany(queries.ADD_EVENT, map(rows.event_row, change.history))
            _call_off(db, change)
            db.executemany(
                queries.ADD_DELIVERY,
                (rows.delivery_row(d, under_way=d.at_once or d.due_at <= now_at) for d in change.deliveries),
            )
        if change.mark is not None:
            db.execute(queries.PUT_MARK, _mark_row(change.mark))
    return known


def _call_off(db: sqlite3.Connection, change: Change) -> None:
    by_bridge = {event.alert for event in change.history if event.by == BRIDGE}
    for standing in change.standings:
        is_closed, by_people = standing.state is AlertState.CLOSED, standing.alert.id not in by_bridge
        if standing.face not in life.WAITING:
            is_aged = is_closed and not by_people
            db.execute(queries.CALL_OFF, rows.call_off_row(standing, is_aged=is_aged))
        if is_closed and by_people:
            db.execute(queries.BREAK_OFF, {"alert": str(standing.alert.id)})


def _alert_of(db: sqlite3.Connection, press: UUID | None) -> UUID | None:
    if press is None:
        return None
    row = db.execute(queries.ALERT_OF_PRESS, {"press": str(press)}).fetchone()
    return UUID(row["alert"]) if row else None


def _mark_row(mark: Mark) -> rows.Row:
    return {
        "serial": mark.serial,
        "boot_id": mark.counter.boot_id,
        "event_count": mark.counter.event_count,
        "small_count": mark.counter.small_count,
    }


def release_row(job: Job, now_at: datetime) -> rows.Row:
    delivery = job.delivery
    lives = delivery.expires_at - delivery.due_at
    return {
        "id": str(delivery.id),
        "secret": job.secret,
        "due_at": now_at.timestamp(),
        "expires_at": (now_at + lives).timestamp(),
    }


def settle(
    db: sqlite3.Connection,
    attempt: Attempt,
    event: AlertEvent | None,
    stands: Callable[[], Standing | None],
    released: Sequence[Job],
    *,
    hide: bool,
) -> None:
    """Of what became of a try. It may have been owed for a while, so where the alert stands is asked now."""
    job, at = attempt.job, attempt.at.timestamp()
    arrived = attempt.state in (DeliveryState.SENT, DeliveryState.DELIVERED)
    row = {
        "id": str(job.id),
        "state": attempt.state,
        "due_at": attempt.due_at.timestamp(),
        "attempts": job.attempts,
        "key_no": job.key_no,
        "provider_id": job.provider_id,
        "last_error": None if arrived else attempt.detail,
        "sent_at": at + attempt.took_s if arrived else None,
        "delivered_at": at + attempt.took_s if attempt.state is DeliveryState.DELIVERED else None,
        "provider_sent_at": _said(attempt, DeliveryState.SENT),
        "provider_delivered_at": _said(attempt, DeliveryState.DELIVERED),
    }
    if not db.execute(queries.SETTLE, row).rowcount:
        _bring_back(db, job)
        db.execute(queries.SETTLE, row)
    db.execute(
        queries.ADD_ATTEMPT,
        {
            "delivery": str(job.id),
            "number": job.attempts,
            "at": at,
            "took_s": attempt.took_s,
            "outcome": attempt.failure or attempt.state,
            "detail": attempt.detail,
        },
    )
    if event is not None:
        db.execute(queries.ADD_EVENT, rows.event_row(event))
    if (standing := stands()) is not None:
        db.execute(queries.PUT_STANDING, rows.standing_row(standing))
    now_at = attempt.at + timedelta(seconds=attempt.took_s)
    if hide:
        db.execute(queries.WITHDRAW, _withdrawal_row(job, now_at, really=False))
    db.executemany(queries.RELEASE, (release_row(of, now_at) for of in released))


def withdraw(db: sqlite3.Connection, job: Job, now_at: datetime, *, really: bool) -> bool:
    row = _withdrawal_row(job, now_at, really=really)
    if db.execute(queries.DELIVERY, {"id": str(job.id)}).fetchone() is None:
        _bring_back(db, job)
    is_news = db.execute(queries.ADD_WITHDRAWAL, row).rowcount > 0
    db.execute(queries.WITHDRAW, row)
    return is_news


def _withdrawal_row(job: Job, now_at: datetime, *, really: bool) -> rows.Row:
    at = now_at.timestamp()
    return {"id": str(job.id), "number": job.attempts, "at": at, "detail": NOT_WANTED, "really": really}


def _said(attempt: Attempt, state: DeliveryState) -> float | None:
    """When the provider says that a message came into this state."""
    says = attempt.state is state and attempt.provider_at is not None
    return attempt.provider_at.timestamp() if says and attempt.provider_at else None


def _bring_back(db: sqlite3.Connection, job: Job) -> None:
    """Write down what was sent from memory while the disk refused, or was lost with an older database."""
    alert = job.alert
    standing = Standing(alert, AlertState.RAISED, 1, alert.pressed_at, alert.received_at, job.code)
    db.execute(queries.ADD_MISSING_STANDING, rows.standing_row(standing))
    db.execute(queries.ADD_DELIVERY, rows.delivery_row(job.delivery, under_way=True))


def jobs(db: sqlite3.Connection, ids: Iterable[rows.Row]) -> list[Job]:
    """Deliveries of one alert share its snapshot, or a long queue would hold it many times."""
    alerts: dict[str, Alert] = {}
    found = (db.execute(queries.JOB, row).fetchone() for row in ids)
    return [rows.job_of(row, alerts) for row in found if row is not None]


def buttons(db: sqlite3.Connection) -> dict[str, ButtonRecord]:
    return {row["serial"]: rows.button_of(row) for row in db.execute(queries.BUTTONS)}


def forget_pairing(db: sqlite3.Connection, serial: str) -> bool:
    db.execute("PRAGMA secure_delete = ON")  # or the secret would stay in a corner of the page
    with transaction(db):
        forgotten = db.execute(queries.FORGET_PAIRING, {"serial": serial}).rowcount
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # and in the journal
    return bool(forgotten)


def show(db: sqlite3.Connection, alert: str) -> dict[str, Any] | None:
    found = db.execute(queries.SHOW_ALERT, {"id": alert}).fetchone()
    if found is None:
        return None
    parts = {"history": queries.HISTORY, "deliveries": queries.DELIVERIES, "attempts": queries.ATTEMPTS}
    return {
        "standing": rows.standing_of(found),
        **{name: [dict(r) for r in db.execute(sql, {"alert": alert})] for name, sql in parts.items()},
    }


def counts(db: sqlite3.Connection) -> dict[str, Any]:
    found = db.execute(queries.COUNTS).fetchall()
    numbers = {row["state"]: row["number"] for row in found}
    tried = [row["tried_made_at"] for row in found if row["tried_made_at"] is not None]
    oldest = db.execute(queries.OLDEST_DUE).fetchone()["due_at"]
    return {
        "queued": numbers.get("queued", 0),
        "sending": numbers.get("sending", 0),
        "oldest_due_at": None if oldest is None else rows.utc(oldest),
        "oldest_tried_at": rows.utc(min(tried)) if tried else None,
    }


def together[T](db: sqlite3.Connection, deeds: Iterable[Callable[[sqlite3.Connection], T]]) -> list[T | None]:
    """What cannot be written at all is left out: it must not keep all that follows from the disk."""

    def done(deed: Callable[[sqlite3.Connection], T]) -> T | None:
        try:
            return deed(db)
        except sqlite3.IntegrityError:
            log.exception("outcome_unwritable")
            return None

    with transaction(db):
        return [done(deed) for deed in deeds]


def in_one(db: sqlite3.Connection, query: str, batch: Sequence[rows.Row]) -> None:
    with transaction(db):
        db.executemany(query, batch)


def look_up(db: sqlite3.Connection, row: rows.Row) -> None:
    """Ask for what is not needed, so that it is at hand when it is."""
    db.execute(queries.PLACES, row).fetchall()
