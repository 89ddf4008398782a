"""The proof by a press: it is heard, it is settled before anything else, and nothing comes of it later."""

import asyncio
import math
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from flicbridge.clock import LoopClock
from flicbridge.press.event import ButtonEvent, Counter, EventKind
from flicbridge.press.flic2.link import Flic2Link
from flicbridge.press.proof import LINK_TIMEOUT_S, PATIENCE_S, QUIET_S, prove
from flicbridge.press.source import Hear, LinkUp
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC

if TYPE_CHECKING:
    from tests.press.conftest import OpenBench

BOOT_ID = 7
SERIAL = "BF12-A34567"

type Act = Callable[["Button"], Awaitable[None]]


class Button:
    """A source that says what a test tells it, on a clock that began 1000 s before the loop's."""

    def __init__(self, act: Act) -> None:
        self.clock = LoopClock(asyncio.get_running_loop())
        self.acknowledged: list[Counter] = []
        self._act = act
        self._hear: Hear | None = None

    async def run(self, hear: Hear) -> None:
        self._hear = hear
        await self._act(self)
        await asyncio.Event().wait()

    def acknowledge(self, counter: Counter) -> None:
        self.acknowledged.append(counter)

    def link_up(self) -> None:
        now_s = self.clock.now_s()
        assert self._hear is not None
        self._hear(LinkUp("poche", BOOT_ID, now_s + 1000, now_s))

    def says(
        self, kind: EventKind, count: int, *, late_s: float = 0.0, age_s: float = 0.0, key: int = 0
    ) -> None:
        """Say that something happened, `late_s` ago if live, `age_s` ago if it was queued."""
        now_s = self.clock.now_s()
        counter = Counter(BOOT_ID, 40, count) if key else Counter(BOOT_ID, count)
        at_s = now_s + 1000 - late_s - age_s
        assert self._hear is not None
        self._hear(ButtonEvent("poche", SERIAL, kind, at_s, counter, bool(age_s), age_s, now_s, key))


class Trial:
    """One proof, and what was settled when."""

    def __init__(self, act: Act) -> None:
        self.button = Button(act)
        self.settled: list[Counter] = []
        self.kept: list[float] = []
        self.invited_s: float | None = None

    async def run(self, timeout_s: float = 30.0, since_s: float = -math.inf) -> float | None:
        return await prove(
            self.button,
            clock=self.button.clock,
            invite=self.invite,
            settle=self.settle,
            timeout_s=timeout_s,
            since_s=since_s,
            kept=self.kept.append,
        )

    async def invite(self) -> None:
        self.invited_s = self.button.clock.now_s()

    async def settle(self, serial: str, counter: Counter) -> None:
        assert serial == SERIAL
        assert counter not in self.button.acknowledged, "acknowledged before it was written down"
        self.settled.append(counter)


async def test_a_live_press_is_as_old_as_the_buttons_clock_says() -> None:
    async def act(button: Button) -> None:
        button.link_up()
        await button.clock.sleep(3.0)
        button.says(EventKind.DOWN, 5, late_s=0.25)
        await button.clock.sleep(0.1)
        button.says(EventKind.UP, 7)

    trial = Trial(act)
    assert await trial.run() == pytest.approx(0.25, abs=0.01)
    assert trial.settled == trial.button.acknowledged == [Counter(BOOT_ID, 8)]


async def test_a_queued_press_is_as_old_as_the_button_says() -> None:
    async def act(button: Button) -> None:
        await button.clock.sleep(LINK_TIMEOUT_S + 2)  # it sleeps until it is pressed
        button.link_up()
        button.says(EventKind.DOWN, 5, age_s=1.2)
        button.says(EventKind.UP, 7, age_s=1.1)

    assert await Trial(act).run() == pytest.approx(1.2)


async def test_the_press_is_asked_for_once_the_button_is_there() -> None:
    async def act(button: Button) -> None:
        await button.clock.sleep(2.0)
        button.link_up()
        await button.clock.sleep(1.0)
        button.says(EventKind.DOWN, 5)
        button.says(EventKind.UP, 7)

    trial = Trial(act)
    began_s = trial.button.clock.now_s()
    assert await trial.run() is not None
    assert trial.invited_s == pytest.approx(began_s + 2.0, abs=0.3)


async def test_nobody_presses_and_nothing_is_settled() -> None:
    async def act(button: Button) -> None:
        button.link_up()

    trial = Trial(act)
    began_s = trial.button.clock.now_s()
    assert await trial.run(timeout_s=20.0) is None
    assert trial.button.clock.now_s() - began_s == pytest.approx(20.0, abs=0.5)
    assert trial.settled == []


