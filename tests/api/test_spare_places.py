"""Where the API is reached if the state directory cannot be used."""

from pathlib import Path

import pytest

from flicbridge.api import endpoint
from flicbridge.api.endpoint import own_temporary_folder, spare_socket_paths


@pytest.fixture(autouse=True)
def nothing_from_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A user to whom the system gives no place in memory; returns where temporary files go."""
    for name in ("RUNTIME_DIRECTORY", "XDG_RUNTIME_DIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(endpoint, "SYSTEM_HOMES", ())
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    temporary.chmod(0o1777)
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    return temporary


def test_the_last_resort_is_a_folder_that_only_its_owner_can_enter(tmp_path: Path) -> None:
    [place] = spare_socket_paths(tmp_path / "state", make=True)
    assert place.parent.stat().st_mode & 0o777 == 0o700
    assert [place] == list(spare_socket_paths(tmp_path / "state"))  # who asks finds the same


def test_whoever_only_asks_makes_no_folder(tmp_path: Path, nothing_from_the_system: Path) -> None:
    assert list(spare_socket_paths(tmp_path / "state")) == []
    assert list(nothing_from_the_system.iterdir()) == []


def test_a_folder_that_others_can_enter_is_not_believed() -> None:
    folder = own_temporary_folder(make=True)
    assert folder is not None
    folder.chmod(0o755)
    assert own_temporary_folder(make=True) is None


def test_a_link_in_its_place_is_not_believed(tmp_path: Path) -> None:
    folder = own_temporary_folder(make=True)
    assert folder is not None
    folder.rename(tmp_path / "elsewhere")
    folder.symlink_to(tmp_path / "elsewhere")
    assert own_temporary_folder(make=True) is None
