"""Only one bridge per state_dir."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from flicbridge.api.claim import claimed
from flicbridge.api.endpoint import Endpoint
from flicbridge.errors import InputError

HOLD = "import sys; from pathlib import Path; from flicbridge.api.claim import claimed\n"
HOLD += "with claimed(Path(sys.argv[1])): print('held', flush=True); sys.stdin.read()"


def test_a_second_claim_is_refused_with_a_remedy(tmp_path: Path) -> None:
    Endpoint(None, "127.0.0.1:1", 4711).write(tmp_path)
    with (
        claimed(tmp_path),
        pytest.raises(InputError, match=f"already running .process 4711.*{tmp_path}.*Stop it first"),
        claimed(tmp_path),
    ):
        pass


def test_a_claim_ends_with_its_context(tmp_path: Path) -> None:
    for _ in range(2):
        with claimed(tmp_path):
            pass


def test_two_folders_are_two_bridges(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    with claimed(tmp_path), claimed(tmp_path / "other"):
        pass


@pytest.mark.real_time
def test_the_claim_of_a_killed_bridge_is_free(tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        with pytest.raises(InputError, match="already running"), claimed(tmp_path):
            pass
        os.kill(other.pid, signal.SIGKILL)
    with claimed(tmp_path):
        pass


def test_a_file_system_without_locks_does_not_keep_a_bridge_from_running(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fcntl = pytest.importorskip("fcntl")

    def unsupported(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", unsupported)
    with claimed(tmp_path):
        pass
