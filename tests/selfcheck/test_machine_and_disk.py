"""What facts about machine, disk, folder and secrets mean; and that measuring leaves nothing behind."""

import os
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from flicbridge.bridge import DATABASE
from flicbridge.credentials import Credentials
from flicbridge.guard.host import MIB, DiskFacts, HostFacts, MemoryFacts, SupplyFacts
from flicbridge.outbox.database import connect, migrations
from flicbridge.selfcheck import disk, machine, permissions, settings
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.disk import WRITES, Writes, judged_speed, measured
from flicbridge.selfcheck.finding import Finding

pytestmark = pytest.mark.real_time

FINE = DiskFacts(900 * MIB, 30_000 * MIB, "ext4", "/dev/sda1", is_read_only=False)
WELL = HostFacts("", FINE, MemoryFacts(500 * MIB, 1000 * MIB), 45.0, SupplyFacts(False, False), True)


def verdicts(findings: Iterator[Finding]) -> dict[str, str]:
    return {finding.check: finding.verdict.value for finding in findings}


# ---- the machine


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (WELL, {"memory": "ok", "temperature": "ok", "supply": "ok"}),
        (replace(WELL, model="Raspberry Pi 5"), {"model": "ok"}),
        (replace(WELL, memory=MemoryFacts(30 * MIB, 500 * MIB)), {"memory_short": "warning"}),
        (replace(WELL, temperature_c=80.0), {"temperature_high": "warning"}),
        (replace(WELL, supply=SupplyFacts(True, True)), {"under_voltage": "fault"}),
        (replace(WELL, supply=SupplyFacts(False, True)), {"under_voltage_since_boot": "warning"}),
        (replace(WELL, supply=SupplyFacts(False, False, throttled=True)), {"throttled": "warning"}),
        (replace(WELL, memory=None), {"memory_unknown": "not_applicable"}),
        (replace(WELL, temperature_c=None), {"temperature_unknown": "not_applicable"}),
        (replace(WELL, supply=None), {"supply_unknown": "not_applicable"}),
    ],
)
def test_facts_about_a_machine_are_judged(facts: HostFacts, expected: dict[str, str]) -> None:
    assert expected.items() <= verdicts(machine.judged(facts)).items()


async def test_this_machine_says_what_runs_on_it(case: Case, ask: Callable[..., Any]) -> None:
    found = await ask(machine.versions, case)
    assert found["versions"].facts["python"].count(".") == 2
    assert {*found["versions"].facts} == {"flicbridge", "python", "bleak", "sqlite"}
    assert "memory" in await ask(machine.probe, case)


@pytest.mark.parametrize(
    ("release", "check"),
    [("5.10.0-28-arm64", "kernel_old"), ("5.15.62", "system"), ("6.1.0-18-amd64", "system"), ("x", "system")],
)
def test_old_kernels_are_named(release: str, check: str) -> None:
    assert machine._system("Linux", release).check == check


# ---- the disk


@pytest.mark.parametrize(
    ("facts", "expected"),
    [
        (FINE, {"disk": "ok"}),
        (replace(FINE, free_bytes=255 * MIB), {"disk_low": "warning"}),
        (replace(FINE, free_bytes=15 * MIB), {"disk_full": "fault"}),
        (replace(FINE, is_read_only=True), {"disk": "ok", "disk_read_only": "fault"}),
        (replace(FINE, file_system="tmpfs"), {"disk": "ok", "disk_lost_with_power": "warning"}),
        (replace(FINE, file_system="overlay"), {"disk": "ok", "disk_lost_with_power": "warning"}),
        (replace(FINE, device="/dev/mmcblk0p2"), {"disk": "ok", "disk_card": "ok"}),
    ],
)
def test_facts_about_a_disk_are_judged(facts: DiskFacts, expected: dict[str, str]) -> None:
    assert verdicts(disk.judged(facts)) == expected


@pytest.mark.parametrize(
    ("median_s", "longest_s", "check"),
    [
        (0.004, 0.03, "disk_speed"),
        (0.21, 0.3, "disk_slow"),
        (0.02, 1.2, "disk_slow"),
        (0.02, 5.1, "disk_stalls"),
    ],
)
def test_the_speed_of_a_disk_is_judged(median_s: float, longest_s: float, check: str) -> None:
    found = judged_speed(Writes(WRITES, median_s, longest_s))
    assert found.check == check
    assert found.facts["median_ms"] == median_s * 1000


def test_each_write_is_timed_and_nothing_is_left_behind(tmp_path: Path) -> None:
    ticks = count()
    writes = measured(tmp_path, lambda: float(next(ticks)))
    assert writes == Writes(WRITES, 1.0, 1.0)
    assert next(ticks) == 2 * WRITES
    assert [*tmp_path.iterdir()] == []


async def test_the_disk_of_a_bridge_that_never_ran_is_not_written(
    case: Case, ask: Callable[..., Any]
) -> None:
    found = await ask(disk.probe, case)
    assert found["disk_speed_unknown"].verdict == "not_applicable"
    assert found["store_none"].verdict == "not_applicable"
    assert not case.state_dir.exists()


async def test_a_database_is_counted_and_not_touched(case: Case, ask: Callable[..., Any]) -> None:
    case.state_dir.mkdir()
    connect(case.state_dir / DATABASE).close()
    before = (case.state_dir / DATABASE).read_bytes()
    found = await ask(disk.probe, case)
    assert found["store"].facts == {"schema": len(migrations()), "alerts": 0}
    assert found["disk_speed"].facts["number"] == WRITES
    assert (case.state_dir / DATABASE).read_bytes() == before


