"""The durable store: what was promised to a button is here before the promise is made."""

import json
import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self
from uuid import UUID

from flicbridge.alert.alert import AlertEvent, DeliveryState
from flicbridge.alert.desk import Change, Mark, Standing
from flicbridge.observation import Observation, Value
from flicbridge.outbox import queries, rows
from flicbridge.outbox.database import Worker, transaction
from flicbridge.outbox.job import Job
from flicbridge.press.event import Counter


@dataclass(frozen=True, slots=True)
class ButtonRecord:
    """What the store knows of a button.

    Attributes:
        serial: what the button calls itself.
        pairing_json: its pairing, secret, as its family wrote it; None for a button without one.
        resume: how far its events are settled; None after a new pairing.
    """

    serial: str
    pairing_json: str | None
    resume: Counter | None

    def __repr__(self) -> str:
        return f"ButtonRecord(serial={self.serial!r}, resume={self.resume!r})"


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try of a delivery and where it left it.

    Attributes:
        job: the delivery, with the attempt counted.
        state: where it stands now.
        due_at: when it is due again, UTC.
        at: when the try began, UTC.
        took_s: how long it took.
        detail: why, in a few words, without secrets or people.
    """

    job: Job
    state: DeliveryState
    due_at: datetime
    at: datetime
    took_s: float
    detail: str


class Store:
    """One file, one writer. Reads for people have a connection of their own and never block it."""

    def __init__(self, writer: Worker, reader: Worker) -> None:
        self._writer = writer
        self._reader = reader

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the store.

        Raises:
            StoreError: it cannot be opened, or is no database.
            StoreTooNewError: a newer flicbridge wrote it. It is left untouched.
        """
        writer = Worker.open(path, "store")
        return cls(writer, Worker.open(path, "reader", read_only=True))

    @classmethod
    def open_read_only(cls, path: Path) -> Self:
        """Open an existing store to look at it; every attempt to write raises StoreError."""
        return cls(*(Worker.open(path, name, read_only=True) for name in ("store", "reader")))

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await self._reader.close()
        await self._writer.close()

    # -- presses -----------------------------------------------------------------------------------------

    async def commit(self, change: Change, now_at: datetime) -> UUID | None:
        """Write a change down, in one transaction that is on disk when this returns.

        Deliveries that are due are written as under way, so that the first try needs no second commit.

        Returns:
            None; or, if this press is already in the store, the alert it belongs to: then nothing but the
            button's mark was written.

        Raises:
            StoreError: the disk refused; nothing was written.
        """
        return await self._writer.run(lambda db: _commit(db, change, now_at))

    # -- deliveries --------------------------------------------------------------------------------------

    async def lease(self, job: Job) -> None:
        """Write down that a try begins."""
        row = {"id": str(job.id), "attempts": job.attempts}
        await self._writer.run(lambda db: _in_one(db, queries.LEASE, [row]))

    async def settle(self, attempt: Attempt, event: AlertEvent | None, standing: Standing | None) -> None:
        """Write down what became of a try, and what that means for the alert."""
        await self._writer.run(lambda db: _settle(db, attempt, event, standing))

    async def unfinished(self, now_at: datetime) -> list[Job]:
        """What a restart has to take up again, in the order it is due."""
        found = await self._writer.run(
            lambda db: db.execute(queries.UNFINISHED, {"now": now_at.timestamp()}).fetchall()
        )
        return [rows.job_of(row) for row in found]

    async def standings(self) -> list[Standing]:
        """Every alert that is not closed."""
        found = await self._writer.run(lambda db: db.execute(queries.STANDINGS).fetchall())
        return [rows.standing_of(row) for row in found]

    # -- buttons -----------------------------------------------------------------------------------------

    async def buttons(self) -> dict[str, ButtonRecord]:
        """Every known button by serial."""
        found = await self._writer.run(lambda db: db.execute(queries.BUTTONS).fetchall())
        return {row["serial"]: _button_of(row) for row in found}

    async def put_pairing(self, serial: str, pairing_json: str, resume: Counter | None = None) -> None:
        """Keep a new pairing in place of any older one.

        Args:
            serial: what the button calls itself.
            pairing_json: the pairing, secret.
            resume: where its events stand, so that the hold which paired it raises no alert.
        """
        row = {
            "serial": serial,
            "pairing_json": pairing_json,
            "boot_id": resume.boot_id if resume else None,
            "event_count": resume.event_count if resume else None,
            "small_count": resume.small_count if resume else 0,
        }
        await self._writer.run(lambda db: _in_one(db, queries.PUT_PAIRING, [row]))

    async def forget_pairing(self, serial: str) -> bool:
        """Erase a button's pairing, in the file too; how far its events are settled stays.

        Returns:
            Whether there was one.
        """
        return await self._writer.run(lambda db: _forget_pairing(db, serial))

    # -- for people --------------------------------------------------------------------------------------

    async def list_alerts(self, limit: int) -> list[Standing]:
        """The newest alerts, newest first."""
        found = await self._reader.run(
            lambda db: db.execute(queries.LIST_ALERTS, {"limit": limit}).fetchall()
        )
        return [rows.standing_of(row) for row in found]

    async def find_alert(self, prefix: str) -> UUID | None:
        """The alert whose id begins like this, or None if there is none or more than one."""
        if not re.fullmatch(r"[0-9a-f-]{1,36}", prefix.lower()):
            return None
        found = await self._reader.run(
            lambda db: db.execute(queries.FIND_ALERT, {"prefix": prefix.lower()}).fetchall()
        )
        return UUID(found[0]["id"]) if len(found) == 1 else None

    async def show_alert(self, alert: UUID) -> dict[str, Any] | None:
        """All there is about one alert: standing, history, deliveries and attempts as plain rows."""
        return await self._reader.run(lambda db: _show(db, str(alert)))

    async def counts(self) -> dict[str, Any]:
        """How many deliveries wait or are under way, and since when the oldest of them is due."""
        return await self._reader.run(_counts)

    # -- housekeeping ------------------------------------------------------------------------------------

    async def put_observations(self, found: Iterable[tuple[Observation, datetime]]) -> None:
        """Remember the newest observations for after a restart."""
        batch = [
            {"subject": o.subject, "fact": o.fact, "value_json": json.dumps(o.value), "at": at.timestamp()}
            for o, at in found
        ]
        await self._writer.run(lambda db: _in_one(db, queries.PUT_OBSERVATION, batch))

    async def observations(self) -> list[tuple[Observation, datetime]]:
        """The observations remembered from before."""
        found = await self._writer.run(lambda db: db.execute(queries.OBSERVATIONS).fetchall())
        return [
            (Observation(r["subject"], r["fact"], _value(r["value_json"])), rows.utc(r["at"])) for r in found
        ]

    async def forget_subject(self, subject: str) -> None:
        """Delete what was observed of a part that is no longer what it was."""
        await self._writer.run(lambda db: _in_one(db, queries.FORGET_SUBJECT, [{"subject": subject}]))

    async def rename_subject(self, old: str, new: str) -> None:
        """Keep what was observed of a part under its new name. Alerts keep the name of their time."""
        await self._writer.run(lambda db: _in_one(db, queries.RENAME_SUBJECT, [{"old": old, "new": new}]))

    async def prune(self, before: datetime) -> int:
        """Delete closed alerts pressed before a day; returns how many."""
        return await self._writer.run(
            lambda db: db.execute(queries.PRUNE, {"before": before.timestamp()}).rowcount
        )


