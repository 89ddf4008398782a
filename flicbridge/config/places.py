"""Where the settings and the state are, unless somebody says otherwise."""

from pathlib import Path
from typing import Final

from platformdirs import PlatformDirs

FILE_NAME: Final = "flicbridge.toml"


def default_state_dir() -> Path:
    """The platform's folder for state: the user's own, or the machine's when run by root."""
    # What root starts is a service: its state belongs into /var/lib, not into /root.
    return PlatformDirs("flicbridge", appauthor=False, use_site_for_root=True).user_state_path


def default_path() -> Path:
    """The settings file to use when none is named: this user's, or else the machine's if that exists."""
    folders = PlatformDirs("flicbridge", appauthor=False)
    candidates = (
        folders.user_config_path / FILE_NAME,
        Path("/etc/flicbridge") / FILE_NAME,
        folders.site_config_path / FILE_NAME,
    )
    return next((path for path in candidates if path.is_file()), candidates[0])
