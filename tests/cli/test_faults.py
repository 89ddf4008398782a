"""From an exception to an exit code and a sentence."""

import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from flicbridge.cli.faults import as_sentence, explain
from flicbridge.errors import ApiError, ConfigError, InputError, PairingRefusedError, Problem, StoreError


@pytest.mark.parametrize(
    ("error", "code", "text"),
    [
        (InputError("say which button this is"), 2, "Say which button this is.\n"),
        (
            ConfigError("a.toml", [Problem("id", "is missing", "Add it.", 3), Problem("plan", "is", "Do.")]),
            2,
            "a.toml: id (line 3): is missing. Add it.\na.toml: plan: is. Do.\n",
        ),
        (StoreError("the disk did not answer"), 1, "The disk did not answer.\n"),
        (PairingRefusedError("no_slots", "the button is full"), 1, "The button is full.\n"),
        (ApiError("The bridge is not running."), 1, "The bridge is not running.\n"),
        (ApiError("no such alert", status=404), 2, "No such alert.\n"),
        (ApiError("no such gesture", status=422), 2, "No such gesture.\n"),
        (ApiError("cannot become cancelled", status=409), 1, "Cannot become cancelled.\n"),
        (ApiError("the disk is sick", status=503), 1, "The disk is sick.\n"),
    ],
)  # fmt: skip
def test_an_error_of_ours_is_told_as_it_is(
    capsys: pytest.CaptureFixture[str], error: Exception, code: int, text: str
) -> None:
    assert explain(error) == code
    assert capsys.readouterr().err == text


def test_of_many_errors_the_one_is_told_that_a_person_can_mend(capsys: pytest.CaptureFixture[str]) -> None:
    mendable = InputError("another bridge is running")
    group = ExceptionGroup("inside", [ValueError("x"), StoreError("y"), mendable])
    assert explain(ExceptionGroup("outside", [OSError("z"), group])) == 2
    assert capsys.readouterr().err == "Another bridge is running.\n"


def test_a_sentence_begins_and_ends_like_one() -> None:
    assert as_sentence("no answer") == "No answer."
    assert as_sentence("No answer!") == "No answer!"
    assert as_sentence("élan") == "Élan."
    assert as_sentence("l'archive manque") == "L'archive manque."


@pytest.mark.parametrize("name", ["np/ro/x.zip", "w.toml", "c:\\b.zip", "room_2", "hci0", "x2"])
def test_the_name_of_a_file_keeps_its_case(name: str) -> None:
    assert as_sentence(f"{name} cannot be written") == f"{name} cannot be written."


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_an_error_is_told_even_where_nobody_hears_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stderr", None)
    assert explain(InputError("wrong")) == 2
    with Path("/dev/full").open("w", encoding="utf-8") as full:
        monkeypatch.setattr(sys, "stderr", full)
        assert explain(InputError("wrong")) == 2
        with suppress(OSError):
            full.close()


SIMULATED = """
[radio]
simulated = true

[[buttons]]
name = "poche"
family = "flic2"
gestures = { long = "alert" }
"""


@pytest.mark.real_time
def test_a_simulated_radio_says_where_its_buttons_cannot_remember_anything(
    flicbridge: Callable[..., Any], settings: Path
) -> None:
    text = settings.read_text(encoding="utf-8").replace('state_dir = "state"', 'state_dir = "file/state"')
    settings.write_text(text + SIMULATED, encoding="utf-8")
    (settings.parent / "file").touch()
    said = flicbridge("run", "--config", settings)
    assert said.code == 2
    told = said.err.splitlines()[-1]
    assert f"cannot be kept in {settings.parent}/file/state/simulated (Not a directory)" in told
    assert told.endswith("name another state_dir in the settings.")


# ---- standard output that takes nothing


ASKING = [
    ["--help"],
    ["config", "example"],
    ["config", "schema"],
    ["config", "reference"],
    ["config", "check"],
    ["plan", "explain"],
    ["buttons", "list"],
    ["selfcheck"],
    ["selfcheck", "--json"],
]


def in_a_shell(
    redirection: str, arguments: list[str], settings: Path, **environment: str
) -> subprocess.CompletedProcess[str]:
    """`flicbridge ... REDIRECTION`, in a process of its own."""
    takes_settings = arguments[:2] not in (["--help"], *(["config", name] for name in CONFIG_ALONE))
    options = ["--config", str(settings)] if takes_settings else []
    command = [sys.executable, "-m", "flicbridge", *arguments, *options]
    return subprocess.run(
        ["sh", "-c", f'"$@" {redirection}', "sh", *command],
        capture_output=True,
        encoding="utf-8",
        env=os.environ | {"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nowhere"} | environment,
        timeout=60,
        check=False,
    )


CONFIG_ALONE = ("example", "schema", "reference")


@pytest.mark.real_time
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
@pytest.mark.parametrize(
    ("arguments", "unbuffered"), [*((asking, "") for asking in ASKING), (["config", "example"], "1")]
)
def test_output_that_cannot_be_written_is_one_sentence(
    settings: Path, arguments: list[str], unbuffered: str
) -> None:
    done = in_a_shell("> /dev/full", arguments, settings, PYTHONUNBUFFERED=unbuffered)
    assert done.stderr.endswith(
        "The output cannot be written: No space left on device. Make room, or send it elsewhere.\n"
    )
    assert "report it" not in done.stderr
    assert "Exception" not in done.stderr
    assert done.returncode == 1


@pytest.mark.real_time
@pytest.mark.parametrize("arguments", ASKING, ids=" ".join)
def test_without_output_a_command_does_its_work_and_its_exit_code_counts(
    settings: Path, arguments: list[str]
) -> None:
    done = in_a_shell(">&-", arguments, settings)
    assert "broke" not in done.stderr
    assert "Exception" not in done.stderr
    assert done.returncode == (1 if "selfcheck" in arguments else 0)  # no bridge runs


@pytest.mark.real_time
def test_without_output_the_status_is_still_the_verdict(
    settings: Path, bridge: "subprocess.Popen[str]"
) -> None:
    for arguments in (["status"], ["status", "--json"], ["alerts", "list"]):
        shown = in_a_shell("", arguments, settings)
        silent = in_a_shell(">&-", arguments, settings)
        assert (silent.returncode, silent.stderr) == (shown.returncode, shown.stderr)


@pytest.mark.real_time
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_an_error_of_the_disk_is_none_of_the_output() -> None:
    code = (
        "import sys\nfrom flicbridge.cli.faults import explain\n"
        "print('well')\ntry: open('/dev/full', 'wb', buffering=0).write(b'x')\n"
        "except OSError as error: sys.exit(explain(error))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert (done.returncode, done.stdout) == (1, "well\n")
    assert done.stderr.startswith("flicbridge broke: OSError")
