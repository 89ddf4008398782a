"""One bridge per `state_dir`: two on one database would send everything twice.

A socket that answers tells a second bridge to stay away, but two that start in the same moment could both
find silence. A lock on a file cannot be missed, works where there are no Unix sockets, and the system lets go
of it when its owner dies, however it dies.
"""

import os
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from errno import EACCES, EAGAIN, EDEADLK
from pathlib import Path

import structlog

from flicbridge.api.endpoint import already_running

log = structlog.get_logger()


@contextmanager
def claimed(state_dir: Path) -> Generator[None]:
    """Be the only bridge of a `state_dir` for as long as the context lasts.

    A file system that is full, read-only or without locks is no reason to refuse: better a bridge without
    this guard than none.

    Raises:
        InputError: another one is.
    """
    with ExitStack() as stack:
        is_ours = True
        try:
            file = os.open(state_dir / "bridge.lock", os.O_RDWR | os.O_CREAT, 0o600)
            stack.callback(os.close, file)  # and with it the lock goes
            is_ours = _lock(file)
        except OSError as error:
            log.warning("state_dir_cannot_be_claimed", error=error.strerror)
        if not is_ours:
            raise already_running(state_dir)
        yield


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
