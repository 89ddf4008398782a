"""Parts are kept alive, failures have a voice, and nobody waits for ever."""

import asyncio
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.clock import LoopClock
from flicbridge.observation import Observation, Value
from flicbridge.supervise import Backoff, Start, keep_running


class Watched:
    """Runs one part under supervision and remembers what was said of it."""

    def __init__(self) -> None:
        self.clock = LoopClock(asyncio.get_running_loop())
        self.said: list[tuple[str, Value]] = []

    async def run(self, start: Start, seconds: float) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(seconds):
                await keep_running("part", start, clock=self.clock, backoff=Backoff(), observe=self._observe)

    def _observe(self, observation: Observation) -> None:
        assert observation.subject == "part"
        self.said.append((observation.fact, observation.value))

    def values(self, fact: str) -> list[Value]:
        return [value for said, value in self.said if said == fact]


async def test_a_failing_part_is_started_again_and_its_failures_are_told() -> None:
    watched = Watched()
    starts_s: list[float] = []

    async def fail() -> None:
        starts_s.append(watched.clock.now_s())
        raise ValueError("the name of a person")

    await watched.run(fail, 60)
    waits_s = [later - earlier for earlier, later in itertools.pairwise(starts_s)]
    assert 6 <= len(starts_s) <= 30
    assert all(1 <= wait_s <= 10.5 for wait_s in waits_s)
    assert watched.values("failures")[:3] == [1, 2, 3]
    assert set(watched.values("failure")) == {"ValueError"}
    assert watched.values("running")[:3] == [True, False, True]


async def test_a_part_that_ends_by_itself_has_failed() -> None:
    watched = Watched()

    async def end() -> None:
        pass

    await watched.run(end, 5)
    assert watched.values("failure")[0] == "ended"
    assert len(watched.values("running")) > 2


async def test_a_part_that_ran_well_begins_a_new_row_of_failures() -> None:
    watched = Watched()

    async def run_well_then_fail() -> None:
        await watched.clock.sleep(11)
        raise OSError

    await watched.run(run_well_then_fail, 60)
    assert set(watched.values("failures")) == {1}


async def test_a_failing_group_of_tasks_is_a_failing_part() -> None:
    watched = Watched()

    async def fail() -> None:
        raise KeyError("x")

    async def group() -> None:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(fail())

    await watched.run(group, 30)
    assert watched.values("failures")[:3] == [1, 2, 3]
    assert set(watched.values("failure")) == {"ExceptionGroup"}


async def test_a_part_that_is_cancelled_from_within_has_failed_and_is_started_again() -> None:
    watched = Watched()

    async def cancelled_by_its_library() -> None:
        raise asyncio.CancelledError

    await watched.run(cancelled_by_its_library, 30)
    assert watched.values("failures")[:3] == [1, 2, 3]
    assert set(watched.values("failure")) == {"CancelledError"}


async def test_cancellation_passes_through_to_the_part_and_out() -> None:
    watched = Watched()
    cancelled: list[bool] = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    await watched.run(wait, 1)
    assert cancelled == [True]
    assert watched.said == [("running", True)]


@given(failures=st.integers(1, 10**9), shortest=st.floats(0.01, 10), factor=st.floats(1, 1000))
def test_a_wait_is_never_shorter_or_longer_than_said(failures: int, shortest: float, factor: float) -> None:
    backoff = Backoff(shortest, shortest * factor)
    assert shortest <= backoff.delay_s(failures) <= shortest * factor


def test_the_ceiling_of_the_wait_grows_with_every_failure_up_to_the_longest() -> None:
    highest = [Backoff().delay_s(n, chance=max) for n in range(1, 7)]
    assert highest == [2, 4, 8, 10, 10, 10]