def _commit(db: sqlite3.Connection, change: Change, now_at: datetime) -> UUID | None:
    with transaction(db):
        known = _alert_of(db, change.press)
        if known is None:
            for standing in change.standings:
                db.execute(queries.PUT_STANDING, rows.standing_row(standing))
            db.executemany(queries.ADD_EVENT, map(rows.event_row, change.history))
            db.executemany(queries.WITHDRAW, ({"alert": str(alert)} for alert in change.withdraw))
            db.executemany(
                queries.ADD_DELIVERY,
                (rows.delivery_row(d, under_way=d.due_at <= now_at) for d in change.deliveries),
            )
        if change.mark is not None:
            db.execute(queries.PUT_MARK, _mark_row(change.mark))
    return known


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


def _settle(
    db: sqlite3.Connection, attempt: Attempt, event: AlertEvent | None, standing: Standing | None
) -> None:
    job, at = attempt.job, attempt.at.timestamp()
    arrived = attempt.state in (DeliveryState.SENT, DeliveryState.DELIVERED)
    with transaction(db):
        db.execute(
            queries.SETTLE,
            {
                "id": str(job.id),
                "state": attempt.state,
                "due_at": attempt.due_at.timestamp(),
                "attempts": job.attempts,
                "key_no": job.key_no,
                "provider_id": job.provider_id,
                "last_error": None if arrived else attempt.detail,
                "sent_at": at + attempt.took_s if arrived else None,
                "delivered_at": at + attempt.took_s if attempt.state is DeliveryState.DELIVERED else None,
            },
        )
        db.execute(
            queries.ADD_ATTEMPT,
            {
                "delivery": str(job.id),
                "number": job.attempts,
                "at": at,
                "took_s": attempt.took_s,
                "outcome": attempt.state,
                "detail": attempt.detail,
            },
        )
        if event is not None:
            db.execute(queries.ADD_EVENT, rows.event_row(event))
        if standing is not None:
            db.execute(queries.PUT_STANDING, rows.standing_row(standing))


def _button_of(row: sqlite3.Row) -> ButtonRecord:
    counts = row["boot_id"], row["event_count"], row["small_count"]
    resume = None if row["boot_id"] is None else Counter(*counts)
    return ButtonRecord(row["serial"], row["pairing_json"], resume)


def _forget_pairing(db: sqlite3.Connection, serial: str) -> bool:
    db.execute("PRAGMA secure_delete = ON")  # or the secret would stay in a corner of the page
    with transaction(db):
        forgotten = db.execute(queries.FORGET_PAIRING, {"serial": serial}).rowcount
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()  # and in the journal
    return bool(forgotten)


def _show(db: sqlite3.Connection, alert: str) -> dict[str, Any] | None:
    found = db.execute(queries.SHOW_ALERT, {"id": alert}).fetchone()
    if found is None:
        return None
    parts = {"history": queries.HISTORY, "deliveries": queries.DELIVERIES, "attempts": queries.ATTEMPTS}
    return {
        "standing": rows.standing_of(found),
        **{name: [dict(r) for r in db.execute(sql, {"alert": alert})] for name, sql in parts.items()},
    }


def _counts(db: sqlite3.Connection) -> dict[str, Any]:
    numbers = {row["state"]: row["number"] for row in db.execute(queries.COUNTS)}
    oldest = db.execute(queries.OLDEST_DUE).fetchone()["due_at"]
    return {
        "queued": numbers.get("queued", 0),
        "sending": numbers.get("sending", 0),
        "oldest_due_at": None if oldest is None else rows.utc(oldest),
    }


def _in_one(db: sqlite3.Connection, query: str, batch: Sequence[rows.Row]) -> None:
    with transaction(db):
        db.executemany(query, batch)


def _value(text: str) -> Value:
    value = json.loads(text)
    return value if isinstance(value, str | int | float | bool) else None
