"""What a bundle rests on is collected from real programs and files, and none of them can hold it up."""

import os
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from flicbridge.bridge import DATABASE
from flicbridge.outbox.database import connect
from flicbridge.selfcheck import bundle, logbook
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.program import output_of

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(os.name != "posix", reason="the stand-ins are shell scripts"),
]

type Install = Callable[[str, str], None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Install:
    """`install(name, script)`: a program that is found before the machine's own."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder), prepend=os.pathsep)

    def put(name: str, script: str) -> None:
        (folder / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / name).chmod(0o700)

    return put


async def test_a_program_is_heard_out() -> None:
    assert await output_of((sys.executable, "-c", "print('5.66')"), timeout_s=10) == "5.66\n"


async def test_a_program_that_is_missing_fails_or_hangs_says_nothing(install: Install) -> None:
    install("failing", "echo half; exit 3")
    install("hanging", "exec sleep 60")
    assert await output_of(("no-such-program",), timeout_s=10) is None
    assert await output_of(("failing",), timeout_s=10) is None
    assert await output_of(("hanging",), timeout_s=0.1) is None


async def test_the_log_is_asked_for_our_unit_alone(install: Install, tmp_path: Path) -> None:
    install(
        "journalctl", f'echo "$@" > {tmp_path}/asked; echo \'{{"event": "bridge_ready"}}\'; echo "not ours"'
    )
    assert await logbook.recent() == [{"event": "bridge_ready"}]
    asked = (tmp_path / "asked").read_text().split()
    assert "--unit=flicbridge.service" in asked
    assert f"--lines={logbook.LINES}" in asked


async def test_evidence_is_what_is_there(install: Install, case: Case) -> None:
    install("journalctl", "exit 1")
    (case.file.parent / "secrets").mkdir()
    (case.file.parent / "secrets" / "hub-key").write_text("whsec_0123456789")
    (case.file.parent / "secrets" / "hub-key").chmod(0o600)
    case.state_dir.mkdir()
    connect(case.state_dir / DATABASE).close()
    found = await bundle.gather(case)
    assert "whsec_0123456789" in found.secrets
    assert found.raw["doctor"]["name"] == "Dr Zoé Martin"
    assert (found.status, found.log) == (None, [])
    assert found.inventory is not None
    assert found.inventory.rows["alert"] == 0


async def test_a_disk_that_hangs_leaves_its_part_out(
    install: Install, case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    install("journalctl", "exit 1")
    case.state_dir.mkdir()
    (case.state_dir / DATABASE).touch()
    monkeypatch.setattr(bundle, "DISK_TIMEOUT_S", 0.1)
    monkeypatch.setattr(bundle, "take_inventory", lambda _path: never.wait())
    assert (await bundle.gather(case)).inventory is None
    never.set()
