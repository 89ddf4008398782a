"""What is wrong with a disk, in one word, from whatever SQLite or the system said. Pure."""

import errno
import sqlite3
from enum import StrEnum
from typing import Final

from flicbridge.errors import StoreError


class Fault(StrEnum):
    """Why the database cannot be used, by what can be done about it.

    `full`: make room. `read_only`: remount it, or give us the right to write. `io_error`: the disk or its
    cable is dying. `corrupt`: what is in the file is no database any more. `missing`: file or folder went
    away. `stalled`: the disk does not answer. `too_new`: a newer flicbridge wrote it.
    """

    FULL = "full"
    READ_ONLY = "read_only"
    IO_ERROR = "io_error"
    CORRUPT = "corrupt"
    MISSING = "missing"
    STALLED = "stalled"
    TOO_NEW = "too_new"


# Primary result codes: https://sqlite.org/rescode.html
_SQLITE: Final = {
    sqlite3.SQLITE_FULL: Fault.FULL,
    sqlite3.SQLITE_READONLY: Fault.READ_ONLY,
    sqlite3.SQLITE_PERM: Fault.READ_ONLY,
    sqlite3.SQLITE_IOERR: Fault.IO_ERROR,
    sqlite3.SQLITE_CORRUPT: Fault.CORRUPT,
    sqlite3.SQLITE_NOTADB: Fault.CORRUPT,
    sqlite3.SQLITE_CANTOPEN: Fault.MISSING,
}
_SYSTEM: Final = {
    errno.ENOSPC: Fault.FULL,
    errno.EDQUOT: Fault.FULL,
    errno.EROFS: Fault.READ_ONLY,
    errno.EACCES: Fault.READ_ONLY,
    errno.EPERM: Fault.READ_ONLY,
    errno.ENOENT: Fault.MISSING,
    errno.ENOTDIR: Fault.MISSING,
    errno.EEXIST: Fault.MISSING,  # where the folder should be there is a file
}
_PRIMARY: Final = 0xFF  # the rest of an extended code says in which system call it happened


def fault_of(error: BaseException | None) -> Fault | None:
    """Name the fault behind an error, or None where it is no fault of the disk: a busy or wrong statement."""
    match error:
        case StoreError(fault=str(word)) if word:
            return Fault(word)
        case StoreError():
            return fault_of(error.__cause__)
        case sqlite3.Error():
            return _SQLITE.get(getattr(error, "sqlite_errorcode", 0) & _PRIMARY)
        case OSError():
            return _SYSTEM.get(error.errno or 0, Fault.IO_ERROR)
        case _:
            return None
