"""`flicbridge service`: into a system below a folder, and out of it again, as if it had never been there."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from flicbridge.cli import systemd, unit
from flicbridge.cli.service import SYSTEM

type Command = Callable[..., Any]

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="systemd is for Linux")

INTERPRETER = "/opt/pipx/venvs/flicbridge/bin/python"


@pytest.fixture(autouse=True)
def installed_for_everybody(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if this flicbridge were where a service can see it."""
    monkeypatch.setattr(sys, "executable", INTERPRETER)
    monkeypatch.setattr(sys, "base_prefix", "/usr")


@pytest.fixture
def system(tmp_path: Path, settings: Path) -> Path:
    """The root of a system with settings and their secret, whose service may be installed."""
    root = tmp_path / "system"
    home = root / "etc/flicbridge"
    (home / "secrets").mkdir(mode=0o700, parents=True)
    (root / "etc/systemd/system").mkdir(parents=True)
    text = settings.read_text(encoding="utf-8").replace('"state"', '"/var/lib/flicbridge"')
    (home / "flicbridge.toml").write_text(text, encoding="utf-8")
    (home / "secrets/hub-key").write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", encoding="ascii")
    return root


def tree(root: Path) -> dict[str, str]:
    """Every file and folder, with what is in it."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        for path in root.rglob("*")
    }


def drop_in(root: Path) -> Path:
    return root / "etc/systemd/system/flicbridge.service.d/credentials.conf"


def unit_of(root: Path) -> Path:
    return root / "etc/systemd/system/flicbridge.service"


def change(root: Path, old: str, new: str) -> None:
    file = root / "etc/flicbridge/flicbridge.toml"
    text = file.read_text(encoding="utf-8")
    assert old in text
    file.write_text(text.replace(old, new), encoding="utf-8")


def test_install_writes_unit_user_bus_policy_and_credentials(flicbridge: Command, system: Path) -> None:
    said = flicbridge("service", "install", "--root", system)
    assert said.code == 0, said.err
    written = unit_of(system).read_text(encoding="utf-8")
    command = f"{INTERPRETER} -I -m flicbridge run --config /etc/flicbridge/flicbridge.toml"
    assert f"\nExecStart={command}\n" in written
    assert "\nConditionPathExists=/etc/flicbridge/flicbridge.toml\n" in written
    assert "LoadCredential=hub-key:/etc/flicbridge/secrets/hub-key\n" in drop_in(system).read_text("utf-8")
    assert (system / "etc/sysusers.d/flicbridge.conf").read_text("utf-8").endswith("/var/lib/flicbridge\n")
    assert '<policy user="flicbridge">' in (system / "etc/dbus-1/system.d/flicbridge.conf").read_text("utf-8")


def test_what_it_has_not_done_itself_is_said_as_commands(flicbridge: Command, system: Path) -> None:
    (system / "etc/flicbridge/flicbridge.toml").chmod(0o600)
    commands = [line.strip() for line in flicbridge("service", "install", "--root", system).out.splitlines()]
    assert commands[-7:] == [
        "systemd-sysusers /etc/sysusers.d/flicbridge.conf",
        "chgrp flicbridge /etc/flicbridge/flicbridge.toml",
        "chmod g+rX /etc/flicbridge/flicbridge.toml",
        "systemctl daemon-reload",
        "systemctl reload dbus.service",
        "systemctl enable flicbridge.service",
        "systemctl restart flicbridge.service",
    ]


def test_settings_that_the_service_can_read_are_left_alone(flicbridge: Command, system: Path) -> None:
    settings = system / "etc/flicbridge/flicbridge.toml"
    settings.chmod(0o640)
    (system / "etc/group").write_text(
        f"root:x:0:\nflicbridge:x:{settings.stat().st_gid}:\n", encoding="ascii"
    )
    assert "chgrp" not in flicbridge("service", "install", "--root", system).out


def test_uninstall_leaves_the_system_as_it_was(flicbridge: Command, system: Path) -> None:
    before = tree(system)
    flicbridge("service", "install", "--root", system)
    assert tree(system) != before
    said = flicbridge("service", "uninstall", "--root", system)
    assert said.code == 0, said.err
    assert tree(system) == before


def test_installing_twice_changes_nothing(flicbridge: Command, system: Path) -> None:
    flicbridge("service", "install", "--root", system)
    before = tree(system)
    said = flicbridge("service", "install", "--root", system)
    assert tree(system) == before
    assert said.out.count("as it was: ") == 4


def test_credentials_follow_the_settings(flicbridge: Command, system: Path) -> None:
    flicbridge("service", "install", "--root", system)
    change(system, '"hub-key"', '"new-key"')
    (system / "etc/flicbridge/secrets/hub-key").rename(system / "etc/flicbridge/secrets/new-key")
    assert flicbridge("service", "install", "--root", system).code == 0
    assert "LoadCredential=new-key:/etc/flicbridge/secrets/new-key\n" in drop_in(system).read_text("utf-8")
    assert "hub-key" not in drop_in(system).read_text(encoding="utf-8")


def test_settings_without_secrets_need_no_credentials(flicbridge: Command, system: Path) -> None:
    before = tree(system)
    flicbridge("service", "install", "--root", system)
    mail = '{ transport = "email", host = "localhost", from = "a@example.fr", to = "b@example.fr" }'
    change(system, '{ transport = "http", url = "http://127.0.0.1:9/hook", secret = "hub-key" }', mail)
    said = flicbridge("service", "install", "--root", system)
    assert "removed: /etc/systemd/system/flicbridge.service.d/credentials.conf" in said.out
    assert not drop_in(system).exists()
    flicbridge("service", "uninstall", "--root", system)
    assert tree(system).keys() == before.keys()


def test_a_dry_run_shows_everything_and_writes_nothing(flicbridge: Command, system: Path) -> None:
    before = tree(system)
    said = flicbridge("service", "install", "--root", system, "--dry-run")
    assert tree(system) == before
    assert "/etc/systemd/system/flicbridge.service would be written:" in said.out
    assert "SystemCallFilter=@system-service" in said.out
    assert "LoadCredential=hub-key:" in said.out
    assert said.out.rstrip().endswith("systemctl restart flicbridge.service")


def test_a_dry_run_of_the_removal_removes_nothing(flicbridge: Command, system: Path) -> None:
    flicbridge("service", "install", "--root", system)
    before = tree(system)
    said = flicbridge("service", "uninstall", "--root", system, "--dry-run", "--purge")
    assert tree(system) == before
    assert said.out.count("would be removed") == 4
    assert "/var/lib/flicbridge would be erased" in said.out


def test_a_file_that_somebody_has_changed_is_not_overwritten(flicbridge: Command, system: Path) -> None:
    flicbridge("service", "install", "--root", system)
    with unit_of(system).open("a", encoding="utf-8") as file:
        file.write("# mine\n")
    before = tree(system)
    said = flicbridge("service", "install", "--root", system)
    assert said.code == 2
    assert "/etc/systemd/system/flicbridge.service" in said.err
    assert "--replace" in said.err
    assert tree(system) == before


def test_a_file_that_was_there_before_is_kept_beside_when_it_is_replaced(
    flicbridge: Command, system: Path
) -> None:
    unit_of(system).write_text("[Service]\nExecStart=/bin/true\n", encoding="ascii")
    assert flicbridge("service", "install", "--root", system).code == 2
    said = flicbridge("service", "install", "--root", system, "--replace")
    kept = unit_of(system).with_name("flicbridge.service.before-flicbridge")
    assert said.code == 0
    assert f"what was there is now /{kept.relative_to(system)}" in said.out
    assert kept.read_text(encoding="ascii") == "[Service]\nExecStart=/bin/true\n"
    assert "ExecStart=/opt" in unit_of(system).read_text(encoding="utf-8")


def test_a_masked_unit_is_somebody_elses_decision(flicbridge: Command, system: Path) -> None:
    unit_of(system).symlink_to("/dev/null")
    assert flicbridge("service", "install", "--root", system).code == 2
    assert unit_of(system).is_symlink()


def test_what_was_there_already_is_not_ours_to_remove(flicbridge: Command, system: Path) -> None:
    flicbridge("service", "install", "--root", system)
    text = unit_of(system).read_text(encoding="utf-8")
    flicbridge("service", "uninstall", "--root", system)
    unit_of(system).write_text(text, encoding="utf-8")
    flicbridge("service", "install", "--root", system)
    flicbridge("service", "uninstall", "--root", system)
    assert unit_of(system).read_text(encoding="utf-8") == text


def test_uninstall_keeps_what_somebody_has_changed_and_says_so(flicbridge: Command, system: Path) -> None:
    flicbridge("service", "install", "--root", system)
    drop_in(system).write_text("[Service]\nNice=-9\n", encoding="ascii")
    said = flicbridge("service", "uninstall", "--root", system)
    assert f"kept, because somebody has changed it: /{drop_in(system).relative_to(system)}" in said.out
    assert drop_in(system).exists()
    assert not unit_of(system).exists()


def test_state_is_kept_unless_it_is_to_be_purged(flicbridge: Command, system: Path) -> None:
    database = system / "var/lib/flicbridge/flicbridge.db"
    database.parent.mkdir(parents=True)
    database.touch()
    flicbridge("service", "install", "--root", system)
    flicbridge("service", "uninstall", "--root", system)
    assert database.exists()
    assert flicbridge("service", "uninstall", "--root", system, "--purge").code == 2  # nobody can be asked
    assert database.exists()
    assert flicbridge("service", "uninstall", "--root", system, "--purge", "--yes").code == 0
    assert not database.parent.exists()
    assert (system / "etc/flicbridge/flicbridge.toml").exists()


def test_with_nothing_installed_there_is_nothing_to_remove(flicbridge: Command, system: Path) -> None:
    said = flicbridge("service", "uninstall", "--root", system)
    assert said.code == 0
    assert "nothing to remove" in said.out


def test_a_damaged_list_stops_the_removal(flicbridge: Command, system: Path) -> None:
    flicbridge("service", "install", "--root", system)
    (system / "etc/flicbridge/service-files.json").write_text("{", encoding="ascii")
    before = tree(system)
    assert flicbridge("service", "uninstall", "--root", system).code == 2
    assert tree(system) == before


def test_a_missing_secret_is_named_with_the_file_it_is_missing_from(
    flicbridge: Command, system: Path
) -> None:
    (system / "etc/flicbridge/secrets/hub-key").unlink()
    before = tree(system)
    said = flicbridge("service", "install", "--root", system)
    assert said.code == 2
    assert "/etc/flicbridge/secrets/hub-key does not exist" in said.err
    assert tree(system) == before


@pytest.mark.parametrize(
    ("attribute", "place"),
    [("executable", "/root/venv/bin/python"), ("base_prefix", "/home/anne/.pyenv/3.13")],
)
def test_a_flicbridge_in_somebodys_home_cannot_be_a_service(
    flicbridge: Command, system: Path, monkeypatch: pytest.MonkeyPatch, attribute: str, place: str
) -> None:
    monkeypatch.setattr(sys, attribute, place)
    said = flicbridge("service", "install", "--root", system)
    assert said.code == 2
    assert place in said.err
    assert "pipx install --global" in said.err


def test_settings_in_somebodys_home_cannot_be_read_by_a_service(flicbridge: Command, system: Path) -> None:
    home = system / "home/anne"
    home.parent.mkdir()
    (system / "etc/flicbridge").rename(home)
    said = flicbridge("service", "install", "--root", system, "--config", "/home/anne/flicbridge.toml")
    assert said.code == 2
    assert "/etc/flicbridge" in said.err


def test_a_state_folder_that_the_service_cannot_write_is_refused(flicbridge: Command, system: Path) -> None:
    change(system, '"/var/lib/flicbridge"', '"/srv/alarm"')
    said = flicbridge("service", "install", "--root", system)
    assert said.code == 2
    assert "bridge.state_dir" in said.err


def test_all_that_stands_in_the_way_is_said_at_once(
    flicbridge: Command, system: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", "/home/anne/bin/python")
    change(system, '"/var/lib/flicbridge"', '"/srv/alarm"')
    (system / "etc/flicbridge/secrets/hub-key").unlink()
    assert len(flicbridge("service", "install", "--root", system).err.splitlines()) == 3


def test_it_speaks_french_where_the_settings_do(flicbridge: Command, system: Path) -> None:
    change(system, 'language = "en"', 'language = "fr"')
    flicbridge("service", "install", "--root", system)
    assert json.loads((system / "etc/flicbridge/service-files.json").read_bytes())["language"] == "fr"
    (system / "etc/flicbridge/flicbridge.toml").unlink()
    assert "/etc/sysusers.d/flicbridge.conf" in flicbridge("service", "uninstall", "--root", system).out


class TestDebianPackage:
    """Where the package has put everything in its place but the credentials."""

    @pytest.fixture
    def packaged(self, system: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        place = system / "usr/lib/systemd/system/flicbridge.service"
        place.parent.mkdir(parents=True)
        place.touch()
        monkeypatch.setattr(sys, "executable", "/usr/lib/flicbridge/bin/python3")
        return system

    def test_only_credentials_are_written(self, flicbridge: Command, packaged: Path) -> None:
        before = tree(packaged)
        said = flicbridge("service", "install", "--root", packaged)
        assert said.code == 0, said.err
        files = {name for name, content in tree(packaged).items() if content and name not in before}
        assert files == {"etc/flicbridge/service-files.json", str(drop_in(packaged).relative_to(packaged))}
        assert "systemd-sysusers" not in said.out
        flicbridge("service", "uninstall", "--root", packaged)
        assert tree(packaged) == before

    def test_another_flicbridge_is_refused(
        self, flicbridge: Command, packaged: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "executable", INTERPRETER)
        said = flicbridge("service", "install", "--root", packaged)
        assert said.code == 2
        assert "apt remove flicbridge" in said.err

    def test_other_settings_are_refused(self, flicbridge: Command, packaged: Path) -> None:
        (packaged / "etc/flicbridge").rename(packaged / "etc/practice")
        said = flicbridge(
            "service", "install", "--root", packaged, "--config", "/etc/practice/flicbridge.toml"
        )
        assert said.code == 2
        assert "/etc/flicbridge/flicbridge.toml" in said.err

    def test_uninstall_names_what_removes_it(self, flicbridge: Command, packaged: Path) -> None:
        assert "apt remove flicbridge" in flicbridge("service", "uninstall", "--root", packaged).out


class TestThisMachine:
    """Without --root: never past the door, in a test."""

    def test_only_root_may_install(
        self, flicbridge: Command, system: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(os, "geteuid", lambda: 1000)
        monkeypatch.setattr("flicbridge.cli.fit.insist", lambda *_: None)
        monkeypatch.setattr("flicbridge.cli.service.shutil.which", lambda _: "/usr/bin/systemctl")
        said = flicbridge("service", "install", "--config", system / "etc/flicbridge/flicbridge.toml")
        assert said.code == 2
        assert "sudo" in said.err

    def test_a_machine_without_systemd_is_told_apart(
        self, flicbridge: Command, system: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("flicbridge.cli.fit.insist", lambda *_: None)
        monkeypatch.setattr("flicbridge.cli.service.shutil.which", lambda _: None)
        said = flicbridge("service", "install", "--config", system / "etc/flicbridge/flicbridge.toml")
        assert said.code == 2
        assert "no systemd" in said.err

    def test_another_platform_is_told_apart(
        self, flicbridge: Command, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "platform", "darwin")
        assert "Linux" in flicbridge("service", "install").err
        assert "Linux" in flicbridge("service", "uninstall").err

    def test_the_system_itself_is_meant_without_root(self) -> None:
        assert Path("/") == SYSTEM


class TestSteps:
    """Commands that are run because systemd runs."""

    def test_each_is_told_when_it_is_done(self) -> None:
        told: list[str] = []
        systemd.perform([("true",), ("test", "a b", "=", "a b")], told.append, str)
        assert told == ["done: true", "done: test 'a b' = 'a b'"]

    def test_a_failure_says_why_and_what_is_left(self) -> None:
        told: list[str] = []
        failing = ("sh", "-c", "echo no such unit >&2; exit 5")
        with pytest.raises(Exception, match="no such unit") as caught:
            systemd.perform([("true",), failing, ("true", "at last")], told.append, str)
        assert told == ["done: true"]
        assert str(caught.value).splitlines()[-1] == "  true 'at last'"

    def test_a_program_that_is_missing_is_a_failure(self) -> None:
        with pytest.raises(Exception, match="no-such-program-here"):
            systemd.perform([("no-such-program-here",)], print, str)

    def test_one_that_says_nothing_is_known_by_its_exit_code(self) -> None:
        with pytest.raises(Exception, match="exit code 3"):
            systemd.perform([("sh", "-c", "exit 3")], print, str)


class TestLogs:
    """The journal, asked by a process of its own."""

    @pytest.fixture
    def asked(self, tmp_path: Path) -> Command:
        """`asked(*options)`: the arguments that journalctl was called with."""
        programs = tmp_path / "bin"
        programs.mkdir()
        (programs / "journalctl").write_text('#!/bin/sh\nprintf "%s\\n" "$@"\nexit 7\n', encoding="ascii")
        (programs / "journalctl").chmod(0o755)

        def ask(*options: str, path: str = f"{programs}:{os.environ['PATH']}") -> list[str]:
            done = subprocess.run(
                [os.environ["FLICBRIDGE_PYTHON"], "-m", "flicbridge", "service", "logs", *options],
                env={**os.environ, "PATH": path},
                capture_output=True,
                text=True,
                timeout=30,
                check=False,
            )
            return [*done.stdout.splitlines(), *done.stderr.splitlines(), str(done.returncode)]

        return ask

    @pytest.fixture(autouse=True)
    def python(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("FLICBRIDGE_PYTHON", str(Path(sys.prefix) / "bin/python"))

    @pytest.mark.parametrize(
        ("options", "arguments"),
        [
            ([], ["--output=short-iso", "--lines=100"]),
            (["--lines", "5"], ["--output=short-iso", "--lines=5"]),
            (["--since", "-1h"], ["--output=short-iso", "--since=-1h"]),
            (["-f"], ["--output=short-iso", "--lines=100", "--follow"]),
            (["--json"], ["--output=cat", "--lines=100"]),
        ],
    )
    def test_they_are_asked_for_by_unit_and_end_as_journalctl_ends(
        self, asked: Command, options: list[str], arguments: list[str]
    ) -> None:
        assert asked(*options) == ["--unit=flicbridge.service", *arguments, "--no-pager", "7"]

    def test_without_a_journal_it_says_so(self, asked: Command, tmp_path: Path) -> None:
        *said, code = asked(path=str(tmp_path))
        assert code == "2"
        assert "no journalctl" in said[-1]


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["/bin/a", "b"], "/bin/a b"),
        (["/opt/mon cabinet/a"], '"/opt/mon cabinet/a"'),
        (["/opt/100%/a", "$HOME"], '/opt/100%%/a "$$HOME"'),
        (['say "\\"'], '"say \\"\\\\\\""'),
    ],
)
def test_a_command_line_is_quoted_as_systemd_reads_it(words: list[str], line: str) -> None:
    assert unit.command_line(words) == line
