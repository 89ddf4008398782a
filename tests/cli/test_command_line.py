"""The frame of the command line: help, versions, exit codes."""

import os
import subprocess
import sys
from typing import Protocol

import pytest

import flicbridge as package
from flicbridge.cli.commands import app


class Said(Protocol):
    code: int
    out: str
    err: str


class Command(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


def run(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """`python -m flicbridge ...`, in a process of its own."""
    return subprocess.run(
        [sys.executable, "-m", "flicbridge", *arguments],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | environment,
        timeout=60,
        check=False,
    )


def test_the_version_is_shown(flicbridge: Command) -> None:
    said = flicbridge("--version")
    assert (said.code, said.out) == (0, f"flicbridge {package.__version__}\n")


def test_help_names_every_command(flicbridge: Command) -> None:
    said = flicbridge("--help")
    assert said.code == 0
    for command in ("run", "status", "press", "scan", "pair", "alerts", "plan", "config"):
        assert command in said.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["fly"],
        ["press"],
        ["status", "--jsn"],
        ["alerts", "list", "--limit", "0"],
        ["alerts", "show"],
        ["run", "now"],
    ],
)
def test_arguments_that_make_no_sense_are_wrong_input(flicbridge: Command, arguments: list[str]) -> None:
    said = flicbridge(*arguments)
    assert said.code == 2
    assert "Traceback" not in said.err
    assert said.err


@pytest.mark.parametrize(
    "command",
    [["run"], ["status"], ["press", "x"], ["scan"], ["pair"], ["alerts", "list"], ["alerts", "show", "ab"],
     ["alerts", "ack", "ab"], ["alerts", "cancel", "ab"], ["config", "check"], ["plan", "explain"]],
)  # fmt: skip
def test_every_command_takes_a_settings_file_and_says_when_it_is_not_there(
    flicbridge: Command, command: list[str]
) -> None:
    said = flicbridge(*command, "--config", "/nowhere/flicbridge.toml")
    assert said.code == 2
    assert said.err.startswith("/nowhere/flicbridge.toml: ")
    assert "does not exist" in said.err


@pytest.mark.real_time
def test_help_is_quick_because_it_loads_nothing_that_commands_need() -> None:
    code = (
        "import sys, flicbridge.cli; sys.argv = ['flicbridge', '--help']\n"
        "try: flicbridge.cli.main()\n"
        "except SystemExit: pass\n"
        "print(*sys.modules, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=True)
    heavy = {
        "aiohttp",
        "asyncio",
        "bleak",
        "bumble",
        "cryptography",
        "pydantic",
        "phonenumbers",
        "sqlite3",
        "structlog",
    }
    assert heavy & set(done.stderr.split()) == set()


@pytest.mark.real_time
def test_a_reader_that_goes_away_is_no_fault() -> None:
    with subprocess.Popen(
        [sys.executable, "-m", "flicbridge", "config", "schema"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()


def broken() -> None:
    raise ZeroDivisionError("the detail")


def test_a_fault_of_ours_is_one_line_that_says_where_to_report_it(
    flicbridge: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FLICBRIDGE_DEBUG", raising=False)
    monkeypatch.setattr(next(c for c in app.registered_commands if c.name == "status"), "callback", broken)
    said = flicbridge("status")
    assert said.code == 1
    assert said.err.count("\n") == 1
    assert "ZeroDivisionError: the detail" in said.err
    assert "report" in said.err
    assert "FLICBRIDGE_DEBUG=1" in said.err


def test_a_fault_of_ours_shows_its_traceback_to_who_asks(
    flicbridge: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLICBRIDGE_DEBUG", "1")
    monkeypatch.setattr(next(c for c in app.registered_commands if c.name == "status"), "callback", broken)
    said = flicbridge("status")
    assert said.code == 1
    assert "Traceback" in said.err
    assert "in broken" in said.err
