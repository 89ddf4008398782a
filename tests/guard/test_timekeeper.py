"""One watch on all clocks: sleep and setting are told apart, and each reaches whom it concerns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from flicbridge.clock import LoopClock
from flicbridge.guard.board import Board
from flicbridge.guard.timekeeper import keep_time
from flicbridge.supervise import alongside


@dataclass
class Heard:
    """What the watch said."""

    clock: LoopClock
    slept_s: list[float] = field(default_factory=list)
    at_s: list[float] = field(default_factory=list)
    set: int = 0

    def has_slept(self, seconds: float) -> None:
        self.slept_s.append(round(seconds))
        self.at_s.append(self.clock.now_s())

    async def was_set(self) -> None:
        self.set += 1


@asynccontextmanager
async def watching() -> AsyncIterator[Heard]:
    clock = LoopClock(asyncio.get_running_loop())
    heard = Heard(clock)

    async def watch() -> None:
        await keep_time(clock, Board(clock), was_set=heard.was_set, has_slept=heard.has_slept)

    async with alongside(watch=watch):
        yield heard


async def test_a_machine_that_was_suspended_is_noticed_soon_and_told_for_how_long() -> None:
    async with watching() as heard:
        await heard.clock.sleep(3600)
        assert heard.slept_s == []
        heard.clock.suspend(8 * 3600)
        woke_s = heard.clock.now_s()
        await heard.clock.sleep(60)
        assert heard.slept_s == [8 * 3600]
        assert heard.at_s[0] - woke_s <= 5
        assert heard.set == 0


async def test_a_wall_clock_that_is_set_is_not_a_suspended_machine() -> None:
    async with watching() as heard:
        await heard.clock.sleep(12)
        for seconds in (7200, -86_400):
            heard.clock.step(seconds)
            await heard.clock.sleep(60)
        assert (heard.slept_s, heard.set) == ([], 2)
