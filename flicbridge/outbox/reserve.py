"""A file that holds room on the disk, to be given up when it is full.

On a full disk SQLite can neither delete nor shorten its journal, for both begin with writing. What this file
held is enough for the presses of many days, until somebody has made room.
"""

import os
import shutil
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final

# The journal grows to 1 MiB before SQLite folds it into the database. On a memory card this is nothing.
RESERVE_BYTES: Final = 4 * 1024 * 1024

# Taken back only when so many times its size is free, or it would be given up again at once.
AMPLE: Final = 3

_CHUNK: Final = bytes(64 * 1024)


class Reserve:
    """The file, and whether it is there."""

    def __init__(self, path: Path, size_bytes: int = RESERVE_BYTES) -> None:
        self._path = path
        self._size_bytes = size_bytes

    @property
    def is_there(self) -> bool:
        """Whether there is room that could be given up."""
        return self._path.exists()

    def release(self) -> bool:
        """Give the room up; returns whether there was any."""
        try:
            self._path.unlink()
        except OSError:
            return False
        return True

    def keep(self) -> bool:
        """Take the room, if it is free and not taken yet; returns whether it is taken now."""
        if self.is_there:
            return True
        draft = self._path.with_name(f"{self._path.name}.new")
        try:
            if shutil.disk_usage(self._path.parent).free < AMPLE * self._size_bytes:
                return False
            self._fill(draft)
            draft.replace(self._path)
        except OSError:
            with suppress(OSError):
                draft.unlink()
            return False
        return True

    def _fill(self, draft: Path) -> None:
        """Never left sparse, for a hole holds no room. Where blocks can be asked for, nothing is written: a
        self-test does this too, and memory cards wear out by writing.
        """
        file = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        try:
            if sys.platform == "linux":
                os.posix_fallocate(file, 0, self._size_bytes)
            else:
                for _ in range(self._size_bytes // len(_CHUNK)):
                    os.write(file, _CHUNK)
            os.fsync(file)
        finally:
            os.close(file)
