"""`flicbridge alerts cancel` and `close` where a PIN is asked for: the bridge in a process of its own."""

import io
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

type Running = Callable[[Path], AbstractContextManager[Any]]


@pytest.fixture
def type_pin(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Have a program write the next PIN to our input."""
    return lambda pin: monkeypatch.setattr("sys.stdin", io.StringIO(pin + "\n"))


@pytest.fixture
def guarded(settings: Path) -> Path:
    """Settings with the PIN 4711."""
    pin = settings.parent / "secrets" / "duress-pin"
    pin.write_text("4711", encoding="ascii")
    pin.chmod(0o600)
    text = settings.read_text(encoding="utf-8")
    settings.write_text(text.replace("[alerts]", '[alerts]\nduress_pin = "duress-pin"'), encoding="utf-8")
    return settings


def test_the_command_says_the_same_whatever_pin_is_given(
    flicbridge: Any, guarded: Path, running_bridge: Running, type_pin: Callable[[str], None]
) -> None:
    config = ("--config", guarded)
    said = {}
    with running_bridge(guarded):
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


def test_the_code_that_helpers_answer_with_is_shown_with_the_pin_alone_whether_or_not_the_bridge_runs(
    flicbridge: Any, guarded: Path, running_bridge: Running, type_pin: Callable[[str], None]
) -> None:
    config = ("--config", guarded, "--json")
    with running_bridge(guarded):
        alert = flicbridge("press", "bureau", *config).json["alert_id"]
        codes = [flicbridge("alerts", "show", alert, *config).json["code"]]
        for pin in ("0000", "4711"):
            type_pin(pin)
            codes.append(flicbridge("alerts", "show", alert, *config, "--pin").json["code"])
    codes.append(flicbridge("alerts", "show", alert, *config).json["code"])
    assert [len(code) for code in codes] == [0, 0, 4, 0]


def test_nobody_in_the_room_closes_an_emergency_and_whoever_tries_is_told_what_ends_it(
    flicbridge: Any, guarded: Path, running_bridge: Running
) -> None:
    config = ("--config", guarded)
    with running_bridge(guarded):
        alert = flicbridge("press", "bureau", *config, "--json").json["alert_id"]
        refused = flicbridge("alerts", "close", alert, *config)
        assert (refused.code, refused.out) == (1, "")
        assert f"with the PIN, `flicbridge alerts cancel {alert}` ends it" in refused.err
        assert alert in flicbridge("status", *config, "--json").json["open_alerts"]
