"""`link = "on_press"` in the whole bridge, on the virtual radio."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flicbridge.bridge import DATABASE, open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.house import Bridge
from flicbridge.simulator.flic2.memory import Identity
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.simulator.pairing import pair_all
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.room import simulated_radio
from flicbridge.simulator.world import VirtualWorld

type WriteConfig = Callable[..., Path]

BUTTON = f"""
[radio]
simulated = true

[[buttons]]
name = "poche"
family = "flic2"
serial = "{Identity.made_for("poche").serial}"
simulated = true
gestures = {{ long = "alert", double = "alert", single = "none" }}
link = "on_press"
idle = "5s"
"""


@dataclass
class Practice:
    """A running bridge, and its one button."""

    bridge: Bridge
    clock: LoopClock
    button: Peripheral

    async def status(self) -> dict[str, Any]:
        status = await self.bridge.status()
        (told,) = (each for each in status["buttons"] if each["name"] == "poche")
        problems = [each["problem"] for each in status["problems"] if each["part"] == "button:poche"]
        return {**told, "problems": problems}

    async def falls_asleep(self) -> dict[str, Any]:
        """Wait until the button sleeps, and return what the status says then."""
        async with asyncio.timeout(30):
            while (told := await self.status())["link"] != "asleep" or self.button.is_connected:
                await self.clock.sleep(0.1)
        return told

    async def alerts(self) -> list[str]:
        return [standing.alert.gesture or "" for standing in await self.bridge.list_alerts(10)]


@pytest.fixture
async def practice(tmp_path: Path, write_config: WriteConfig, secret: str) -> AsyncIterator[Practice]:
    clock = LoopClock(asyncio.get_running_loop())
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "hub-key").write_text(secret)
    (tmp_path / "secrets" / "hub-key").chmod(0o600)
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(FakeHttp(secret=secret))
        world = await stack.enter_async_context(VirtualWorld())
        button = await world.add_button("poche")
        await pair_all(world, {"poche": button}, tmp_path / "state" / DATABASE, clock)
        room = await stack.enter_async_context(
            simulated_radio(world, {"poche": button}, clock=clock, observe=lambda _: None)
        )
        file = write_config(hub.url, buttons=BUTTON)
        bridge = await stack.enter_async_context(
            open_bridge(load(file, secrets=False), Credentials.beside(file), clock=clock, room=room)
        )
        group = await stack.enter_async_context(asyncio.TaskGroup())
        running = group.create_task(bridge.run())
        await bridge.ready.wait()
        yield Practice(bridge, clock, button)
        running.cancel()


@pytest.mark.parametrize(
    ("gesture", "alerts"),
    [("single", []), ("double", ["double"]), ("long", ["long"]), ("triple", ["double"])],
)
async def test_it_sleeps_again_after_every_gesture_with_nothing_left_to_say(
    practice: Practice, gesture: str, alerts: list[str]
) -> None:
    await practice.button.press("single")
    await practice.falls_asleep()
    await practice.button.press(gesture)
    await practice.clock.sleep(2)
    assert (await practice.status())["link"] == "up"
    told = await practice.falls_asleep()
    assert told["problems"] == []
    assert told["last_heard"]
    assert practice.button.flic2.memory.queue == []
    assert await practice.alerts() == alerts


async def test_an_alert_wakes_it_after_an_hour_of_sleep(practice: Practice) -> None:
    await practice.button.press("single")
    await practice.falls_asleep()
    await practice.clock.sleep(3600)
    await practice.button.press("long")
    await practice.clock.sleep(2)
    assert await practice.alerts() == ["long"]


async def test_a_press_held_for_long_is_not_cut_off_by_sleep(practice: Practice) -> None:
    await practice.button.press("single")
    await practice.falls_asleep()
    await practice.button.press([(0.0, 20.0)])
    assert practice.button.is_connected
    assert await practice.alerts() == ["long"]
    await practice.falls_asleep()