async def test_a_damaged_database_is_a_fault(case: Case, ask: Callable[..., Any]) -> None:
    case.state_dir.mkdir()
    (case.state_dir / DATABASE).write_bytes(b"SQLite format 3\0" + b"?" * 5000)
    found = await ask(disk.probe, case)
    assert found["store_unreadable"].facts == {"fault": "corrupt"}


async def test_a_database_of_a_newer_version_is_a_fault(case: Case, ask: Callable[..., Any]) -> None:
    case.state_dir.mkdir()
    db = connect(case.state_dir / DATABASE)
    db.execute(f"PRAGMA user_version = {len(migrations()) + 1}")
    db.close()
    assert (await ask(disk.probe, case)).faults() == {"store_too_new"}


async def test_a_disk_that_refuses_is_a_fault(
    case: Case, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_file: int) -> None:
        raise OSError(28, "No space left on device")

    case.state_dir.mkdir()
    monkeypatch.setattr(os, "fsync", refuse)
    found = await ask(disk.probe, case)
    assert found["disk_refuses"].facts == {"error": "No space left on device"}
    assert [*case.state_dir.iterdir()] == []


# ---- permissions


def secret(case: Case, mode: int = 0o600) -> None:
    folder = case.file.parent / "secrets"
    folder.mkdir(mode=0o700)
    (folder / "hub-key").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", encoding="ascii")
    (folder / "hub-key").chmod(mode)


async def test_a_closed_folder_and_a_closed_secret_are_fine(case: Case, ask: Callable[..., Any]) -> None:
    case.state_dir.mkdir(mode=0o700)
    secret(case)
    found = await ask(permissions.probe, case)
    assert found.verdicts() == {"state_dir": "ok", "secrets": "ok"}
    assert found["secrets"].facts == {"number": 1}


async def test_a_folder_open_to_others_is_a_warning(case: Case, ask: Callable[..., Any]) -> None:
    case.state_dir.mkdir()
    case.state_dir.chmod(0o755)
    found = await ask(permissions.probe, case)
    assert found["state_dir_open"].facts["mode"] == "0755"


async def test_a_secret_open_to_others_is_a_fault_and_not_shown(case: Case, ask: Callable[..., Any]) -> None:
    secret(case, 0o644)
    found = await ask(permissions.probe, case)
    assert found.faults() == {"secret_refused"}
    assert "mode 0644" in found["secret_refused"].facts["why"]
    assert "whsec" not in str(found)


async def test_a_secret_that_is_missing_may_come_from_systemd(case: Case, ask: Callable[..., Any]) -> None:
    found = await ask(permissions.probe, case)
    assert found["secret_missing"].verdict == "warning"
    assert "LoadCredential" in found["secret_missing"].remedy


async def test_a_secret_in_the_environment_is_found(case: Case, ask: Callable[..., Any]) -> None:
    given = Credentials.beside(case.file, {"FLICBRIDGE_SECRET_HUB_KEY": "whsec_xyz"})
    found = await ask(permissions.probe, replace(case, credentials=given))
    assert found["secrets"].verdict == "ok"


# ---- the settings


async def test_settings_that_work_are_ok_with_advice(case: Case, ask: Callable[..., Any]) -> None:
    found = await ask(settings.probe, case)
    assert found["settings"].verdict == "ok"
    assert found["settings_unwise"].verdict == "warning"


async def test_a_mistake_is_told_by_its_place_and_not_repeated(
    make_case: Callable[..., Case], ask: Callable[..., Any]
) -> None:
    case = make_case(more='[bridges]\nname = "Dr Zoé Martin"\n')
    found = await ask(settings.probe, case)
    assert found["settings_wrong"].facts["where"] == "bridges"
    assert found["settings_wrong"].facts["line"] > 1
    assert "Martin" not in str(found)


async def test_a_file_that_is_not_there_is_a_fault(
    case: Case, ask: Callable[..., Any], tmp_path: Path
) -> None:
    nowhere = Case.open(tmp_path / "nowhere.toml", case.clock)
    assert (await ask(settings.probe, nowhere)).faults() == {"settings_missing"}
    assert nowhere.language == "fr"


@pytest.mark.parametrize(
    ("text", "language", "state"),
    [
        ('[bridge]\nlanguage = "en"\nstate_dir = "there"\n', "en", "there"),
        ('[bridge]\nlanguage = 7\nstate_dir = "a/b"\n', "fr", "a/b"),
    ],
)
def test_of_wrong_settings_as_much_is_used_as_makes_sense(
    make_case: Callable[..., Case], tmp_path: Path, text: str, language: str, state: str
) -> None:
    case = make_case(text=text)
    assert case.settings is None
    assert (case.language, case.state_dir) == (language, tmp_path / state)


def test_a_path_does_not_tell_whose_home_it_is_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "home", lambda: Path("/home/anne"))
    assert settings.shown(Path("/home/anne/state")) == "~/state"
    assert settings.shown(Path("/var/lib/flicbridge")) == "/var/lib/flicbridge"
    monkeypatch.setattr(Path, "home", lambda: Path("/root"))
    assert settings.shown(Path("/root/state")) == "/root/state"
