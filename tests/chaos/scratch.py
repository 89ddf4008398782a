"""Folders for stories, in memory where that can be had."""

import os
import tempfile
from pathlib import Path
from typing import Final

MEMORY: Final = Path("/dev/shm")


def scratch_folder() -> tempfile.TemporaryDirectory[str]:
    """A new folder, gone again afterwards.

    SIGKILL takes nothing from the kernel, so whether a commit has reached a disk makes no difference to
    whoever is killed; but two dozen bridges that wait for one disk wait for each other, most of the time.
    Power cuts bring a disk of their own, and tell what did reach it.
    """
    where = MEMORY if os.access(MEMORY, os.W_OK) else None
    return tempfile.TemporaryDirectory(prefix="flicbridge-chaos-", dir=where)
