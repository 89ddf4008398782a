"""Watches the clocks while the bridge runs: says what is wrong with them, and tells whom it concerns."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import structlog

from flicbridge.clock import Clock
from flicbridge.errors import StoreError
from flicbridge.guard.board import Board
from flicbridge.guard.clockwatch import ClockWatch, Glance
from flicbridge.observation import Observation

log = structlog.get_logger()

LOOK_EVERY_S: Final = 5.0


async def keep_time(
    clock: Clock,
    board: Board,
    *,
    was_set: Callable[[], Awaitable[None]],
    has_slept: Callable[[float], object],
) -> None:
    """Watch until cancelled.

    Args:
        clock: the clocks.
        board: knows what time an earlier run saw last, and is told what is wrong.
        was_set: called after somebody has set the wall clock; may raise StoreError.
        has_slept: called with the seconds that the machine was suspended.
    """
    watch = ClockWatch(_seen_before(board))
    while True:
        glance = watch.look(clock.reading(), clock.now_s())
        _tell(board, clock, glance)
        if glance.slept_s:
            log.info("machine_has_slept", for_s=round(glance.slept_s, 1))
            has_slept(glance.slept_s)
        if glance.stepped_s:
            log.warning("clock_was_set", by_s=round(glance.stepped_s, 3))
            try:
                await was_set()
            except StoreError as error:
                log.error("store_refused", error=str(error))
        await clock.sleep(LOOK_EVERY_S)


def _seen_before(board: Board) -> datetime | None:
    seen = board.value("clock", "seen")
    return datetime.fromisoformat(seen) if isinstance(seen, str) else None


def _tell(board: Board, clock: Clock, glance: Glance) -> None:
    board.observe(Observation("clock", "state", "wrong" if glance.wrong else "ok"))
    board.observe(Observation("clock", "error", glance.wrong or None))
    board.observe(Observation("clock", "seen", clock.now_at().isoformat(timespec="seconds")))
    if glance.stepped_s:
        board.observe(Observation("clock", "stepped_s", round(glance.stepped_s, 3)))
