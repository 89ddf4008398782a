"""`flicbridge test` is refused in the language of the settings, with the reason and the exit code."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import pytest

from flicbridge.cli.test import REFUSALS
from flicbridge.texts import translator

pytestmark = pytest.mark.real_time

OWN = '\n[drills.own]\nnotify = ["hub"]\n'


class Said(Protocol):
    code: int
    out: str
    err: str


class Command(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


type Running = Callable[..., AbstractContextManager[Any]]


def french(reason: str, **facts: str) -> str:
    return translator("fr").gettext(REFUSALS[reason]).format(**facts) + "\n"


def test_a_message_that_nobody_agreed_to(
    flicbridge: Command, french_settings: Path, running_bridge: Running
) -> None:
    with running_bridge(french_settings):
        said = flicbridge("test", "own", "--config", french_settings)
    assert (said.code, said.out, said.err) == (2, "", french("not_agreed", kind="own"))


def test_a_test_while_somebody_calls_for_help(
    flicbridge: Command, french_settings: Path, running_bridge: Running
) -> None:
    french_settings.write_text(french_settings.read_text(encoding="utf-8") + OWN, encoding="utf-8")
    with running_bridge(french_settings):
        assert flicbridge("press", "bureau", "--config", french_settings).code == 0
        said = flicbridge("test", "own", "--config", french_settings)
    assert (said.code, said.out, said.err) == (2, "", french("alert_open"))


def test_a_test_within_a_rehearsal(
    flicbridge: Command, french_settings: Path, running_bridge: Running
) -> None:
    with running_bridge(french_settings, "--dry-run"):
        said = flicbridge("test", "--config", french_settings)
    assert (said.code, said.out, said.err) == (2, "", french("rehearsal"))


@pytest.mark.parametrize("reason", REFUSALS)
def test_every_refusal_has_a_sentence_in_french(reason: str) -> None:
    assert french(reason, kind="own") != REFUSALS[reason].format(kind="own") + "\n"
