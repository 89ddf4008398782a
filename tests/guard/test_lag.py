"""A loop that something blocks cannot take a press."""

import asyncio
import time

import pytest

from flicbridge.clock import LoopClock, SystemClock
from flicbridge.guard.board import Board
from flicbridge.guard.lag import KEPT, LOOK_EVERY_S, watch_lag


async def lag_after(seconds: float, blocked_at_s: float | None = None) -> float:
    """The lag that is shown after so long; the clock leaps ten seconds too far at one moment."""
    clock = LoopClock(asyncio.get_running_loop())
    board = Board(clock)
    late = _Late(clock, blocked_at_s)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await watch_lag(late, board.observe)
    lag_s = board.value("loop", "lag_s")
    assert isinstance(lag_s, float)
    return lag_s


class _Late(LoopClock):
    """A clock on whose loop something blocks for ten seconds."""

    def __init__(self, clock: LoopClock, blocked_at_s: float | None) -> None:
        super().__init__(asyncio.get_running_loop())
        self._began_s = clock.now_s()
        self._blocked_at_s = blocked_at_s

    async def sleep(self, seconds: float) -> None:
        before_s = self.now_s() - self._began_s
        await super().sleep(seconds)
        if self._blocked_at_s is not None and before_s <= self._blocked_at_s < before_s + seconds:
            await super().sleep(10.0)


async def test_a_loop_that_runs_freely_is_not_late() -> None:
    assert await lag_after(120) < 0.01


async def test_a_loop_that_was_blocked_is_late_by_that_for_a_minute() -> None:
    assert await lag_after(60, blocked_at_s=20) == pytest.approx(10.0)
    assert await lag_after(20 + 10 + (KEPT + 2) * LOOK_EVERY_S, blocked_at_s=20) < 0.01


@pytest.mark.real_time
async def test_it_measures_a_loop_that_is_really_blocked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("flicbridge.guard.lag.LOOK_EVERY_S", 0.05)
    clock = SystemClock()
    board = Board(clock)
    async with asyncio.TaskGroup() as group:
        watching = group.create_task(watch_lag(clock, board.observe))
        await clock.sleep(0.06)
        time.sleep(0.3)  # noqa: ASYNC251 - this is the fault
        await clock.sleep(0.06)
        watching.cancel()
    lag_s = board.value("loop", "lag_s")
    assert isinstance(lag_s, float)
    assert lag_s > 0.2
