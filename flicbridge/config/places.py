"""Where the settings and the state are, unless somebody says otherwise."""

import os
import stat
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from platformdirs import PlatformDirs

FILE_NAME: Final = "flicbridge.toml"
MACHINE_FOLDER: Final = Path("/etc/flicbridge")
"""Where the service reads its settings."""


def default_state_dir() -> Path:
    """The platform's folder for state: the user's own, or the machine's when run by root."""
    # What root starts is a service: its state belongs into /var/lib, not into /root.
    return _folders(use_site_for_root=True).user_state_path


def default_path(*, by_root: bool | None = None, machine: Path = MACHINE_FOLDER) -> Path:
    """The settings file to use when none is named: this user's, or else the machine's if that exists.

    For root it is the other way round: what the administrator sets up is what the service reads.

    Args:
        by_root: whether root asks; None: look who runs this process.
        machine: the folder where the service reads its settings.
    """
    folders = _folders()
    own = folders.user_config_path / FILE_NAME
    shared, site = machine / FILE_NAME, folders.site_config_path / FILE_NAME
    # A closed folder of the machine's is the service's, and whoever may not read it is told so. A closed home
    # is somebody else's.
    owns = [own] if _is_there(own) else []
    machines = [path for path in (shared, site) if _is_there(path) is not False]
    if _is_root() if by_root is None else by_root:
        return [*machines, *owns, shared][0]
    return [*owns, *machines, own][0]


def _folders(*, use_site_for_root: bool = False) -> "PlatformDirs":
    # A service is told both places, and needs none of this.
    from platformdirs import PlatformDirs

    return PlatformDirs("flicbridge", appauthor=False, use_site_for_root=use_site_for_root)


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0


def _is_there(path: Path) -> bool | None:
    """Whether there is such a file; None if this user cannot see it."""
    try:
        return stat.S_ISREG(path.stat().st_mode)
    except PermissionError:
        return None
    except OSError:
        return False
