"""`flicbridge alerts cancel` where a PIN is asked for: the bridge in a process of its own."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def type_pin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have a program write the next PIN to our input."""
    return lambda pin: monkeypatch.setattr("sys.stdin", io.StringIO(pin + "\n"))


def test_the_command_says_the_same_whatever_pin_is_given(
    flicbridge: Any,
    settings: Path,
    running_bridge: Callable[[Path], AbstractContextManager[Any]],
    type_pin: Callable[[str], None],
) -> None:
    pin = settings.parent / "secrets" / "duress-pin"
    pin.write_text("4711", encoding="ascii")
    pin.chmod(0o600)
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[alerts]", '[alerts]\nduress_pin = "duress-pin"'), encoding="utf-8")
    config = ("--config", settings)
    said = {}
    with running_bridge(settings):
        for given in ("4711", "0000", ""):
            alert = flicbridge("press", "bureau", *config, "--json").json["alert_id"]
            type_pin(given)
            answer = flicbridge("alerts", "cancel", alert, *config)
            state = flicbridge("alerts", "show", alert, *config, "--json").json["state"]
            said[given] = (answer.code, answer.out.replace(alert, "ID"), answer.err, state)
            type_pin("4711")
            truth = flicbridge("alerts", "show", alert, *config, "--json", "--pin").json
            was_doubted = "doubted" in [event["what"] for event in truth["history"]]
            assert was_doubted is (given != "4711")
    assert said["0000"] == said[""] == said["4711"] == (0, "Alert cancelled: ID\n", "", "cancelled")
