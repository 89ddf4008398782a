"""`flicbridge config`: check, schema, reference, example."""

import re
from pathlib import Path
from typing import Any, Protocol

import pytest

from flicbridge.config.reference import reference


class Said(Protocol):
    code: int
    out: str
    err: str
    json: Any


class Command(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


@pytest.fixture
def mistaken(settings: Path) -> Path:
    """A settings file with two mistakes."""
    text = settings.read_text(encoding="utf-8")
    text = text.replace('"+33612345678"', '"15"').replace('notify = ["hub"]', 'notify = ["hib"]')
    settings.write_text(text, encoding="utf-8")
    return settings


@pytest.mark.parametrize("how", ["argument", "option"])
def test_good_settings_are_ok_and_advice_goes_to_standard_error(
    flicbridge: Command, settings: Path, how: str
) -> None:
    said = flicbridge("config", "check", *([settings] if how == "argument" else ["--config", settings]))
    assert (said.code, said.out) == (0, f"{settings}: ok\n")
    assert f"{settings}: warning: plan[0].notify: " in said.err


def test_every_mistake_is_a_line_with_file_place_and_remedy(flicbridge: Command, mistaken: Path) -> None:
    said = flicbridge("config", "check", mistaken)
    assert (said.code, said.out) == (2, "")
    phone, notify = said.err.splitlines()
    assert re.fullmatch(rf"{re.escape(str(mistaken))}: doctor\.phone \(line \d+\): .*\. .*\.", phone)
    assert re.fullmatch(rf"{re.escape(str(mistaken))}: plan\[0\]\.notify.*hib.*hub.*", notify)


def test_programs_get_the_mistakes_as_json(flicbridge: Command, mistaken: Path) -> None:
    said = flicbridge("config", "check", mistaken, "--json")
    assert said.code == 2
    assert (said.json["file"], said.json["ok"], said.json["warnings"]) == (str(mistaken), False, [])
    assert [problem["where"] for problem in said.json["problems"]] == ["doctor.phone", "plan[0].notify[0]"]
    assert all(problem["what"] and problem["remedy"] and problem["line"] for problem in said.json["problems"])


def test_programs_get_the_advice_as_json(flicbridge: Command, settings: Path) -> None:
    said = flicbridge("config", "check", settings, "--json")
    assert (said.code, said.json["ok"], said.json["problems"]) == (0, True, [])
    assert "plan[0].notify" in [problem["where"] for problem in said.json["warnings"]]


def test_a_secret_that_is_missing_or_open_to_others_is_a_mistake(flicbridge: Command, settings: Path) -> None:
    secret = settings.parent / "secrets" / "hub-key"
    secret.chmod(0o644)
    said = flicbridge("config", "check", settings)
    assert said.code == 2
    assert f"chmod 600 {secret}" in said.err
    secret.unlink()
    said = flicbridge("config", "check", settings)
    assert said.code == 2
    assert "hub-key" in said.err


def test_a_question_needs_no_secrets(flicbridge: Command, settings: Path) -> None:
    (settings.parent / "secrets" / "hub-key").unlink()
    assert "not running" in flicbridge("status", "--config", settings).err


def test_the_reference_is_the_page_in_docs_and_the_channels_of_plugins(flicbridge: Command) -> None:
    said = flicbridge("config", "reference")
    assert (said.code, said.out) == (0, reference())


def test_the_schema_is_json_schema_of_the_whole_file(flicbridge: Command) -> None:
    said = flicbridge("config", "schema")
    assert said.code == 0
    assert said.json["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert {"bridge", "doctor", "buttons", "plan", "api", "log"} <= said.json["properties"].keys()


def test_the_example_that_is_printed_passes_the_check(flicbridge: Command, tmp_path: Path) -> None:
    said = flicbridge("config", "example")
    assert said.code == 0
    assert "#" in said.out
    file = tmp_path / "practice.toml"
    file.write_text(said.out, encoding="utf-8")
    assert flicbridge("config", "check", file).code == 0
