"""What people are told to do can be done: every command and every setting that a text names is there."""

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

import pytest
from babel.messages.pofile import read_po
from typer.main import get_command

from flicbridge.cli.commands import app
from flicbridge.config.schema import json_schema
from flicbridge.texts import DOMAIN, LANGUAGES, LOCALE_DIR, translator
from flicbridge.texts.problems import PROBLEMS, remedy

QUOTED: Final = re.compile(r"`([^`]+)`")
PLACEHOLDER: Final = re.compile(r"[A-Z]+|\{\w+\}")
SETTING: Final = re.compile(r"\b[a-z]\w*\.[a-z]\w*|\b[a-z]+(?:_[a-z]+)+")
"""`table.key`, or a key of several words."""


def commands_in(text: str) -> list[str]:
    return [quoted for quoted in QUOTED.findall(text) if quoted.startswith("flicbridge")]


def fault_of(line: str) -> str:
    """Why a command line cannot work, by the command's own parser; nothing if it can. Nothing is run."""
    command, words = get_command(app), line.split()[1:]
    while subcommands := getattr(command, "commands", None):
        if not words or words[0] not in subcommands:
            return f"no such command: {line}"
        command = subcommands[words.pop(0)]
    try:
        command.make_context(line, words)
    except Exception as error:  # noqa: BLE001 - by the version of typer, its parser has errors of its own
        return f"{line}: {error}"
    return ""


def settings_keys() -> set[str]:
    """Every key as `key` and as `table.key`."""
    whole = json_schema()
    return {name for path in _paths(whole, whole["$defs"]) for name in (path[-1], ".".join(path[-2:]))}


def _paths(
    node: Any, definitions: Mapping[str, Any], path: tuple[str, ...] = ()
) -> Iterator[tuple[str, ...]]:
    """The place of every key at and below a part of the schema."""
    if isinstance(node, list):
        for each in node:
            yield from _paths(each, definitions, path)
    elif isinstance(node, dict):
        if (reference := node.get("$ref")) is not None:
            yield from _paths(definitions[reference.rpartition("/")[2]], definitions, path)
        for key, below in node.get("properties", {}).items():
            yield (*path, key)
            yield from _paths(below, definitions, (*path, key))
        for word in ("anyOf", "oneOf", "allOf", "items", "additionalProperties"):
            yield from _paths(node.get(word), definitions, path)


def test_what_cannot_work_is_found() -> None:
    assert fault_of("flicbridge frobnicate")
    assert fault_of("flicbridge alerts")
    assert fault_of("flicbridge test weekly")
    assert fault_of("flicbridge test own again")
    assert fault_of("flicbridge run --silently")
    assert fault_of("flicbridge selfcheck --bundle")
    assert fault_of("flicbridge alerts ack")
    assert not fault_of("flicbridge alerts ack {alert} --json")
    assert not fault_of("flicbridge selfcheck --bundle FILE")
    assert {"drills.own", "maintainer.heartbeat", "believe_test_key"} <= settings_keys()
    assert not {"drills.weekly", "drills.heartbeat", "heart_beat"} & settings_keys()


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_command_in_a_remedy_is_there_and_takes_what_is_said(language: str) -> None:
    said = {code: remedy(code, translator(language).gettext) for code in PROBLEMS}
    faults = {code: [*filter(None, map(fault_of, commands_in(text)))] for code, text in said.items()}
    assert {code: fault for code, fault in faults.items() if fault} == {}
    assert sum(len(commands_in(text)) for text in said.values()) > 10


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_setting_in_a_remedy_is_one(language: str) -> None:
    keys, named = settings_keys(), set()
    for code in PROBLEMS:
        named |= set(SETTING.findall(QUOTED.sub("", remedy(code, translator(language).gettext))))
    assert named - keys == set()
    assert {"maintainer.heartbeat", "believe_test_key", "small_gestures", "drills.own"} <= named


@pytest.mark.parametrize("language", [language for language in LANGUAGES if language != "en"])
def test_no_text_of_the_catalogue_names_a_command_that_is_not_there_and_its_translation_the_same(
    language: str,
) -> None:
    with (LOCALE_DIR / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, domain=DOMAIN)
    texts = [(m.id, m.string) for m in catalogue if isinstance(m.id, str) and isinstance(m.string, str)]
    named = 0
    for original, translation in texts:
        lines = commands_in(original)
        assert [fault for fault in map(fault_of, lines) if fault] == [], original
        alike = [[PLACEHOLDER.sub("X", line) for line in commands_in(t)] for t in (original, translation)]
        assert sorted(alike[0]) == sorted(alike[1]), original
        named += len(lines)
    assert named > 30
