"""A database that comes back: opened anew after every fault of the disk, for as long as the bridge runs.

What is done about a fault:

| fault     | what is done                                                                                  |
|-----------|-----------------------------------------------------------------------------------------------|
| full      | the reserve is given up and the job tried again; taken back when there is room                |
| read-only, io_error, missing | the next job opens the file anew, and makes it anew if it is gone           |
| corrupt   | the file is set aside under another name, never deleted; what can still be read of pairings,  |
|           | open alerts and unfinished messages goes into a new one                                       |
| too new   | the file is left untouched; a file of our own version beside it is used instead               |
| stalled   | nothing, until the disk answers                                                               |

Pairings that a new file lacks come from their second copy.
"""

import os
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Final

import structlog

from flicbridge.errors import StoreError, StoreTooNewError
from flicbridge.outbox import queries
from flicbridge.outbox.database import Worker, connect, migrations
from flicbridge.outbox.fault import Fault, fault_of
from flicbridge.outbox.pairings import PairingsCopy
from flicbridge.outbox.reserve import Reserve
from flicbridge.outbox.rows import button_row
from flicbridge.outbox.salvage import salvage

log = structlog.get_logger()

JOURNALS: Final = ("-wal", "-shm")
ASIDE: Final = "corrupt"

# After these the connection itself may be broken, and the next job gets a new one.
_REOPENED_AFTER: Final = {Fault.READ_ONLY, Fault.IO_ERROR, Fault.MISSING, Fault.CORRUPT}


class Disk:
    """The files of one database: which one is in use, and what lies beside it."""

    def __init__(self, path: Path) -> None:
        """Everything that belongs to the database is called like it, with something after its name."""
        self.path = path
        self._wanted = path
        self.reserve = Reserve(path.with_name(f"{path.name}.reserve"))
        self.pairings = PairingsCopy(path.with_name(f"{path.name}.pairings.json"))

    def connect(self) -> sqlite3.Connection:
        """Open the database for writing, whatever it takes.

        Raises:
            StoreError: nothing helps.
        """
        with suppress(OSError):  # then opening says what is wrong, too
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            return self._connected()
        except StoreTooNewError as error:
            log.error("database_too_new", error=str(error))
            self.path = self._wanted.with_name(f"{self._wanted.name}.schema-{len(migrations())}")
        except StoreError as error:
            self.mend(error)
        return self._connected()

    def mend(self, error: Exception) -> None:
        """Do about a fault what can be done at once, or raise it again."""
        fault = fault_of(error)
        if fault is Fault.CORRUPT:
            self._set_aside()
        elif fault is Fault.FULL and self.reserve.release():
            log.error("disk_full", reserve="released")
        else:
            raise error

    def connect_strictly(self) -> sqlite3.Connection:
        """Open the database for writing if nothing is wrong with it.

        Raises:
            StoreError: it cannot be used.
            StoreTooNewError: a newer flicbridge wrote it.
        """
        return self._connected()

    def _connected(self) -> sqlite3.Connection:
        db = connect(self.path)
        try:
            records = self.pairings.read().values()
            db.executemany(queries.RESTORE_BUTTON, [button_row(record) for record in records])
        except sqlite3.Error as error:
            db.close()
            raise StoreError(
                f"cannot use the database {self.path}: {error}", fault=fault_of(error) or ""
            ) from error
        return db

    def _set_aside(self) -> None:
        """Rename a database that is damaged, with its journals, and save from it what can be read.

        Raises:
            StoreError: it cannot be renamed.
        """
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
        aside = self.path.with_name(f"{self.path.name}.{ASIDE}-{stamp}")
        log.error("database_set_aside", file=aside.name)
        try:
            for journal in JOURNALS:
                with suppress(FileNotFoundError):
                    self.path.with_name(self.path.name + journal).replace(f"{aside}{journal}")
            self.path.replace(aside)
        except OSError as error:
            why = f"cannot set the damaged database aside: {error}"
            raise StoreError(why, fault=Fault.CORRUPT) from error
        with suppress(StoreError, StoreTooNewError):
            fresh = connect(self.path)
            try:
                salvage(aside, fresh)
            finally:
                fresh.close()

    @property
    def asides(self) -> Iterator[str]:
        """The names of what was set aside and still lies there, oldest first."""
        files = self._wanted.parent.glob(f"{self._wanted.name}*.{ASIDE}-*Z")
        return iter(sorted(file.name for file in files))

    @property
    def is_beside(self) -> bool:
        """Whether a file beside the wanted one is in use, because that is of a newer version."""
        return self.path != self._wanted


class LastingWorker(Worker):
    """A worker that opens its database when it is first needed, and again whenever it was lost."""

    def __init__(self, connect: Callable[[], sqlite3.Connection], disk: Disk, name: str) -> None:
        super().__init__(None, name)
        self._connect = connect
        self._disk = disk
        self._file: tuple[int, int] | None = None
        self.openings = 0
        """How often the database was opened."""

    def _do[T](self, job: Callable[[sqlite3.Connection], T]) -> T:
        try:
            return job(self._opened())
        except sqlite3.Error as error:
            return self._after(error, job)

    def _opened(self) -> sqlite3.Connection:
        """The connection, a new one if there is none or its file is no longer where it was."""
        if self._db is not None and self._file != _identity(self._disk.path):
            log.error("database_gone", file=self._disk.path.name)
            self._drop()
        if self._db is None:
            self._db = self._connect()
            self._file = _identity(self._disk.path)
            self.openings += 1
        return self._db

    def _after[T](self, error: sqlite3.Error, job: Callable[[sqlite3.Connection], T]) -> T:
        """Mend what can be mended at once; what failed was rolled back, and is tried again."""
        if fault_of(error) in _REOPENED_AFTER:
            self._drop()
        self._disk.mend(error)
        return job(self._opened())

    def _drop(self) -> None:
        with suppress(sqlite3.Error):
            self._shut()


class LastingReader(LastingWorker):
    """The same for reading: it mends nothing, and makes no file."""

    def _do[T](self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Read; a disk that can only be read is let go of at once.

        As long as one connection of a process holds it as such, no other can write: they share the journal's
        index.
        """
        try:
            return super()._do(job)
        finally:
            if not os.access(self._disk.path, os.W_OK):
                self._drop()

    def _after[T](self, error: sqlite3.Error, job: Callable[[sqlite3.Connection], T]) -> T:
        self._drop()
        raise error


def connect_to_read(disk: Disk) -> sqlite3.Connection:
    """Open the database for reading, be it on a file system that cannot be written.

    Raises:
        StoreError: it cannot be read either.
    """
    try:
        return connect(disk.path, read_only=True)
    except StoreTooNewError as error:  # whoever writes will soon have another one
        raise StoreError(str(error), fault=Fault.TOO_NEW) from error
    except StoreError:
        # Without a journal's index beside it, and where none can be made, SQLite reads a file only if told
        # that nobody changes it.
        return connect(disk.path, read_only=True, immutable=True)


def _identity(path: Path) -> tuple[int, int] | None:
    """Which file there is under a name: a file that was removed can be written to, and nobody finds it."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