async def test_the_hold_that_paired_it_is_settled_but_proves_nothing() -> None:
    async def act(button: Button) -> None:
        button.link_up()
        button.says(EventKind.DOWN, 1, age_s=9.0)
        button.says(EventKind.UP, 3, age_s=1.0)

    trial = Trial(act)
    assert await trial.run(timeout_s=20.0) is None
    assert trial.settled == [Counter(BOOT_ID, 4)]


async def test_a_press_from_before_may_be_a_call_and_is_left_alone_with_all_that_follows() -> None:
    async def act(button: Button) -> None:
        button.link_up()
        button.says(EventKind.DOWN, 1, age_s=70.0)
        button.says(EventKind.UP, 3, age_s=69.0)
        button.says(EventKind.DOWN, 5, age_s=40.0)
        button.says(EventKind.UP, 7, age_s=39.0)

    trial = Trial(act)
    assert await trial.run(timeout_s=20.0, since_s=trial.button.clock.now_s() - 60.0) is None
    assert trial.kept == [pytest.approx(70.0)]
    assert trial.settled == trial.button.acknowledged == []


async def test_presses_since_then_are_settled() -> None:
    async def act(button: Button) -> None:
        button.link_up()
        button.says(EventKind.DOWN, 5, age_s=40.0)
        button.says(EventKind.UP, 7, age_s=39.0)

    trial = Trial(act)
    assert await trial.run(timeout_s=20.0, since_s=trial.button.clock.now_s() - 60.0) is None
    assert trial.kept == []
    assert trial.settled == [Counter(BOOT_ID, 8)]


async def test_a_second_press_right_behind_is_settled_too_and_a_later_one_is_not() -> None:
    async def act(button: Button) -> None:
        button.link_up()
        await button.clock.sleep(1.0)
        for count in (5, 9):
            button.says(EventKind.DOWN, count)
            await button.clock.sleep(0.1)
            button.says(EventKind.UP, count + 2)
            await button.clock.sleep(QUIET_S - 0.2)
        await button.clock.sleep(QUIET_S)
        button.says(EventKind.DOWN, 13)

    trial = Trial(act)
    assert await trial.run() is not None
    assert trial.settled == [Counter(BOOT_ID, 8), Counter(BOOT_ID, 12)]


async def test_a_finger_that_stays_on_the_button_is_not_waited_for_for_ever() -> None:
    async def act(button: Button) -> None:
        button.link_up()
        button.says(EventKind.DOWN, 5)

    trial = Trial(act)
    began_s = trial.button.clock.now_s()
    assert await trial.run() is not None
    assert trial.button.clock.now_s() - began_s == pytest.approx(PATIENCE_S, abs=0.5)
    assert trial.settled == [Counter(BOOT_ID, 8)]


async def test_counts_wrap_around() -> None:
    async def act(button: Button) -> None:
        button.link_up()
        button.says(EventKind.DOWN, 2**32 - 3)
        button.says(EventKind.UP, 2**32 - 1)

    trial = Trial(act)
    await trial.run()
    assert trial.settled == [Counter(BOOT_ID, 0)]


async def test_the_small_button_of_a_duo_settles_its_own_count() -> None:
    async def act(button: Button) -> None:
        button.link_up()
        button.says(EventKind.DOWN, 9, key=1)
        button.says(EventKind.UP, 11, key=1)

    trial = Trial(act)
    await trial.run()
    assert trial.settled == [Counter(BOOT_ID, 40, 12)]


async def test_a_store_that_refuses_is_not_hidden() -> None:
    async def act(button: Button) -> None:
        button.link_up()
        button.says(EventKind.DOWN, 5)

    class Full(Trial):
        async def settle(self, serial: str, counter: Counter) -> None:
            raise OSError(28, "No space left on device")

    trial = Full(act)
    with pytest.raises(OSError, match="No space"):
        await trial.run()
    assert trial.button.acknowledged == []


async def test_a_real_button_is_proven_and_its_press_is_heard_by_nobody_afterwards(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        link = Flic2Link(
            "poche",
            paired.pairing,
            paired.resume,
            bench.radio,
            root_key=TEST_ROOT_PUBLIC,
            clock=bench.clock,
            observe=bench.observe,
        )
        settled: list[Counter] = []

        async def settle(_serial: str, counter: Counter) -> None:
            settled.append(counter)

        async def tap() -> None:
            await button.press("double")

        after_s = await prove(link, clock=bench.clock, invite=tap, settle=settle, timeout_s=30)
        assert after_s is not None
        assert after_s < 1
        follower = bench.follow("poche", paired, resume=settled[-1])
        await bench.until(lambda: bool(follower.links_up))
        await button.press("single")
        await bench.until(lambda: "up" in follower.kinds())
        counts = [event.counter.event_count for event in follower.events]
        assert min(counts) > settled[-1].event_count
