"""The maintainer is told once for each fault and day, and once that it is over."""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from flicbridge.clock import LoopClock
from flicbridge.guard.board import Board
from flicbridge.guard.notices import Notice, Notices
from flicbridge.observation import Observation

FULL: dict[str, Any] = {"part": "store", "problem": "disk_full", "since": "2026-11-22T12:00:00.000+00:00"}
DAY = timedelta(days=1)


@pytest.fixture
async def clock() -> LoopClock:
    return LoopClock(asyncio.get_running_loop())


def told(notices: Notices, clock: LoopClock, *problems: dict[str, Any], later: timedelta) -> list[Notice]:
    return list(notices.due(problems, clock.now_at() + later))


async def test_a_fault_is_told_once_a_day_and_its_end_once(clock: LoopClock) -> None:
    notices = Notices(Board(clock))
    (first,) = told(notices, clock, FULL, later=timedelta(0))
    assert (first.problem, first.is_over, first.since_at.isoformat()) == (
        "disk_full",
        False,
        "2026-11-22T12:00:00+00:00",
    )
    assert told(notices, clock, FULL, later=DAY / 2) == []
    (again,) = told(notices, clock, FULL, later=DAY)
    assert not again.is_over
    (over,) = told(notices, clock, later=DAY * 1.1)
    assert (over.part, over.problem, over.is_over) == ("store", "disk_full", True)
    assert told(notices, clock, later=DAY * 1.2) == []


async def test_a_fault_that_comes_and_goes_is_told_once_a_day(clock: LoopClock) -> None:
    notices, seen = Notices(Board(clock)), []
    for minute in range(600):
        present = (FULL,) if minute % 2 else ()
        seen += told(notices, clock, *present, later=timedelta(minutes=minute))
    assert [notice.is_over for notice in seen] == [False, True]


def restarted(board: Board, clock: LoopClock) -> Board:
    """What a later run remembers."""
    after = Board(clock)
    after.remember(board.changed())
    return after


async def test_what_reached_somebody_is_remembered_over_a_restart(clock: LoopClock) -> None:
    board = Board(clock)
    first = Notices(board)
    (fault,) = told(first, clock, FULL, later=timedelta(0))
    first.reached(fault)
    after = restarted(board, clock)
    second = Notices(after)
    assert told(second, clock, FULL, later=timedelta(hours=1)) == []
    (over,) = told(second, clock, later=timedelta(hours=2))
    assert over.is_over
    second.reached(over)
    assert told(Notices(restarted(after, clock)), clock, later=timedelta(hours=3)) == []


async def test_what_reached_nobody_is_told_anew_after_a_restart(clock: LoopClock) -> None:
    board = Board(clock)
    (before,) = told(Notices(board), clock, FULL, later=timedelta(0))
    (again,) = told(Notices(restarted(board, clock)), clock, FULL, later=timedelta(hours=1))
    assert (again.problem, again.is_over) == (before.problem, False)


async def test_a_fault_that_was_over_comes_back_as_one_of_another_day(clock: LoopClock) -> None:
    notices = Notices(Board(clock))
    seen = [
        *told(notices, clock, FULL, later=timedelta(0)),
        *told(notices, clock, later=timedelta(hours=1)),
        *told(notices, clock, FULL, later=timedelta(hours=25)),
        *told(notices, clock, later=timedelta(hours=26)),
    ]
    assert [notice.is_over for notice in seen] == [False, True, False, True]


async def test_a_clock_that_was_set_back_silences_nothing_for_long(clock: LoopClock) -> None:
    notices = Notices(Board(clock))
    told(notices, clock, FULL, later=DAY * 365)
    assert len(told(notices, clock, FULL, later=timedelta(0))) == 1


async def test_what_everybody_sees_every_day_is_not_told(clock: LoopClock) -> None:
    notices = Notices(Board(clock))
    away = {"part": "button:poche", "problem": "not_connected", "since": None}
    assert told(notices, clock, away, later=timedelta(0)) == []


async def test_other_observations_of_the_same_name_break_nothing(clock: LoopClock) -> None:
    board = Board(clock)
    board.observe(Observation("maintainer", "failure", "TimeoutError"))
    assert len(told(Notices(board), clock, FULL, later=timedelta(0))) == 1
