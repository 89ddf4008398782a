"""One SQLite file, one thread that writes it, one that reads it, and its migrations."""

import asyncio
import os
import sqlite3
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Final, Self

from flicbridge.errors import StoreError, StoreTooNewError

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


def connect(path: Path, *, read_only: bool = False) -> sqlite3.Connection:
    """Open the file, durable and strict; a new one is readable by its owner alone.

    Raises:
        StoreError: it cannot be opened, or is no database.
        StoreTooNewError: a newer flicbridge wrote it. It is left untouched.
    """
    try:
        if not read_only:
            os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        db = sqlite3.connect(
            f"{path.absolute().as_uri()}?mode={'ro' if read_only else 'rw'}",
            uri=True,
            isolation_level=None,
            timeout=BUSY_TIMEOUT_S,
            check_same_thread=False,  # opened here, used from its own thread only
        )
    except (OSError, sqlite3.Error) as error:
        raise StoreError(f"cannot open the database {path}: {error}") from error
    try:
        _refuse_strangers(path)
        db.row_factory = sqlite3.Row
        _refuse_newer(db, path)
        if not read_only:
            _make_durable(db)
            _migrate(db)
    except sqlite3.Error as error:
        db.close()
        raise StoreError(f"cannot use the database {path}: {error}") from error
    except (StoreError, StoreTooNewError):
        db.close()
        raise
    return db


def _refuse_strangers(path: Path) -> None:
    """SQLite takes a file of a few bytes for an empty database and overwrites it; we do not."""
    with path.open("rb") as file:
        head = file.read(len(SQLITE_MAGIC))
    if head not in (b"", SQLITE_MAGIC):
        raise StoreError(f"cannot use the database {path}: it is no SQLite file; move it away or restore it")


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
    db.execute("PRAGMA foreign_keys = ON")


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
        db.execute("ROLLBACK")
        raise
    db.execute("COMMIT")


class Worker:
    """A connection and the one thread that uses it, so that the loop never waits for a disk."""

    def __init__(self, db: sqlite3.Connection, name: str) -> None:
        self._db = db
        self._closed = False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=f"flicbridge-{name}")

    @classmethod
    def open(cls, path: Path, name: str, *, read_only: bool = False) -> Self:
        """Open the database and start the thread. See `connect` for what is raised."""
        return cls(connect(path, read_only=read_only), name)

    async def run[T](self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job with the connection, in the thread.

        Raises:
            StoreError: SQLite refused, or did not answer in time. In the latter case the job may still
                succeed later.
        """
        if self._closed:
            raise StoreError("the store is closed")
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(COMMIT_TIMEOUT_S):
                return await loop.run_in_executor(self._thread, job, self._db)
        except sqlite3.Error as error:
            raise StoreError(f"{getattr(error, 'sqlite_errorname', 'SQLite')}: {error}") from error
        except TimeoutError as error:
            raise StoreError(f"the disk did not answer within {COMMIT_TIMEOUT_S:g} s") from error

    async def close(self) -> None:
        """Close the connection after what is under way, and end the thread. Closing twice is once."""
        if self._closed:
            return
        try:
            await self.run(lambda db: db.close())
        finally:
            self._closed = True
            self._thread.shutdown(wait=False)
