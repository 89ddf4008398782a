"""One SQLite file, one thread that writes it, one that reads it, and its migrations."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Final, Self

from flicbridge.errors import StoreError, StoreTooNewError
from flicbridge.outbox.fault import Fault, fault_of

# A commit takes a quarter of a millisecond on a laptop and some tens on an SD card. A card that stalls for
# longer than this must not hold up the alert: it then goes out from memory.
COMMIT_TIMEOUT_S: Final = 5.0

BUSY_TIMEOUT_S: Final = 2.0

SQLITE_MAGIC: Final = b"SQLite format 3\0"  # https://sqlite.org/fileformat.html, section 1.3


def migrations() -> list[str]:
    """The schema's steps in order; the n-th brings a database from version n-1 to n."""
    folder = resources.files("flicbridge.outbox") / "schema"
    scripts = sorted((f for f in folder.iterdir() if f.name.endswith(".sql")), key=lambda f: f.name)
    return [script.read_text(encoding="utf-8") for script in scripts]


def connect(path: Path, *, read_only: bool = False, immutable: bool = False) -> sqlite3.Connection:
    """Open the file, durable and strict; a new one is readable by its owner alone.

    Args:
        path: the file.
        read_only: look at it only.
        immutable: read it without any lock or journal, for nobody can change it.

    Raises:
        StoreError: it cannot be opened, or is no database.
        StoreTooNewError: a newer flicbridge wrote it. It is left untouched.
    """
    try:
        if not read_only:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}{'&immutable=1' * immutable}",
            uri=True,
            isolation_level=None,
            timeout=BUSY_TIMEOUT_S,
            check_same_thread=False,  # opened here, used from its own thread only
        )
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot open the database {path}: {error}", fault=fault_of(error) or "") from error
    try:
        _refuse_strangers(path)
        db.row_factory = sqlite3.Row
        _refuse_newer(db, path)
        if not read_only:
            _make_durable(db)
            _migrate(db)
            db.execute("PRAGMA foreign_keys = ON")  # not before: a table made anew would take others along
    except (sqlite3.Error, OSError) as error:
        db.close()
        raise StoreError(f"cannot use the database {path}: {error}", fault=fault_of(error) or "") from error
    except (StoreError, StoreTooNewError):
        db.close()
        raise
    return db


def _refuse_strangers(path: Path) -> None:
    """SQLite takes a file of a few bytes for an empty database and overwrites it; we do not."""
    with path.open("rb") as file:
        head = file.read(len(SQLITE_MAGIC))
    if head not in (b"", SQLITE_MAGIC):
        raise StoreError(
            f"cannot use the database {path}: it is no SQLite file; move it away or restore it",
            fault=Fault.CORRUPT,
        )


def _version(db: sqlite3.Connection) -> int:
    return int(db.execute("PRAGMA user_version").fetchone()[0])


def _refuse_newer(db: sqlite3.Connection, path: Path) -> None:
    found, known = _version(db), len(migrations())
    if found > known:
        raise StoreTooNewError(
            f"{path} was written by a newer flicbridge (schema {found}, this one knows {known}). "
            "Install that version again, or set another state_dir in the settings; nothing was changed."
        )


def _make_durable(db: sqlite3.Connection) -> None:
    # WAL with FULL survived every simulated power cut, NORMAL lost hundreds of acknowledged rows.
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = FULL")
    # The journal is folded into the file at 1 MiB: a press waits less for that, and on a full disk the
    # reserve lasts for as many presses as the file grows by, not as the journal does.
    db.execute("PRAGMA wal_autocheckpoint = 256")
    # Room for the inner pages of every index of a million alerts; a small database uses none of it.
    db.execute("PRAGMA cache_size = -8000")


def _migrate(db: sqlite3.Connection) -> None:
    for number, script in enumerate(migrations(), start=1):
        if number > _version(db):
            # executescript ends an open transaction, so the script brings its own.
            db.executescript(f"BEGIN IMMEDIATE;\n{script}\nPRAGMA user_version = {number};\nCOMMIT;")


