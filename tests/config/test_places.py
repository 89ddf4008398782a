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


@pytest.fixture
def machine(home: Path) -> Path:
    """Where the service reads its settings."""
    return home / "etc" / "flicbridge"


def make(folder: Path) -> Path:
    """An empty settings file."""
    folder.mkdir(parents=True)
    (folder / "flicbridge.toml").touch()
    return folder / "flicbridge.toml"


def test_a_user_gets_their_own_settings_first_and_root_those_of_the_service(
    home: Path, machine: Path
) -> None:
    own, shared = make(home / "config" / "flicbridge"), make(machine)
    make(home / "site" / "flicbridge")
    assert default_path(by_root=False, machine=machine) == own
    assert default_path(by_root=True, machine=machine) == shared


@pytest.mark.parametrize("by_root", [False, True])
def test_what_there_is_is_used_whoever_asks(home: Path, machine: Path, by_root: bool) -> None:
    site = make(home / "site" / "flicbridge")
    assert default_path(by_root=by_root, machine=machine) == site
    shared = make(machine)
    assert default_path(by_root=by_root, machine=machine) == shared


def test_root_keeps_settings_of_its_own_while_the_machine_has_none(home: Path, machine: Path) -> None:
    own = make(home / "config" / "flicbridge")
    assert default_path(by_root=True, machine=machine) == own


def test_with_none_a_user_writes_their_own_and_root_those_of_the_service(home: Path, machine: Path) -> None:
    assert default_path(by_root=False, machine=machine) == home / "config" / "flicbridge" / "flicbridge.toml"
    assert default_path(by_root=True, machine=machine) == machine / "flicbridge.toml"


def test_who_asks_is_who_runs_the_program(home: Path, machine: Path) -> None:
    is_root = os.geteuid() == 0
    assert default_path(machine=machine) == default_path(by_root=is_root, machine=machine)


def test_settings_of_the_machine_behind_a_closed_door_are_not_overlooked(
    home: Path, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Root sees through every door, so the door is a stand-in."""
    close(machine, monkeypatch)
    assert default_path(by_root=False, machine=machine) == machine / "flicbridge.toml"


def test_a_home_behind_a_closed_door_is_somebody_elses(
    home: Path, machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = make(machine)
    close(home / "config", monkeypatch)
    assert default_path(by_root=False, machine=machine) == shared


def close(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let nobody look into a folder."""
    look = Path.stat

    def stat(path: Path, *, follow_symlinks: bool = True) -> os.stat_result:
        if path.is_relative_to(folder):
            raise PermissionError(13, "Permission denied", str(path))
        return look(path, follow_symlinks=follow_symlinks)

    monkeypatch.setattr(Path, "stat", stat)


def test_the_state_of_a_service_is_the_machines_and_of_a_user_their_own(home: Path) -> None:
    is_service = os.geteuid() == 0
    assert default_state_dir() == (Path("/var/lib") if is_service else home / "state") / "flicbridge"
