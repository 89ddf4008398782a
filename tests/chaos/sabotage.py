"""Bridges that are broken on purpose: a harness that finds nothing wrong with them proves nothing."""

import asyncio
import sqlite3
from dataclasses import replace
from datetime import datetime
from enum import StrEnum
from typing import Any, Final
from uuid import uuid4

from flicbridge.alert.desk import Change, Desk
from flicbridge.channel import Words
from flicbridge.clock import SystemClock
from flicbridge.outbox import database
from flicbridge.outbox.store import Store
from flicbridge.transport.base import Message

LATE_S: Final = 1.0
"""A press is acknowledged within this time, and so before the commit."""


class Sabotage(StrEnum):
    """What is broken."""

    NOTHING = "nothing"
    ACKNOWLEDGES_FIRST = "acknowledges first"
    """The button is told to forget a press before the press is on disk."""
    FORGETS_DELIVERIES = "forgets deliveries"
    """The alert is committed, and nobody is going to be told."""
    NEW_KEY_EACH_TIME = "new key each time"
    """Every try has an idempotency key of its own."""
    LAZY_DISK = "lazy disk"
    """Commits do not wait for the disk."""


def break_bridge(how: Sabotage) -> None:
    """Break the bridge that is going to run in this process."""
    match how:
        case Sabotage.NOTHING:
            pass
        case Sabotage.ACKNOWLEDGES_FIRST:
            _acknowledge_first()
        case Sabotage.FORGETS_DELIVERIES:
            _forget_deliveries()
        case Sabotage.NEW_KEY_EACH_TIME:
            _new_key_each_time()
        case Sabotage.LAZY_DISK:
            _lazy_disk()


def _acknowledge_first() -> None:
    commit, late = Store.commit, set[asyncio.Task[None]]()

    async def write_late(store: Store, change: Change, now_at: datetime) -> None:
        await SystemClock().sleep(LATE_S)
        await commit(store, change, now_at)

    async def wrong(self: Store, change: Change, now_at: datetime) -> None:
        late.add(asyncio.get_running_loop().create_task(write_late(self, change, now_at)))

    Store.commit = wrong  # type: ignore[method-assign]


def _forget_deliveries() -> None:
    decide = Desk.decide

    def wrong(self: Desk, *press: Any) -> Change:
        return replace(decide(self, *press), deliveries=())

    Desk.decide = wrong  # type: ignore[method-assign,assignment]


def _new_key_each_time() -> None:
    message = Words.message

    def wrong(self: Words, *job: Any, **more: Any) -> Message:
        return replace(message(self, *job, **more), key=str(uuid4()))

    Words.message = wrong  # type: ignore[method-assign]


def _lazy_disk() -> None:
    make_durable = database._make_durable

    def wrong(db: sqlite3.Connection) -> None:
        make_durable(db)
        db.execute("PRAGMA synchronous = OFF")

    database._make_durable = wrong
