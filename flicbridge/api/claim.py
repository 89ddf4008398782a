"""One bridge per `state_dir`: two on one database would send everything twice.

A socket that answers tells a second bridge to stay away, but two that start in the same moment could both
find silence. A lock on a file cannot be missed, works where there are no Unix sockets, and the system lets go
of it when its owner dies, however it dies.
"""

import os
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager, suppress
from errno import EACCES, EAGAIN, EDEADLK
from pathlib import Path

import structlog

from flicbridge.api.endpoint import already_running, mark_of

log = structlog.get_logger()


class Claim:
    """The lock on a `state_dir`.

    Args:
        state_dir: the folder.
    """

    def __init__(self, state_dir: Path) -> None:
        self._state_dir = state_dir
        self._path = state_dir / "bridge.lock"
        self._file: int | None = None

    def take(self) -> None:
        """Lock it, in place of what was locked before.

        Raises:
            InputError: somebody else has.
            OSError: that cannot be done here.
        """
        with ExitStack() as stack:
            file = os.open(self._path, os.O_RDWR | os.O_CREAT, 0o600)
            stack.callback(os.close, file)
            if not _lock(file):
                raise already_running(self._state_dir)
            stack.pop_all()
        self.end()
        self._file = file

    def renew(self) -> None:
        """Lock it again if the folder or the file was removed, with the folder made anew.

        Raises:
            InputError: another bridge has come between.
            OSError: the folder cannot be written.
        """
        if self._file is not None and mark_of(self._path) == mark_of(self._file):
            return
        self._state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        if self._file is not None:
            self.take()
            return
        with suppress(OSError):  # as at the start: it may be a file system without locks
            self.take()

    def end(self) -> None:
        """Let go of it."""
        if self._file is not None:
            os.close(self._file)  # and with it the lock goes
            self._file = None


@contextmanager
def claimed(state_dir: Path) -> Generator[Claim]:
    """Be the only bridge of a `state_dir` for as long as the context lasts.

    A file system that is full, read-only or without locks is no reason to refuse: better a bridge without
    this guard than none.

    Yields:
        The claim, which may have to be renewed.

    Raises:
        InputError: another one is.
    """
    claim = Claim(state_dir)
    try:
        claim.take()
    except OSError as error:
        log.warning("state_dir_cannot_be_claimed", error=error.strerror)
    try:
        yield claim
    finally:
        claim.end()


def _lock(file: int) -> bool:
    """Lock a file, unless somebody else has. Its bytes do not matter, and are not touched."""
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (EACCES, EAGAIN, EDEADLK):
            return False
        raise
    return True
