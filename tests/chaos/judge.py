"""What must be true after any death: read from the database, the button and the receiver, by plain SQL.

Nothing of the bridge's own reading code is used: it might share a fault with what it reads.
"""

import shutil
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.chaos.button import Pressed
from tests.chaos.receiver import Notes
from tests.chaos.scratch import scratch_folder

DONE: Final = ("sent", "delivered")
GIVEN_UP: Final = ("failed", "expired", "withdrawn")
ANSWERS: Final = ("acknowledged", "confirmed", "false_alarm", "cancelled", "closed")
"""After these a message may be pointless."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What was promised of a press.

    Attributes:
        pressed: the press.
        acknowledged: whether the button was told that it may forget it.
    """

    pressed: Pressed
    acknowledged: bool


@contextmanager
def autopsy(database: Path) -> Iterator[sqlite3.Connection]:
    """Open a copy of a dead bridge's database: looking must repair nothing that a restart would meet."""
    with scratch_folder() as folder:
        for file in database.parent.glob(f"{database.name}*"):
            if not file.name.endswith("-shm"):  # rebuilt from the journal
                shutil.copyfile(file, Path(folder) / file.name)
        with closing(sqlite3.connect(Path(folder) / database.name)) as db:
            db.row_factory = sqlite3.Row
            db.execute("PRAGMA synchronous = OFF")  # it is only a copy
            yield db


def after_death(database: Path, promises: Iterable[Promise]) -> Iterator[str]:
    """What is lost at the moment of a death: acknowledged, and not on disk with all it owes."""
    with autopsy(database) as db:
        yield from _damage(db)
        for promise in promises:
            if promise.acknowledged:
                yield from _unkept(db, str(promise.pressed.id), "acknowledged")


def after_all(database: Path, promises: Iterable[Promise], notes: Notes) -> Iterator[str]:
    """What is wrong once a bridge had time to finish: by now every press ever made must have been told."""
    with autopsy(database) as db:
        yield from _damage(db)
        made = {str(promise.pressed.id) for promise in promises}
        for promise in promises:
            yield from _unkept(db, str(promise.pressed.id), "made")
        yield from _alerts_of_nobody(db, made)
        yield from _fates(db, {delivery for delivery, _ in notes.told})
        yield from _strange_keys(db, notes)


def missing(database: Path, alerts: Iterable[str]) -> Iterator[str]:
    """What is lost of alerts that the bridge said were safe."""
    with autopsy(database) as db:
        yield from _damage(db)
        for alert in alerts:
            yield from _unkept(db, alert, "called safe")


def ended_well(database: Path, notes: Notes, *, all_known: bool = True) -> Iterator[str]:
    """What is wrong with the deliveries once a bridge had time to finish.

    Args:
        database: the file in use.
        notes: of the receiver.
        all_known: whether this file has every delivery there ever was, and no other file has any.
    """
    with autopsy(database) as db:
        yield from _fates(db, {delivery for delivery, _ in notes.told})
        if all_known:
            yield from _strange_keys(db, notes)


def mark(database: Path, serial: str) -> int:
    """How far a dead bridge had settled a button; the next one will not ask for anything up to there."""
    with autopsy(database) as db:
        found = db.execute("SELECT event_count FROM button WHERE serial = ?", (serial,)).fetchone()
        return int(found[0]) if found else 0


def is_finished(database: Path, presses: int) -> bool:
    """Whether a living bridge has taken so many presses, and has nothing left to carry."""
    with closing(sqlite3.connect(f"{database.as_uri()}?mode=ro", uri=True)) as db:
        alerts = db.execute("SELECT COUNT(*) FROM alert").fetchone()[0]
        unfinished = "SELECT COUNT(*) FROM delivery WHERE state IN ('queued', 'sending')"
        return alerts >= presses and not db.execute(unfinished).fetchone()[0]


def _damage(db: sqlite3.Connection) -> Iterator[str]:
    found = db.execute("PRAGMA integrity_check").fetchone()[0]
    if found != "ok":
        yield f"the database is damaged: {found}"
    if db.execute("PRAGMA foreign_key_check").fetchone() is not None:
        yield "the database has rows that belong to nothing"


def _unkept(db: sqlite3.Connection, press: str, how: str) -> Iterator[str]:
    """No press without an alert, none with two (no press joins here), no alert without deliveries."""
    alerts = [row["alert"] for row in db.execute("SELECT alert FROM alert_event WHERE press = ?", (press,))]
    if alerts != [press]:
        yield f"the press {press}, {how}, is in {len(alerts)} alerts"
        return
    if not db.execute("SELECT COUNT(*) FROM alert WHERE id = ?", (press,)).fetchone()[0]:
        yield f"the press {press}, {how}, has a history and no alert"
    owed = "SELECT COUNT(*) FROM delivery WHERE alert = ? AND purpose = 'alert'"
    if not db.execute(owed, (press,)).fetchone()[0]:
        yield f"the alert {press} has no deliveries"


def _alerts_of_nobody(db: sqlite3.Connection, made: set[str]) -> Iterator[str]:
    raised = [row["id"] for row in db.execute("SELECT id FROM alert")]
    for alert in set(raised) - made:
        yield f"the alert {alert} comes of no press"
    if len(raised) > len(made):
        yield f"{len(raised)} alerts for {len(made)} presses"


def _fates(db: sqlite3.Connection, told: set[str]) -> Iterator[str]:
    """Every delivery is done and somebody was told, or it was given up and it is written down why."""
    for row in db.execute("SELECT id, alert, state, last_error FROM delivery"):
        delivery, state = row["id"], row["state"]
        if state in GIVEN_UP:
            if not _has_reason(db, row):
                yield f"the delivery {delivery} was given up ({state}) without a reason"
        elif state not in DONE:
            yield f"the delivery {delivery} is still {state}"
        elif delivery not in told:
            yield f"the delivery {delivery} is {state}, and nobody was told"


def _has_reason(db: sqlite3.Connection, delivery: sqlite3.Row) -> bool:
    if delivery["state"] == "withdrawn":
        answered = f"SELECT COUNT(*) FROM alert_event WHERE alert = ? AND what IN {ANSWERS}"
        return bool(db.execute(answered, (delivery["alert"],)).fetchone()[0])
    tried = "SELECT COUNT(*) FROM attempt WHERE delivery = ? AND detail <> ''"
    return bool(delivery["last_error"] and db.execute(tried, (delivery["id"],)).fetchone()[0])


def _strange_keys(db: sqlite3.Connection, notes: Notes) -> Iterator[str]:
    """Every try of a delivery has the same idempotency key."""
    known = {row["id"]: row["key_no"] for row in db.execute("SELECT id, key_no FROM delivery")}
    for delivery, keys in notes.keys.items():
        if delivery not in known:
            yield f"a try has a key that is no delivery's: {', '.join(keys)}"
        elif len(keys) > 1 + known[delivery]:
            yield f"the delivery {delivery} was tried under {len(keys)} keys"
