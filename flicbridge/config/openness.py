"""Whether others on this machine can read a settings file: it names people, their numbers and door codes."""

import os
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from flicbridge.errors import Problem

OTHERS: Final = stat.S_IRWXO | stat.S_IWGRP
"""What only the owner may do. The group may read it: the service runs as another user than the owner."""
ROOT: Final = 0


@dataclass(frozen=True, slots=True)
class Openness:
    """A file that is open to others.

    Attributes:
        mode: as it is, such as `0644`.
        closed: as it should be, such as `600`.
    """

    mode: str
    closed: str


def openness(file: Path) -> Openness | None:
    """How open a file is, or None if it is closed to others, or nobody can tell. Raises nothing."""
    if os.name != "posix":
        return None
    try:
        facts = file.stat()
    except OSError:
        return None
    mode = stat.S_IMODE(facts.st_mode)
    if not mode & OTHERS:
        return None
    # A group that is neither root's nor this user's own was chosen: in /etc/flicbridge, that of the service.
    is_shared = mode & stat.S_IRGRP and facts.st_gid not in (ROOT, os.getegid())
    return Openness(f"{mode:04o}", "640" if is_shared else "600")


def advice_on(file: Path) -> list[Problem]:
    """The same for `flicbridge config check`."""
    found = openness(file)
    if found is None:
        return []
    what = f"others on this machine can get at it (mode {found.mode}), and it names people and door codes"
    return [Problem("the file", what, f"Run: chmod {found.closed} {file}")]
