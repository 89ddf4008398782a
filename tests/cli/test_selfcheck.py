"""`flicbridge selfcheck`, through the entry point: what it says, its exit code, and its bundle."""

import json
import os
import re
import sqlite3
import subprocess
import sys
import tarfile
import zipfile
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


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """`journal(line, ...)`: what the system's journal has of the bridge."""
    if os.name != "posix":
        pytest.skip("the stand-in is a shell script")
    programs = tmp_path / "programs"
    programs.mkdir()
    monkeypatch.setenv("PATH", str(programs), prepend=os.pathsep)

    def keep(*lines: dict[str, Any]) -> None:
        (tmp_path / "journal").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
        (programs / "journalctl").write_text(f"#!/bin/sh\nexec cat {tmp_path}/journal\n", encoding="utf-8")
        (programs / "journalctl").chmod(0o700)

    return keep


def bundled(file: Path) -> dict[str, str]:
    """The texts in a bundle."""
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


PEOPLE = (
    ('name = "hub"', 'name = "julie-durand"'),
    ('["hub"]', '["julie-durand"]'),
    ('name = "bureau"', 'name = "zoe"'),
)


def change(settings: Path, *changes: tuple[str, str]) -> None:
    text = settings.read_text(encoding="utf-8")
    for old, new in changes:
        assert old in text
        text = text.replace(old, new)
    settings.write_text(text, encoding="utf-8")


def test_a_secret_in_the_place_of_its_name_does_not_get_into_the_bundle(
    flicbridge: Callable[..., Any], settings: Path, journal: Callable[..., None], tmp_path: Path
) -> None:
    join = 'join_within = "0s"'
    change(
        settings, ('"hub-key"', '"motdepasse-secret1"'), (join, f'{join}\nduress_pin = "4711"'),
        ("[practice]", '[api]\nmetrics_token = "k7"\n[maintainer]\nheartbeat = "hub-key"\n[practice]'),
    )  # fmt: skip
    said = "cannot use motdepasse-secret1, 4711 or k7"
    journal({"event": "x", "error": said, "detail": "secrets/4711", "list": ["motdepasse-secret1"]})
    shown = flicbridge("selfcheck", "--config", settings, "--bundle", tmp_path / "b.zip")
    assert "does not find the secret “4711” (alerts.duress_pin)" in " ".join(shown.out.split())
    texts = bundled(tmp_path / "b.zip")
    for secret in ("4711", "motdepasse-secret1"):
        assert [name for name, text in texts.items() if secret in text] == []
    assert [name for name, text in texts.items() if re.search(r"\bk7\b", text)] == []
    assert "does not find the secret “***” (recipients[0].channels[0].secret)" in texts["findings.txt"]
    kept = json.loads(texts["settings.json"])
    assert (kept["alerts"]["duress_pin"], kept["api"]["metrics_token"]) == ("***", "***")
    assert kept["recipients"][0]["channels"][0]["secret"] == "***"
    assert kept["maintainer"]["heartbeat"] == "hub-key"  # that is the name of a secret


def test_a_secret_in_the_place_of_its_name_is_masked_in_settings_with_mistakes_too(
    flicbridge: Callable[..., Any], settings: Path, tmp_path: Path
) -> None:
    change(settings, ('transport = "http"', 'transport = "htpp"'), ('"hub-key"', '"motdepasse-secret1"'))
    flicbridge("selfcheck", "--config", settings, "--bundle", tmp_path / "b.zip")
    texts = bundled(tmp_path / "b.zip")
    assert [name for name, text in texts.items() if "motdepasse-secret1" in text] == []


def test_recipients_and_buttons_are_numbered_in_the_bundle(
    flicbridge: Callable[..., Any], settings: Path, journal: Callable[..., None], tmp_path: Path
) -> None:
    change(settings, *PEOPLE)
    journal(
        {"event": "delivery", "channel": "julie-durand/0", "by": "recipient:julie-durand", "n": 1},
        {"event": "delivery", "channel": "paul-petit/1", "detail": "as paul-petit wanted"},  # of last year
        {"event": "press_taken", "button": "zoe", "gesture": "single"},
    )
    flicbridge("selfcheck", "--config", settings, "--bundle", tmp_path / "b.zip")
    texts = bundled(tmp_path / "b.zip")
    for name in ("julie", "durand", "paul", "petit", "zoe"):
        assert [file for file, text in texts.items() if name in text.lower()] == []
    kept = json.loads(texts["settings.json"])
    assert kept["plan"][0]["notify"] == [kept["recipients"][0]["name"]] == ["recipient-1"]
    assert kept["buttons"][0]["name"] == "button-1"
    lines = [json.loads(line) for line in texts["log.jsonl"].splitlines()]
    assert [line.get("channel") or line["button"] for line in lines] == ["recipient-1/0", "***/1", "button-1"]
    assert "recipient-1/0: " in texts["findings.txt"]


def test_without_settings_that_can_be_read_log_and_status_stay_at_home(
    flicbridge: Callable[..., Any], settings: Path, journal: Callable[..., None], tmp_path: Path
) -> None:
    change(settings, *PEOPLE)
    journal({"event": "delivery", "channel": "julie-durand/0"})
    whole = settings.read_text(encoding="utf-8")
    settings.write_text(whole + "\nbroken = [\n", encoding="utf-8")
    flicbridge("selfcheck", "--config", settings, "--bundle", tmp_path / "b.zip")
    texts = bundled(tmp_path / "b.zip")
    assert {"log.jsonl", "status.json"} & {*texts} == set()
    assert "status.json and log.jsonl were left out" in texts["README.txt"]
    assert [name for name, text in texts.items() if "julie" in text] == []
    settings.write_text(whole, encoding="utf-8")
    flicbridge("selfcheck", "--config", settings, "--bundle", tmp_path / "c.zip")
    assert "left out" not in bundled(tmp_path / "c.zip")["README.txt"]


@pytest.mark.skipif(os.name != "posix", reason="modes are of POSIX")
@pytest.mark.parametrize(
    ("mode", "found", "remedy"),
    [(0o644, True, "chmod 600"), (0o660, True, "chmod 600"), (0o640, False, ""), (0o600, False, "")],
)
def test_settings_that_others_can_read_are_a_warning(
    flicbridge: Callable[..., Any], settings: Path, mode: int, found: bool, remedy: str
) -> None:
    settings.chmod(mode)
    said = flicbridge("selfcheck", "--config", settings, "--json")
    warned = [finding for finding in said.json["findings"] if finding["check"] == "settings_open"]
    assert [finding["verdict"] for finding in warned] == ["warning"] * found
    assert all(f"{remedy} {settings}" in finding["remedy"] for finding in warned)
    checked = flicbridge("config", "check", settings)
    assert (checked.code, checked.out) == (0, f"{settings}: ok\n")
    assert (f"(mode {mode:04o})" in checked.err) == found
    assert (f"{remedy} {settings}" in checked.err) == found or not found


@pytest.mark.skipif(not hasattr(os, "chown") or os.geteuid() != 0, reason="only root gives files away")
def test_settings_that_the_services_group_reads_stay_open_to_it(
    flicbridge: Callable[..., Any], settings: Path
) -> None:
    os.chown(settings, -1, 12345)
    settings.chmod(0o644)
    said = flicbridge("config", "check", settings, "--json")
    assert [w["remedy"] for w in said.json["warnings"] if w["where"] == "the file"] == [
        f"Run: chmod 640 {settings}"
    ]


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
