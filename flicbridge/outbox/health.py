"""How the database is: whether it can be written, and what somebody should see to though it can."""

import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flicbridge.errors import StoreError
from flicbridge.observation import Observation, Value
from flicbridge.outbox import queries
from flicbridge.outbox.database import transaction
from flicbridge.outbox.disk import Disk
from flicbridge.outbox.fault import Fault, fault_of

# With less than this left only a try can tell whether a press would still be taken: SQLite's journal grows to
# 1 MiB before it is folded into the database.
ENOUGH_BYTES: Final = 2 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Health:
    """How the database is.

    Attributes:
        error: why it cannot be written, or None.
        fault: the same in one word, where it is known.
        reserve: whether there is room to give up once the disk is full.
        aside: the damaged database that was set aside last and still lies there.
        beside: the file in use, where that of the settings is of a newer version.
        owed: how many presses, answers and outcomes are only in memory.
    """

    error: str | None
    fault: Fault | None
    reserve: bool
    aside: str | None
    beside: str | None
    owed: int = 0

    def observations(self) -> Iterator[Observation]:
        """The same as facts for the board."""
        facts: dict[str, Value] = {
            "state": "ok" if self.error is None else "sick",
            "error": self.error,
            "fault": self.fault,
            "reserve": "there" if self.reserve else "spent" if self.fault in (None, Fault.FULL) else None,
            "aside": self.aside,
            "beside": self.beside,
            "owed": float(self.owed),
        }
        return (Observation("store", fact, value) for fact, value in facts.items())


class Repair:
    """Looks after the files of one database."""

    def __init__(self, disk: Disk) -> None:
        self._disk = disk

    def probe(self, db: sqlite3.Connection) -> None:
        """Write something, for a disk that is full or broken can still be read."""
        with transaction(db):
            db.execute(queries.PROBE)

    def looks_well(self) -> bool:
        """Whether the disk says that it can be written, and has room: asking costs no writing."""
        path = self._disk.path
        try:
            return os.access(path, os.W_OK) and shutil.disk_usage(path.parent).free >= ENOUGH_BYTES
        except OSError:
            return False

    def keep_reserve(self) -> None:
        """Take the reserve back, if it was given up and there is room again."""
        self._disk.reserve.keep()

    def health(self, error: StoreError | None) -> Health:
        """What there is to say after a try."""
        return Health(
            error=None if error is None else str(error),
            fault=fault_of(error),
            reserve=self._disk.reserve.is_there,
            aside=max(self._disk.asides, default=None),
            beside=self._disk.path.name if self._disk.is_beside else None,
        )
