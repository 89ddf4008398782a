"""`link = "on_press"`: the button sleeps between presses, and no press is lost for that."""

from typing import TYPE_CHECKING

import pytest

from flicbridge.press.sighting import Sighting
from flicbridge.simulator.peripheral import Peripheral

if TYPE_CHECKING:
    from tests.press.conftest import Bench, Follower, OpenBench

LINK = "button:poche"
IDLE_S = 10.0


async def follow_asleep(bench: "Bench") -> tuple[Peripheral, "Follower"]:
    """A button that was woken by a press which is settled, and sleeps again."""
    button, paired = await bench.add_paired("poche")
    follower = bench.follow("poche", paired, rest_after_s=IDLE_S)
    await button.press("single")
    await bench.until(lambda: follower.kinds().startswith("down up"))
    await bench.clock.sleep(1)
    follower.acknowledge_all()
    await bench.until(lambda: bench.now(LINK, "link") == "asleep")
    follower.heard.clear()
    return button, follower


async def test_a_button_sleeps_when_its_press_is_settled_and_it_was_quiet(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        follower = bench.follow("poche", paired, rest_after_s=IDLE_S)
        await button.press("single")
        await bench.until(lambda: bench.now(LINK, "link") == "up")
        await bench.clock.sleep(1)
        follower.acknowledge_all()
        took_s = await bench.until(lambda: bench.now(LINK, "link") == "asleep")
        assert took_s == pytest.approx(IDLE_S, abs=1)
        assert bench.now(LINK, "last_error") is None
        await bench.clock.sleep(1)
        assert not button.is_connected


async def test_a_sleeping_button_says_nothing_until_it_is_pressed(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, _ = await follow_asleep(bench)
        seen: list[Sighting] = []
        with bench.radio.watch_all(seen.append):
            await bench.clock.sleep(3600)
        assert seen == []
        assert button.advertisement is None
        assert bench.now(LINK, "link") == "asleep"


async def test_every_press_wakes_it_and_is_heard_once(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await follow_asleep(bench)
        for times in range(1, 8):
            await bench.clock.sleep(60 * times)
            await button.press("single")
            await bench.until(lambda: follower.kinds().startswith("down up"), within_s=2)
            assert follower.events[0].was_queued
            assert follower.events[0].age_s < 2
            await bench.clock.sleep(1)
            assert follower.kinds().replace(" still", "") == "down up"
            follower.acknowledge_all()
            await bench.until(lambda: bench.now(LINK, "link") == "asleep")
            follower.heard.clear()
        assert bench.now(LINK, "connections") == 8
        assert button.flic2.memory.queue == []


async def test_a_press_that_nobody_wrote_down_keeps_it_awake(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        follower = bench.follow("poche", paired, rest_after_s=IDLE_S)
        await button.press("single")
        await bench.clock.sleep(3600)
        assert bench.now(LINK, "link") == "up"
        follower.acknowledge_all()
        await bench.until(lambda: bench.now(LINK, "link") == "asleep", within_s=IDLE_S + 2)


async def test_a_link_that_was_lost_before_that_is_made_again_by_the_button_itself(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, follower = await follow_asleep(bench)
        await button.press("single")
        await bench.until(lambda: follower.kinds().startswith("down up"))
        button.out_of_range()
        await bench.until(lambda: bench.now(LINK, "link") == "waiting")
        await bench.clock.sleep(600)
        follower.heard.clear()
        button.back_in_range()
        await bench.until(lambda: follower.kinds().startswith("down up"), within_s=5)


async def test_a_link_that_breaks_while_the_button_wakes_is_made_again_by_the_button_itself(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, follower = await follow_asleep(bench)
        pressing = bench.tasks.create_task(button.press("single"))
        await bench.until(lambda: bench.now(LINK, "link") == "connecting")
        while not button.is_connected:
            await bench.clock.sleep(0.001)
        button.drop_link()  # with the press still inside
        await bench.until(lambda: follower.kinds().startswith("down up"), within_s=5)
        await pressing


async def test_a_press_at_the_moment_of_falling_asleep_is_heard(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await follow_asleep(bench)
        await button.press("single")
        await bench.until(lambda: follower.kinds().startswith("down up"))
        await bench.clock.sleep(1)
        follower.acknowledge_all()
        settled_s = bench.clock.now_s()
        for off_s in range(-5, 6):
            follower.heard.clear()
            await bench.clock.sleep(settled_s + IDLE_S + off_s / 500 - bench.clock.now_s())
            await button.press([(0.0, 0.05)])
            await bench.until(lambda: follower.kinds().startswith("down up"), within_s=2)
            await bench.clock.sleep(1)
            follower.acknowledge_all()
            settled_s = bench.clock.now_s()


async def test_a_button_that_will_not_go_is_told_to(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        button.faults.never_leaves = True
        follower = bench.follow("poche", paired, rest_after_s=IDLE_S)
        await button.press("single")
        await bench.until(lambda: bench.now(LINK, "link") == "up")
        await bench.clock.sleep(1)
        follower.acknowledge_all()
        await bench.until(lambda: bench.now(LINK, "link") == "asleep")
        await bench.clock.sleep(60)
        assert not button.is_connected
        assert button.advertisement is None


async def test_a_press_while_it_may_go_and_has_not_gone_is_heard_live_and_keeps_it(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        button.faults.never_leaves = True
        follower = bench.follow("poche", paired, rest_after_s=IDLE_S)
        await button.press("single")
        await bench.until(lambda: bench.now(LINK, "link") == "up")
        await bench.clock.sleep(1)
        follower.acknowledge_all()
        follower.heard.clear()
        await bench.clock.sleep(IDLE_S + 2)
        await button.press("single")
        await bench.until(lambda: follower.kinds().startswith("down up"), within_s=1)
        assert not any(event.was_queued for event in follower.events)
        button.faults.never_leaves = False
        await bench.clock.sleep(600)
        assert bench.now(LINK, "link") == "up"
        follower.acknowledge_all()
        await bench.until(lambda: bench.now(LINK, "link") == "asleep", within_s=IDLE_S + 2)


async def test_a_button_that_may_sleep_is_said_to_sleep_until_it_is_heard(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        _, paired = await bench.add_paired("poche")
        bench.follow("poche", paired, rest_after_s=IDLE_S)
        await bench.clock.sleep(1)
        assert bench.values(LINK, "link") == ["asleep"]


async def test_a_button_that_always_stays_is_never_let_go(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, _ = await bench.follow_connected("poche")
        await bench.clock.sleep(3 * 3600)
        assert button.is_connected
        assert bench.now(LINK, "connections") == 1
