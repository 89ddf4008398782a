"""Files that only the owner of the bridge may read: secrets, measurements, the report."""

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final

from flicbridge.errors import InputError

ONLY_OWNER: Final = 0o600


def write_private(path: Path, text: str) -> None:
    """Write a file at once or not at all, readable by its owner only.

    Raises:
        InputError: it cannot be written.
    """
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # made for its owner only
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(text.encode())
                stream.flush()
                os.fsync(stream.fileno())
            _hand_over(Path(name))
            Path(name).replace(path)
        finally:
            Path(name).unlink(missing_ok=True)
    except OSError as error:
        raise InputError(
            f"cannot write {path} ({error.strerror}). Run this as a user who may, or name other settings with"
            " --config"
        ) from error


def _hand_over(file: Path) -> None:
    """What root writes belongs to the owner of the folder: the bridge runs as that user."""
    if hasattr(os, "chown") and os.geteuid() == 0:
        owner = file.parent.stat()
        with suppress(OSError):  # a file system without owners
            os.chown(file, owner.st_uid, owner.st_gid)
