"""The durable store: what was promised to a button is here before the promise is made."""

import json
import re
import sqlite3
from collections import deque
from collections.abc import Callable, Container, Iterable, Sequence
from datetime import datetime
from functools import partial
from itertools import islice
from pathlib import Path
from typing import Any, Final, Self
from uuid import UUID

from flicbridge.alert.alert import AlertEvent
from flicbridge.alert.desk import Change, Standing
from flicbridge.clock import Reading
from flicbridge.errors import StoreError
from flicbridge.observation import Observation, Value
from flicbridge.outbox import deeds, queries, rows
from flicbridge.outbox.backlog import Backlog
from flicbridge.outbox.button import ButtonRecord
from flicbridge.outbox.database import Worker, connect
from flicbridge.outbox.disk import Disk, LastingReader, LastingWorker, connect_to_read
from flicbridge.outbox.drillbook import DrillBook
from flicbridge.outbox.health import Health, Repair
from flicbridge.outbox.job import Attempt, Job
from flicbridge.outbox.redating import redate
from flicbridge.press.event import Counter

# So many outcomes that a sick disk refused are kept to be written later; an hour's, on a bad day. And so many
# of them are written at a time.
OWED: Final = 1000
PAID_AT_ONCE: Final = 100

# So many alerts are forgotten at a time: a few milliseconds, which is what a press may have to wait for.
SLICE: Final = 20

HEX_DIGITS: Final = "0123456789abcdef"

# So many slices are done each time: more than a practice raises in between, and soon over.
SLICES: Final = 25


