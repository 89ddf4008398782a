"""Parts that break again and again."""

import asyncio

from flicbridge.clock import LoopClock
from flicbridge.guard.board import Board
from flicbridge.guard.parts import BUDGET, WELL_AFTER, failing
from flicbridge.supervise import Backoff, keep_running


class Supervised:
    """A part under the real supervision, that fails as often as it is told."""

    def __init__(self, part: str, failures: int) -> None:
        self.clock = LoopClock(asyncio.get_running_loop())
        self.board = Board(self.clock)
        self._part = part
        self._left = failures

    async def live(self, seconds: float) -> list[tuple[str, bool]]:
        """What is said to be failing, and whether it is vital, after so long."""
        try:
            async with asyncio.timeout(seconds):
                await keep_running(
                    self._part, self._start, clock=self.clock, backoff=Backoff(), observe=self.board.observe
                )
        except TimeoutError:
            pass
        return [(found.part, found.is_vital) for found in failing(self.board, self.clock.now_at())]

    async def _start(self) -> None:
        if self._left:
            self._left -= 1
            raise ValueError("broken")
        await asyncio.Event().wait()


async def test_a_part_is_forgiven_as_often_as_its_budget_says() -> None:
    assert await Supervised("maintainer", BUDGET).live(300) == []


async def test_a_part_that_goes_on_breaking_is_named() -> None:
    assert await Supervised("maintainer", 10_000).live(300) == [("maintainer", False)]


async def test_the_path_of_a_button_and_the_courier_are_vital() -> None:
    assert await Supervised("path:poche", 10_000).live(300) == [("path:poche", True)]
    assert await Supervised("courier", 10_000).live(300) == [("courier", True)]


async def test_a_part_that_has_run_for_a_while_is_well_again() -> None:
    part = Supervised("courier", BUDGET + 1)
    longest_s = (BUDGET + 1) * Backoff().longest_s
    assert await part.live(longest_s + WELL_AFTER.total_seconds()) == []


async def test_one_that_has_only_just_started_again_is_not() -> None:
    part = Supervised("courier", BUDGET + 1)
    running_since_s = 0.0
    async with asyncio.TaskGroup() as group:
        living = group.create_task(part.live(200))
        while part.board.value("courier", "failures") != BUDGET + 1 or not part.board.value(
            "courier", "running"
        ):
            await part.clock.sleep(0.5)
        running_since_s = part.clock.now_s()
        assert [found.part for found in failing(part.board, part.clock.now_at())] == ["courier"]
        living.cancel()
    assert running_since_s > 0
