"""`flicbridge selfcheck`, through the entry point: what it says, its exit code, and its bundle."""

import json
import os
import sqlite3
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.real_time


@pytest.fixture(autouse=True)
def no_bus(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine without a message bus, whatever this one has."""
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/none")


def checks(said: Any) -> dict[str, str]:
    return {finding["check"]: finding["verdict"] for finding in said.json["findings"]}


def test_without_a_bridge_there_is_a_fault_and_a_remedy(
    flicbridge: Callable[..., Any], settings: Path
) -> None:
    said = flicbridge("selfcheck", "--config", settings)
    assert said.code == 1
    assert "FAULT" in said.out
    assert "No bridge runs" in said.out
    assert "flicbridge run" in said.out
    assert said.err == ""


def test_json_says_the_same_for_programs(flicbridge: Callable[..., Any], settings: Path) -> None:
    said = flicbridge("selfcheck", "--config", settings, "--json")
    assert said.code == 1
    assert said.json["ok"] is False
    found = checks(said)
    assert found["versions"] == "ok"
    assert found["settings"] == "ok"
    assert found["secrets"] == "ok"
    assert found["bridge_not_running"] == "fault"
    assert found["server_unreachable"] == "fault"  # port 9 of this machine
    assert found["bluetooth_unused"] == "not_applicable"
    assert said.json["counts"]["fault"] == 2
    for finding in said.json["findings"]:
        assert finding["text"]
        assert bool(finding["remedy"]) == (finding["verdict"] in ("warning", "fault"))


def test_beside_a_running_bridge_nothing_is_sent_taken_or_changed(
    flicbridge: Callable[..., Any], settings: Path, bridge: "subprocess.Popen[str]"
) -> None:
    before = rows(settings)
    said = flicbridge("selfcheck", "--config", settings, "--json")
    found = checks(said)
    assert found["bridge"] == "ok"
    assert found["state_dir"] == "ok"
    assert found["disk_speed"] in ("ok", "warning")
    assert found["store"] == "ok"
    assert bridge.poll() is None
    assert rows(settings) == before
    assert not [*(settings.parent / "state").glob(".selfcheck-*")]


def rows(settings: Path) -> list[tuple[int, ...]]:
    """How many alerts, messages and tries there are."""
    db = sqlite3.connect(f"{(settings.parent / 'state' / 'flicbridge.db').as_uri()}?mode=ro", uri=True)
    try:
        return [
            db.execute(f"SELECT count(*) FROM {name}").fetchone() for name in ("alert", "delivery", "attempt")
        ]
    finally:
        db.close()


def test_a_bridge_that_rehearses_is_a_fault(
    flicbridge: Callable[..., Any], settings: Path, dry_run: "subprocess.Popen[str]"
) -> None:
    found = checks(flicbridge("selfcheck", "--config", settings, "--json"))
    assert found["bridge_rehearses"] == "fault"


def test_wrong_settings_are_a_finding_and_the_rest_is_checked(
    flicbridge: Callable[..., Any], settings: Path
) -> None:
    settings.write_text(settings.read_text(encoding="utf-8") + "\n[nonsense]\n", encoding="utf-8")
    said = flicbridge("selfcheck", "--config", settings, "--json")
    assert said.code == 1
    assert checks(said)["settings_wrong"] == "fault"
    assert checks(said)["versions"] == "ok"


def test_a_bundle_tells_nothing_about_people(
    flicbridge: Callable[..., Any], settings: Path, bridge: "subprocess.Popen[str]", tmp_path: Path
) -> None:
    file = tmp_path / "bundle.tar.gz"
    said = flicbridge("selfcheck", "--config", settings, "--bundle", file)
    assert str(file) in "".join(said.err.splitlines())
    assert file.stat().st_mode & 0o777 == 0o600
    with tarfile.open(file) as archive:
        texts = {member.name: archive.extractfile(member).read().decode() for member in archive}  # type: ignore[union-attr]
    assert json.loads(texts["status.json"])["bridge"]["rehearsal"] is False
    assert json.loads(texts["database.json"])["rows"]["alert"] == 0
    assert json.loads(texts["settings.json"])["doctor"] == {"name": "***", "phone": "***"}
    for secret in (
        "Anne",
        "Martin",
        "612345678",
        "12 34 56",
        "rue des",
        "Limoges",
        "45.83",
        "1.26",
        "whsec",
        "/hook",
    ):
        assert [name for name, text in texts.items() if secret in text] == []


@pytest.mark.parametrize("name", ["bundle.rar", "nowhere/bundle.zip", "there.zip"])
def test_a_bundle_that_cannot_be_written_is_wrong_input_before_anything_is_checked(
    flicbridge: Callable[..., Any], settings: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / "there.zip").touch()
    said = flicbridge("selfcheck", "--config", settings, "--bundle", tmp_path / name)
    assert said.code == 2
    assert said.out == ""
    assert name.rpartition("/")[0] or name in said.err


def test_the_real_program_ends_in_time_and_without_a_traceback(settings: Path, tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "flicbridge",
        "selfcheck",
        "--config",
        str(settings),
        "--bundle",
        "b.zip",
    ]
    environment = {**os.environ, "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere"}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, encoding="utf-8", timeout=60, check=False
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stdout + done.stderr
    assert (tmp_path / "b.zip").stat().st_size > 1000
