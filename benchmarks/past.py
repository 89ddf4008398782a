"""A store with a long past, for the benchmarks: messages that wait, and messages of long ago."""

import asyncio
import os
import random
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import batched
from pathlib import Path
from typing import Final
from uuid import UUID

from flicbridge.alert.alert import (
    Alert,
    AlertEvent,
    AlertKind,
    AlertState,
    Delivery,
    Doctor,
    Happening,
    Practice,
    Purpose,
    delivery_id,
)
from flicbridge.alert.desk import Standing
from flicbridge.clock import SystemClock
from flicbridge.outbox import rows
from flicbridge.outbox.store import Store
from flicbridge.place.position import Position

CHANNEL: Final = "hub/0"


@dataclass(frozen=True, slots=True)
class Past:
    """So many messages, each with an alert of its own (the worst case), evenly over a time until now."""

    number: int
    over_s: float
    tries: int
    is_sent: bool

    def messages(self, seed: int) -> Iterator[tuple[Standing, Delivery]]:
        """Oldest first; the same ids for the same seed."""
        ids, now_at = random.Random(seed), SystemClock().now_at()
        template = _alert(now_at)
        for index in range(self.number):
            at = now_at - timedelta(seconds=self.over_s * (self.number - index) / self.number)
            id_ = UUID(int=ids.getrandbits(128), version=4)
            alert = replace(template, id=id_, pressed_at=at, received_at=at)
            yield Standing(alert, AlertState.CLOSED, 1, at, at), _delivery(alert)

    def delivery_row(self, delivery: Delivery) -> rows.Row:
        state = "sent" if self.is_sent else "queued"
        return {**rows.delivery_row(delivery, under_way=False), "state": state, "attempts": self.tries}


def fill(path: Path, *pasts: Past) -> None:
    """Write alerts and their messages in the order of time, as the store would, without waiting for the disk.

    The order matters: random keys that come one by one leave the pages of an index two thirds full, and a
    press finds room in them. Sorted ones would fill them to the brim, and every press had to split some.
    """
    asyncio.run(Store.open(path).close())
    if not pasts:
        return
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA synchronous = OFF")
    db.execute("PRAGMA cache_size = -1500000")
    db.execute("BEGIN")
    for seed, past in enumerate(pasts):
        for batch in batched(past.messages(seed), 10_000):
            _write(db, batch, past)
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    db.close()
    with path.open("rb") as file:
        os.fsync(file.fileno())  # or the first commit that is measured would have to


def _write(db: sqlite3.Connection, batch: Sequence[tuple[Standing, Delivery]], past: Past) -> None:
    _put(db, "alert", [rows.standing_row(standing) for standing, _ in batch])
    _put(db, "delivery", [past.delivery_row(delivery) for _, delivery in batch])
    _put(db, "alert_event", [rows.event_row(event) for standing, _ in batch for event in _history(standing)])
    _put(db, "attempt", [_attempt_row(delivery, past) for _, delivery in batch])


def _put(db: sqlite3.Connection, table: str, listed: Sequence[rows.Row]) -> None:
    places = ", ".join(f":{name}" for name in listed[0])
    db.executemany(f"INSERT INTO {table} ({', '.join(listed[0])}) VALUES ({places})", listed)


def _history(standing: Standing) -> Iterator[AlertEvent]:
    alert = standing.alert
    yield AlertEvent(alert.id, Happening.RAISED, alert.pressed_at, "button:bureau", alert.id)
    yield AlertEvent(alert.id, Happening.CLOSED, alert.pressed_at + timedelta(days=1), "bridge")


def _attempt_row(delivery: Delivery, past: Past) -> rows.Row:
    """The last of them: how it ended."""
    return {
        "delivery": str(delivery.id),
        "number": past.tries,
        "at": delivery.made_at.timestamp(),
        "took_s": 0.1,
        "outcome": "sent" if past.is_sent else "temporary",
        "detail": "",
    }


def _alert(at: datetime) -> Alert:
    return Alert(
        id=UUID(int=0),
        kind=AlertKind.EMERGENCY,
        bridge="benchmark",
        button="bureau",
        gesture="single",
        pressed_at=at,
        received_at=at,
        was_queued=False,
        doctor=Doctor("Dr Anne Martin", "+33612345678"),
        practice=Practice("Cabinet des Tilleuls", "12 rue des Tilleuls, 87000 Limoges", "Cabinet 2", "4321"),
        position=Position(45.83362, 1.26105, 12.0, label="Cabinet 2"),
    )


def _delivery(alert: Alert) -> Delivery:
    return Delivery(
        id=delivery_id(alert.id, Purpose.ALERT, 0, 0, CHANNEL),
        alert=alert.id,
        purpose=Purpose.ALERT,
        occasion=0,
        recipient="hub",
        channel=CHANNEL,
        made_at=alert.received_at,
        due_at=alert.received_at,
        expires_at=alert.received_at + timedelta(days=1),
    )
