"""What `status` says is wrong where buttons are heard through flicd."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import pytest

from flicbridge.clock import LoopClock
from flicbridge.guard.board import Board
from flicbridge.guard.status import ButtonPart, House, report
from flicbridge.observation import Observation, Value

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def house(family: str) -> House:
    button = ButtonPart("poche", family, "", over_radio=True, paired=True)
    return House("tilleuls-1", "1.0", 7, NOON, False, (button,), ())


@pytest.fixture
async def board() -> Board:
    return Board(LoopClock(asyncio.get_running_loop(), wall_at=NOON))


def say(board: Board, subject: str, **facts: Value) -> None:
    for fact, value in facts.items():
        board.observe(Observation(subject, fact, value))


def problems(board: Board, family: str) -> list[Any]:
    answer = report(house(family), board, counts={}, open_alerts=[], now_at=NOON)
    return [(problem["part"], problem["problem"], problem["detail"]) for problem in answer["problems"]]


@pytest.mark.parametrize(
    ("subject", "facts", "problem"),
    [
        ("flicd", {"state": "connected"}, None),
        ("flicd", {"state": "unreachable", "error": "x"}, ("flicd", "flicd_unreachable", "x")),
        ("flicd", {"state": "radio_off", "error": "x"}, ("flicd", "flicd_radio_off", "x")),
        ("flicd", {"state": "full", "error": "x"}, ("flicd", "flicd_full", "x")),
        ("radio", {"state": "off", "error": "no adapter"}, None),  # flicd has a radio of its own
        ("button:poche", {"link": "not_paired", "last_error": "x"}, ("button:poche", "not_connected", "x")),
        ("button:poche", {"battery_percent": 19.0}, None),
        ("button:poche", {"battery_percent": 18.0}, ("button:poche", "battery_low", "18 %")),
        ("button:poche", {"battery_percent": 6.0}, ("button:poche", "battery_critical", "6 %")),
    ],
)
async def test_every_failure_of_flicd_has_a_voice(
    board: Board, subject: str, facts: dict[str, Value], problem: tuple[str, str, str] | None
) -> None:
    say(board, "flicd", state="connected", error=None)
    say(board, "button:poche", link="up", last_error=None)
    say(board, subject, **facts)
    assert problems(board, "flicd") == ([] if problem is None else [problem])


async def test_an_old_word_about_flicd_is_no_problem_where_no_button_needs_it(board: Board) -> None:
    say(board, "flicd", state="unreachable", error="x")
    say(board, "radio", state="scanning")
    say(board, "button:poche", link="up", battery_mv=2980.0)
    assert problems(board, "flic2") == []
