"""Where settings and state are looked for when nobody says."""

import os
import sys
from pathlib import Path

import pytest

from flicbridge.config import default_path, default_state_dir

pytestmark = pytest.mark.skipif(
    sys.platform != "linux", reason="the folders of other platforms are not ours to set"
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user with folders of their own."""
    for kind in ("CONFIG", "STATE"):
        monkeypatch.setenv(f"XDG_{kind}_HOME", str(tmp_path / kind.lower()))
    monkeypatch.setenv("XDG_CONFIG_DIRS", str(tmp_path / "site"))
    return tmp_path


def test_the_settings_of_this_user_come_first(home: Path) -> None:
    for folder in ("config", "site"):
        (home / folder / "flicbridge").mkdir(parents=True)
        (home / folder / "flicbridge" / "flicbridge.toml").touch()
    assert default_path() == home / "config" / "flicbridge" / "flicbridge.toml"


def test_without_them_the_settings_of_the_machine_are_used(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    existing = {Path("/etc/flicbridge/flicbridge.toml")}
    monkeypatch.setattr(Path, "is_file", lambda path: path in existing)
    assert default_path() == Path("/etc/flicbridge/flicbridge.toml")


def test_with_neither_the_path_to_write_them_to_is_this_users(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Path, "is_file", lambda path: False)
    assert default_path() == home / "config" / "flicbridge" / "flicbridge.toml"


def test_the_state_of_a_service_is_the_machines_and_of_a_user_their_own(home: Path) -> None:
    is_service = os.geteuid() == 0
    assert default_state_dir() == (Path("/var/lib") if is_service else home / "state") / "flicbridge"