def copy_for_rehearsal(path: Path, copy: Path) -> None:
    """Copy a database with its pairings and counters, and without any alert: none may be sent twice.

    Raises:
        StoreError: it cannot be read or written.
        StoreTooNewError: a newer flicbridge wrote it.
    """
    source = connect(path, read_only=True)
    target = connect(copy)
    try:
        source.backup(target)
        target.execute("PRAGMA foreign_keys = ON")
        target.execute("DELETE FROM alert")
    except sqlite3.Error as error:
        raise StoreError(f"cannot copy the database {path}: {error}") from error
    finally:
        source.close()
        target.close()


@contextmanager
def transaction(db: sqlite3.Connection) -> Iterator[None]:
    """Everything inside, or nothing, and on disk when it is left."""
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
    except BaseException:
        if db.in_transaction:  # after some faults of the disk SQLite has rolled back itself
            db.execute("ROLLBACK")
        raise
    try:
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # a commit that found the disk full leaves it open
            db.execute("ROLLBACK")
        raise


@dataclass(slots=True)
class _Turn:
    """Where a job stands; written in the thread, read outside of it."""

    has_begun: bool = False
    has_ended: bool = False

    @property
    def is_under_way(self) -> bool:
        return self.has_begun and not self.has_ended


class Worker:
    """A connection and the one thread that uses it, so that the loop never waits for a disk.

    Attributes:
        has_failed: whether a job was refused, or not done in time, since somebody set this to False.
    """

    def __init__(self, db: sqlite3.Connection | None, name: str) -> None:
        self._db = db
        self._closed = False
        self._hanging: _Turn | None = None
        self.has_failed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"flicbridge-{name}")

    @classmethod
    def open(cls, path: Path, name: str, *, read_only: bool = False) -> Self:
        """Open the database and start the thread. See `connect` for what is raised."""
        return cls(connect(path, read_only=read_only), name)

    async def run[T](self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job with the connection, in the thread.

        Raises:
            StoreError: SQLite refused, or did not answer in time. In the latter case the job may still
                succeed later; until it has come back, others are refused at once.
        """
        if self._closed:
            raise StoreError("the store is closed")
        if self._hanging is not None and self._hanging.is_under_way:
            raise StoreError("the disk still does not answer", fault=Fault.STALLED)
        loop, turn = asyncio.get_running_loop(), _Turn()
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                return await loop.run_in_executor(self._thread, self._take, turn, job)
        except sqlite3.Error as error:
            self.has_failed = True
            why = f"{getattr(error, 'sqlite_errorname', 'SQLite')}: {error}"
            raise StoreError(why, fault=fault_of(error) or "") from error
        except TimeoutError as error:
            self.has_failed = True
            if turn.is_under_way:  # it cannot be stopped; what waits behind it is never begun
                self._hanging = turn
            why = f"the disk did not answer within {COMMIT_TIMEOUT_S:g} s"
            raise StoreError(why, fault=Fault.STALLED) from error

    def _take[T](self, turn: "_Turn", job: Callable[[sqlite3.Connection], T]) -> T:
        turn.has_begun = True
        try:
            return self._do(job)
        finally:
            turn.has_ended = True

    def _do[T](self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job; in the thread."""
        if self._db is None:
            raise StoreError("the database is not open")
        return job(self._db)

    def _shut(self) -> None:
        """Close the connection; in the thread."""
        db, self._db = self._db, None
        if db is not None:
            db.close()

    async def close(self) -> None:
        """Close the connection after what is under way, and end the thread. Closing twice is once."""
        if self._closed:
            return
        self._closed = True
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                await asyncio.get_running_loop().run_in_executor(self._thread, self._shut)
        except (sqlite3.Error, TimeoutError) as error:
            raise StoreError(f"the database could not be closed: {error}") from error
        finally:
            self._thread.shutdown(wait=False)
