"""What `flicbridge status` shows people of a button that sleeps between presses."""

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
    """The answer of a bridge whose one button has said these things."""
    with asyncio.Runner() as runner:
        board = Board(LoopClock(runner.get_loop(), wall_at=NOON))
    board.observe(Observation("radio", "state", "scanning"))
    for fact, value in facts.items():
        board.observe(Observation("button:poche", fact, value))
    button = ButtonPart("poche", "flic2", "BF12-A34567", over_radio=True, paired=True)
    house = House("tilleuls-1", "1.0", 7, NOON, False, (button,), ())
    return report(house, board, counts={}, open_alerts=[], now_at=NOON)


@pytest.fixture
def show(flicbridge: Command, settings: Path, monkeypatch: pytest.MonkeyPatch) -> ShowStatus:
    """Show the status of that bridge, as one line of words; the table may break them anywhere."""
    monkeypatch.setenv("COLUMNS", "200")

    def status(**facts: Value) -> str:
        monkeypatch.setattr("flicbridge.cli.status.ask", lambda *_: reported(facts))
        return " ".join(flicbridge("status", "--config", settings).out.split())

    return status


def test_a_sleeping_button_is_no_problem_and_says_when_it_was_last_heard(show: ShowStatus) -> None:
    out = show(link="asleep", last_heard="2026-11-22T09:30:00+00:00")
    assert "asleep until it is pressed, last heard 2026-11-22 10:30:00" in out
    assert "No problem is known." in out


def test_a_button_that_was_never_heard_does_not_say_when(show: ShowStatus) -> None:
    out = show(link="asleep")
    assert "asleep until it is pressed" in out
    assert "last heard" not in out


def test_a_button_that_is_awake_is_as_it_ever_was(show: ShowStatus) -> None:
    out = show(link="up", last_heard="2026-11-22T09:30:00+00:00")
    assert "connected" in out
    assert "last heard" not in out
