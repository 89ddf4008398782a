"""What `flicbridge status` shows people of a radio and of its repairs."""

import asyncio
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import pytest

from flicbridge.clock import LoopClock
from flicbridge.guard.board import Board
from flicbridge.guard.status import ButtonPart, House, report
from flicbridge.observation import Observation, Value

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


class Said(Protocol):
    out: str


class Command(Protocol):
    def __call__(self, *arguments: object) -> Said: ...


class ShowStatus(Protocol):
    def __call__(self, **facts: Value) -> str: ...


def reported(facts: dict[str, Value]) -> dict[str, Any]:
    """The answer of a bridge with one button, whose radio has said these things."""
    with asyncio.Runner() as runner:
        board = Board(LoopClock(runner.get_loop(), wall_at=NOON))
    board.observe(Observation("button:poche", "link", "up"))
    for fact, value in facts.items():
        board.observe(Observation("radio", fact, value))
    button = ButtonPart("poche", "flic2", "BF12-A34567", over_radio=True, paired=True)
    house = House("tilleuls-1", "1.0", 7, NOON, False, (button,), ())
    return report(house, board, counts={}, open_alerts=[], now_at=NOON)


@pytest.fixture
def show(flicbridge: Command, settings: Path, monkeypatch: pytest.MonkeyPatch) -> ShowStatus:
    """Show the status of a bridge whose radio has said these things, as one line per row."""

    def status(**facts: Value) -> str:
        monkeypatch.setattr("flicbridge.cli.status.ask", lambda *_: reported(facts))
        return " ".join(flicbridge("status", "--config", settings).out.split())

    return status


def test_a_radio_that_is_well_says_when_it_heard_something(show: ShowStatus) -> None:
    out = show(state="scanning", last_heard="2026-11-22T11:59:30+00:00")
    assert "Bluetooth radio: listening, last heard something 2026-11-22 12:59:30" in out
    assert "No problem is known." in out
    assert "repair" not in out


def test_a_silent_radio_is_a_problem_since_the_last_sound_and_its_repairs_are_told(show: ShowStatus) -> None:
    out = show(
        state="silent",
        silent_since="2026-11-22T11:00:00+00:00",
        step="not_power_cycled",
        step_at="2026-11-22T11:02:00+00:00",
        power_cycle="refused",
    )
    assert "Bluetooth radio: hears nothing, neither a button nor any other device" in out
    assert "since 2026-11-22 12:00:00" in out
    told = "Last repair of the radio, 2026-11-22 12:02:00: adapter could not be switched off and on"
    assert f"{told} (not allowed for this user)" in out


def test_a_repair_that_helped_is_told_without_a_problem(show: ShowStatus) -> None:
    out = show(state="scanning", step="power_cycled", step_at="2026-11-22T11:02:00+00:00", power_cycle="done")
    assert "Last repair of the radio, 2026-11-22 12:02:00: adapter switched off and on" in out
    assert "No problem is known." in out


def test_a_bridge_without_a_radio_has_nothing_to_say_of_one(show: ShowStatus) -> None:
    assert "Bluetooth radio" not in show()
