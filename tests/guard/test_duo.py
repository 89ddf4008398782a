"""A button that should have been a Duo is a problem, once it has said that it is none."""

from datetime import UTC, datetime

import pytest

from flicbridge.clock import SystemClock
from flicbridge.guard.board import Board
from flicbridge.guard.status import ButtonPart, House, report
from flicbridge.observation import Observation

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("wants_small", "keys", "problems"),
    [
        (True, 1, ["no_small_button"]),
        (True, 2, []),
        (True, None, []),
        (False, 1, []),
        (False, 2, []),
    ],
)
def test_small_gestures_on_a_button_without_a_small_key_are_reported(
    wants_small: bool, keys: int | None, problems: list[str]
) -> None:
    part = ButtonPart("poche", "flic2", "BF12-A34567", True, True, has_small_gestures=wants_small)
    house = House("tilleuls-1", "1.0", 7, NOON, False, (part,), ())
    board = Board(SystemClock())
    board.observe(Observation("radio", "state", "scanning"))
    board.observe(Observation("button:poche", "link", "up"))
    if keys is not None:
        board.observe(Observation("button:poche", "keys", keys))
    found = report(house, board, counts={}, open_alerts=[], now_at=NOON)
    assert [(each["part"], each["problem"]) for each in found["problems"]] == [
        ("button:poche", problem) for problem in problems
    ]