class Store:
    """One file, one writer. Reads for people have a connection of their own and never block it."""

    def __init__(self, writer: Worker, reader: Worker, disk: Disk) -> None:
        self._writer = writer
        self._reader = reader
        self._disk = disk
        self._repair = Repair(disk)
        self.drills = DrillBook(writer, reader)
        self._owed: deque[Callable[[sqlite3.Connection], bool]] = deque(maxlen=OWED)

    @classmethod
    def open(cls, path: Path) -> Self:
        """Open or create the store.

        Raises:
            StoreError: it cannot be opened, or is no database.
            StoreTooNewError: a newer flicbridge wrote it. It is left untouched.
        """
        disk = Disk(path)
        writer = Worker(disk.connect_strictly(), "store")
        return cls(writer, Worker.open(path, "reader", read_only=True), disk)

    @classmethod
    def open_lasting(cls, path: Path) -> Self:
        """A store that is there whatever the disk does, and says with each call whether it works: see `disk`.

        Nothing is opened before the first call.
        """
        disk = Disk(path)
        writer = LastingWorker(disk.connect, disk, "store")
        return cls(writer, LastingReader(lambda: connect_to_read(disk), disk, "reader"), disk)

    @classmethod
    def open_read_only(cls, path: Path) -> Self:
        """Open an existing store to look at it; every attempt to write raises StoreError."""
        writer, reader = (Worker(connect(path, read_only=True), name) for name in ("store", "reader"))
        return cls(writer, reader, Disk(path))

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
        return await self._writer.run(lambda db: deeds.commit(db, change, now_at))

    # -- deliveries --------------------------------------------------------------------------------------

    async def lease(self, job: Job) -> None:
        """Write down that a try begins."""
        row = {"id": str(job.id), "attempts": job.attempts}
        await self._writer.run(lambda db: deeds.in_one(db, queries.LEASE, [row]))

    async def settle(
        self,
        attempt: Attempt,
        event: AlertEvent | None = None,
        stands: Callable[[], Standing | None] = lambda: None,
        released: Sequence[Job] = (),
        *,
        hide: bool = False,
        later: bool = False,
    ) -> None:
        """Write down what became of a try, what that means for the alert, and whose turn comes with it.

        Args:
            attempt, event, released: just that.
            stands: where the alert stands when it is written, in another thread; None to leave that as it is.
            hide: the room sees nothing of this delivery that comes later.
            later: keep it in mind for `pay`: something that comes before it is not on disk yet.
        """

        def settle(db: sqlite3.Connection) -> bool:
            deeds.settle(db, attempt, event, stands, released, hide=hide)
            return True

        await self._write_or_owe(settle, later=later)

    async def withdraw(self, job: Job, now_at: datetime, *, really: bool) -> bool:
        """Write down that a delivery is not needed, in truth or only as far as the room sees.

        Returns:
            Whether that was not written down before.
        """
        return await self._write_or_owe(lambda db: deeds.withdraw(db, job, now_at, really=really))

    async def release(self, released: Sequence[Job], now_at: datetime) -> None:
        """Write down that the turn of channels in reserve has come."""
        batch = [deeds.release_row(job, now_at) for job in released]
        await self._writer.run(lambda db: deeds.in_one(db, queries.RELEASE, batch))

    async def reserved(self) -> list[Job]:
        """What a restart has to keep in reserve again."""
        found = await self._look(lambda db: db.execute(queries.IN_RESERVE).fetchall())
        return [rows.job_of(row) for row in found]

    async def unfinished(self, now_at: datetime) -> list[Job]:
        """What a restart has to take up again, in the order it is due."""
        row = {"now": now_at.timestamp()}
        found = await self._look(lambda db: db.execute(queries.UNFINISHED, row).fetchall())
        return await self.jobs([rows.short_id(one["id"]) for one in found])

    async def newest(self, now_at: datetime, limit: int) -> list[Job]:
        """The newest of that, in the order they are due."""
        row = {"now": now_at.timestamp(), "limit": limit}
        found = await self._look(lambda db: db.execute(queries.NEWEST, row).fetchall())
        by_due = sorted(found, key=lambda one: float(one["due_at"]))
        return await self.jobs([rows.short_id(one["id"]) for one in by_due])

    async def backlog(self, now_at: datetime, without: Container[bytes]) -> Backlog:
        """All of it but some, by name only: there may be so much that it should not be in memory."""
        row = {"now": now_at.timestamp()}
        return await self._look(
            lambda db: Backlog(
                waiting
                for waiting in map(rows.waiting_of, db.execute(queries.UNFINISHED, row))
                if waiting[2] not in without
            )
        )

    async def jobs(self, deliveries: Iterable[bytes]) -> list[Job]:
        """Those of some deliveries that are still unfinished, in the order given."""
        ids = [{"id": str(UUID(bytes=delivery))} for delivery in deliveries]
        return await self._look(lambda db: deeds.jobs(db, ids))

    async def standings(self) -> list[Standing]:
        """Every alert that is not closed."""
        found = await self._look(lambda db: db.execute(queries.STANDINGS).fetchall())
        return [rows.standing_of(row) for row in found]

    # -- buttons -----------------------------------------------------------------------------------------

    async def buttons(self) -> dict[str, ButtonRecord]:
        """Every known button by serial; from the second copy of the pairings if the database cannot be read.

        Raises:
            StoreError: neither can.
        """
        try:
            return await self._look(deeds.buttons)
        except StoreError:
            if copied := self._disk.pairings.read():
                return copied
            raise

    async def put_pairing(self, serial: str, pairing_json: str, resume: Counter | None = None) -> None:
        """Keep a new pairing in place of any older one.

        Args:
            serial: what the button calls itself.
            pairing_json: the pairing, secret.
            resume: where its events stand, so that the hold which paired it raises no alert.
        """
        row = rows.button_row(ButtonRecord(serial, pairing_json, resume))
        await self._writer.run(lambda db: deeds.in_one(db, queries.PUT_PAIRING, [row]))
        await self.copy_pairings()

    async def forget_pairing(self, serial: str) -> bool:
        """Erase a button's pairing, in the file too; how far its events are settled stays.

        Returns:
            Whether there was one.
        """
        forgotten = await self._writer.run(lambda db: deeds.forget_pairing(db, serial))
        await self.copy_pairings()
        return forgotten

    async def copy_pairings(self) -> None:
        """Bring the second copy of the pairings up to date."""
        await self._writer.run(lambda db: self._disk.pairings.keep(deeds.buttons(db).values()))

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
        return await self._reader.run(lambda db: deeds.show(db, str(alert)))

    async def counts(self) -> dict[str, Any]:
        """How many deliveries wait or are under way, and since when the oldest of them is due."""
        return await self._reader.run(deeds.counts)

    # -- housekeeping ------------------------------------------------------------------------------------

    async def put_observations(self, found: Iterable[tuple[Observation, datetime]]) -> None:
        """Remember the newest observations for after a restart."""
        batch = [
            {"subject": o.subject, "fact": o.fact, "value_json": json.dumps(o.value), "at": at.timestamp()}
            for o, at in found
        ]
        await self._writer.run(lambda db: deeds.in_one(db, queries.PUT_OBSERVATION, batch))

    async def observations(self) -> list[tuple[Observation, datetime]]:
        """The observations remembered from before."""
        found = await self._look(lambda db: db.execute(queries.OBSERVATIONS).fetchall())
        return [
            (Observation(r["subject"], r["fact"], _value(r["value_json"])), rows.utc(r["at"])) for r in found
        ]

    async def forget_subject(self, subject: str) -> None:
        """Delete what was observed of a part that is no longer what it was."""
        await self._writer.run(lambda db: deeds.in_one(db, queries.FORGET_SUBJECT, [{"subject": subject}]))

    async def rename_subject(self, old: str, new: str) -> None:
        """Keep what was observed of a part under its new name. Alerts keep the name of their time."""
        await self._writer.run(
            lambda db: deeds.in_one(db, queries.RENAME_SUBJECT, [{"old": old, "new": new}])
        )

    async def redate(self, now: Reading) -> int:
        """Date anew what was dated by a clock that nobody had set, once it is; returns how many alerts."""
        return await self._writer.run(lambda db: redate(db, now))

    async def prune(self, before: datetime) -> int:
        """Delete closed alerts pressed before a day; returns how many. Many take several calls."""
        await self.drills.prune(before)
        row, pruned = {"before": before.timestamp(), "slice": SLICE}, 0
        for _ in range(SLICES):  # between two of them a press that waits has its turn
            found = await self._writer.run(lambda db: db.execute(queries.PRUNE, row).rowcount)
            pruned += found
            if found < SLICE:
                break
        return pruned

    async def warm_up(self) -> None:
        """Read the inner pages of the indexes, so that the first press need not. Raises StoreError.

        A press meanwhile waits for a sixteenth of it at most.
        """
        for digit in HEX_DIGITS:
            row = {"keys": json.dumps([digit + other for other in HEX_DIGITS])}
            await self._writer.run(partial(deeds.look_up, row=row))

    async def mend(self, *, spare: bool = False) -> Health:
        """Try to come back to a disk that was lost, and see how it is.

        Never raises StoreError: what is wrong is in the answer.

        Args:
            spare: write nothing as long as the last write succeeded and nothing looks wrong.
        """
        try:
            await self._writer.run(lambda db: self._mend(db, spare=spare))
            await self.copy_pairings()
        except StoreError as error:
            return self._repair.health(error)
        return self._repair.health(None)

    @property
    def owed(self) -> int:
        """How many outcomes are only in memory."""
        return len(self._owed)

    async def pay(self) -> bool:
        """Write down what a sick disk refused, in the order in which it happened, once it works again.

        To be called by whoever moves alerts, while none moves.

        Returns:
            What the last of it returned. Raises StoreError.
        """
        last = False
        while batch := tuple(islice(self._owed, PAID_AT_ONCE)):
            last = bool((await self._writer.run(partial(deeds.together, deeds=batch)))[-1])
            for _ in batch:
                self._owed.popleft()
        return last

    @property
    def openings(self) -> int:
        """How often the database was opened: when this changes, another file may be in use."""
        return self._writer.openings if isinstance(self._writer, LastingWorker) else 1

    def _mend(self, db: sqlite3.Connection, *, spare: bool) -> None:
        if not spare or self._writer.has_failed or not self._repair.looks_well():
            self._repair.probe(db)
            self._writer.has_failed = False
        self._repair.keep_reserve()

    async def _look[T](self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Read, after all that is being written; from a disk that can only be read, if need be."""
        try:
            return await self._writer.run(job)
        except StoreError:
            return await self._reader.run(job)

    async def _write_or_owe(self, deed: Callable[[sqlite3.Connection], bool], *, later: bool = False) -> bool:
        """Write it after all that is owed, or owe it as well. Raises StoreError in the latter case."""
        self._owed.append(deed)
        if later:
            raise StoreError("the disk has not taken what comes before it")
        return await self.pay()


def _value(text: str) -> Value:
    value = json.loads(text)
    return value if isinstance(value, str | int | float | bool) else None
