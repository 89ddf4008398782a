"""A button of family `virtual` speaks as a Flic does, and without making anybody wait."""

import asyncio
import itertools
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flicbridge.clock import LoopClock, SystemClock
from flicbridge.errors import ButtonUnreachableError
from flicbridge.observation import Observation, Observe
from flicbridge.press.event import ButtonEvent, Counter, EventKind
from flicbridge.press.source import Heard, LinkUp
from flicbridge.press.virtual import SETTLE_S, VirtualButton

BOOT_ID = 0xC0FFEE


@asynccontextmanager
async def running(observe: Observe = lambda _: None) -> AsyncGenerator[tuple[VirtualButton, list[Heard]]]:
    button = VirtualButton("door", BOOT_ID, clock=LoopClock(asyncio.get_running_loop()), observe=observe)
    heard: list[Heard] = []
    async with asyncio.TaskGroup() as tasks:
        run = tasks.create_task(button.run(heard.append))
        while not heard:
            await LoopClock(asyncio.get_running_loop()).sleep(0)
        yield button, heard
        run.cancel()


def events(heard: list[Heard]) -> list[ButtonEvent]:
    return [item for item in heard if isinstance(item, ButtonEvent)]


async def test_a_press_is_heard_whole_and_decided_before_it_returns() -> None:
    async with running() as (button, heard):
        first = button.press([(0.0, 0.1), (0.3, 0.4)])
        link, down, up, down_again, up_again, still = heard
    assert isinstance(link, LinkUp)
    assert [event.kind for event in events(heard)] == ["down", "up", "down", "up", "still"]
    assert first == Counter(BOOT_ID, 1)
    counts = [event.counter.event_count for event in (down, up, down_again, up_again, still)]  # type: ignore[union-attr]
    assert counts == [1, 3, 5, 7, 8]
    instants = [event.at_s for event in events(heard)]
    assert instants[:4] == [0.0, 0.1, 0.3, 0.4]
    assert instants[4] >= 0.4 + SETTLE_S
    assert {event.serial for event in events(heard)} == {"virtual:door"}
    assert not any(event.was_queued or event.age_s for event in events(heard))


async def test_the_next_press_comes_long_after_the_last_and_counts_on() -> None:
    async with running() as (button, heard):
        button.press([(0.0, 2.0)])
        second = button.press([(0.5, 0.6)])
    downs = [event for event in events(heard) if event.kind is EventKind.DOWN]
    assert second == Counter(BOOT_ID, 5) == downs[1].counter
    assert downs[1].at_s >= downs[0].at_s + 2.0 + SETTLE_S


async def test_a_button_that_nobody_runs_cannot_be_pressed() -> None:
    async with running() as (button, _):
        button.acknowledge(Counter(BOOT_ID, 1))
    with pytest.raises(ButtonUnreachableError, match="door"):
        button.press([(0.0, 0.1)])


async def test_it_says_when_it_was_last_pressed_and_nothing_before_that() -> None:
    said: list[Observation] = []
    async with running(said.append) as (button, _):
        assert said == []
        button.press([(0.0, 0.1)])
    assert [(each.subject, each.fact) for each in said] == [("button:door", "last_heard")]
    assert datetime.fromisoformat(str(said[0].value)).utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "script",
    [
        [],
        [(0.1, 0.1)],
        [(0.2, 0.1)],
        [(-0.1, 0.1)],
        [(0.0, 0.5), (0.4, 0.6)],
        [(0.0, float("nan"))],
        [(0.0, float("inf"))],
    ],
)
async def test_a_script_that_does_not_run_forwards_is_refused_and_nothing_is_heard(
    script: list[tuple[float, float]],
) -> None:
    async with running() as (button, heard):
        with pytest.raises(ValueError, match="script"):
            button.press(script)
        assert events(heard) == []


@given(st.lists(st.lists(st.floats(0.001, 100), min_size=1, max_size=4), min_size=1, max_size=5))
def test_time_never_runs_backwards_and_counters_only_grow(scripts: list[list[float]]) -> None:
    button = VirtualButton("door", BOOT_ID, clock=SystemClock(), observe=lambda _: None)
    heard: list[Heard] = []

    async def press_all() -> None:
        async with asyncio.TaskGroup() as tasks:
            run = tasks.create_task(button.run(heard.append))
            await SystemClock().sleep(0)
            for gaps in scripts:
                button.press([(sum(gaps[:i]), sum(gaps[:i]) + gap / 2) for i, gap in enumerate(gaps)])
            run.cancel()

    asyncio.run(press_all())
    told = events(heard)
    assert all(a.at_s <= b.at_s for a, b in itertools.pairwise(told))
    assert all(a.counter.event_count < b.counter.event_count for a, b in itertools.pairwise(told))
