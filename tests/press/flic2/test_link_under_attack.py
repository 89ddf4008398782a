"""A link and the impostors of its button: nobody else waits for them, and the button is heard in between."""

import asyncio
from random import Random
from typing import TYPE_CHECKING

import pytest

from flicbridge.press.flic2.link import HASTY_TIMEOUT_S, READY_TIMEOUT_S
from flicbridge.simulator.attack import Impostor, impersonate
from flicbridge.simulator.attack import impostor as lies

if TYPE_CHECKING:
    from tests.press.conftest import OpenBench

LINK = "button:poche"


def impostor_of(address: str, *, hangs_up: bool = False) -> Impostor:
    now_s = asyncio.get_running_loop().time()
    return Impostor(address, lies.silence, hangs_up=hangs_up, now_s=now_s, random=Random(7).randbytes)


async def test_an_impostor_of_one_button_does_not_delay_another(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        poche, paired = await bench.add_paired("poche")
        bureau, also_paired = await bench.add_paired("bureau")
        bench.follow("poche", paired)
        other = bench.follow("bureau", also_paired)
        poche.out_of_range()
        async with impersonate(bench.world.air, impostor_of(poche.address)) as impostor:
            for _ in range(4):
                other.heard.clear()
                await bench.clock.sleep(3.3)
                await bureau.press("single")
                assert await bench.until(lambda: "down" in other.kinds(), within_s=5) < 3
                other.acknowledge_all()
                bureau.drop_link()
            assert isinstance(impostor.flic2, Impostor)
            assert impostor.flic2.links >= 2


async def test_a_button_that_proves_itself_ends_the_suspicion(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        button.out_of_range()
        await bench.until(lambda: bench.now(LINK, "connected") is False)
        async with impersonate(bench.world.air, impostor_of(button.address)):
            await bench.until(lambda: bench.now(LINK, "unproven") == 3)
            began = bench.now(LINK, "unproven_since")
            assert bench.values(LINK, "unproven_since") == [began]
        button.back_in_range()
        await button.press("single")
        await bench.until(lambda: "down" in follower.kinds())
        assert bench.now(LINK, "unproven") == 0
        assert bench.now(LINK, "connected") is True


async def test_who_does_not_prove_himself_gets_little_and_much_time_by_turns(open_bench: "OpenBench") -> None:
    """So that a weak link still has its chance."""
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        button.faults.is_silent = True
        button.drop_link()
        follower.heard.clear()
        errors = [f"the button did not prove itself within {seconds:g} s" for seconds in (
            READY_TIMEOUT_S, HASTY_TIMEOUT_S, READY_TIMEOUT_S,
        )]  # fmt: skip
        for number, error in enumerate(errors, start=1):
            await bench.until(lambda number=number: bench.now(LINK, "unproven") == number)  # type: ignore[misc]
            assert bench.now(LINK, "last_error") == error


@pytest.mark.parametrize("seed", range(4))
async def test_an_impostor_that_calls_in_step_with_us_is_not_always_the_next_to_call(
    open_bench: "OpenBench", seed: int
) -> None:
    """Without a step out of time it was, for five minutes and more."""
    async with open_bench() as bench:
        button, follower = await bench.follow_connected("poche")
        button.out_of_range()
        await bench.clock.sleep(10 + seed / 50)
        async with impersonate(bench.world.air, impostor_of(button.address)):
            await bench.clock.sleep(12)
            button.back_in_range()
            async with asyncio.timeout(240):
                while "down" not in follower.kinds():
                    await button.press("single")
                    await bench.clock.sleep(10)
