"""Buttons that come, go, change and pause while the bridge runs: the whole bridge on the virtual radio."""

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
from flicbridge.errors import ConfigError, InputError
from flicbridge.house import Bridge
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.simulator.pairing import pair_all
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.room import simulated_radio
from flicbridge.simulator.world import VirtualWorld

type WriteConfig = Callable[..., Path]

RADIO = """
[radio]
simulated = true
"""

FLIC_1 = """
[[buttons]]
name = "ancien"
family = "flicd"
address = "80:e4:da:71:b2:c3"
gestures = { single = "alert" }
"""

BUTTON = """
[[buttons]]
name = "{name}"
family = "flic2"
serial = "{serial}"
simulated = true
gestures = {{ single = "{reaction}" }}
"""


@dataclass
class Practice:
    """A running bridge with a settings file, and a paired button in reach that the file does not know yet."""

    bridge: Bridge
    clock: LoopClock
    button: Peripheral
    serial: str
    hub: FakeHttp
    rewrite: Callable[[str], object]

    def write(self, name: str = "poche", reaction: str = "alert") -> None:
        self.rewrite(BUTTON.format(name=name, serial=self.serial, reaction=reaction))

    async def is_heard(self, name: str, *, within_s: float = 20.0) -> bool:
        for _ in range(int(within_s * 10)):
            if await self.link(name) == "up":
                return True
            await self.clock.sleep(0.1)
        return False

    async def link(self, name: str) -> Any:
        status = await self.bridge.status()
        return next((b.get("link") for b in status["buttons"] if b["name"] == name), None)

    async def press(self) -> None:
        await self.button.press([(0.1, 0.3)])

    async def alerts(self) -> list[str | None]:
        await self.clock.sleep(2.0)
        return [standing.alert.button for standing in await self.bridge.list_alerts(10)]


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
        file = write_config(hub.url, buttons=RADIO)
        bridge = await stack.enter_async_context(
            open_bridge(
                load(file, secrets=False),
                Credentials.beside(file),
                clock=clock,
                room=room,
                reread=lambda: load(file, secrets=False),
            )
        )
        group = await stack.enter_async_context(asyncio.TaskGroup())
        running = group.create_task(bridge.run())
        await bridge.ready.wait()
        yield Practice(
            bridge,
            clock,
            button,
            button.flic2.memory.identity.serial,
            hub,
            lambda buttons: write_config(hub.url, buttons=RADIO + buttons),
        )
        running.cancel()


async def test_a_button_paired_beside_the_running_bridge_is_heard_without_a_new_start(
    practice: Practice,
) -> None:
    practice.write()
    answer = await practice.bridge.reload()
    assert answer == {"listening": ["poche"], "stopped": [], "restart_needed": False}
    assert await practice.is_heard("poche")
    await practice.press()
    assert await practice.alerts() == ["poche"]


async def test_a_button_that_left_the_settings_is_given_up(practice: Practice) -> None:
    practice.write()
    await practice.bridge.reload()
    assert await practice.is_heard("poche")
    practice.rewrite("")
    answer = await practice.bridge.reload()
    assert answer == {"listening": [], "stopped": ["poche"], "restart_needed": False}
    await practice.press()
    assert await practice.alerts() == []
    assert [b["name"] for b in (await practice.bridge.status())["buttons"]] == ["bureau"]


async def test_a_button_that_did_not_change_keeps_its_link(practice: Practice) -> None:
    practice.write()
    await practice.bridge.reload()
    assert await practice.is_heard("poche")
    answer = await practice.bridge.reload()
    assert answer == {"listening": [], "stopped": [], "restart_needed": False}
    assert await practice.link("poche") == "up"


async def test_new_gestures_of_a_button_count_from_the_next_press(practice: Practice) -> None:
    practice.write(reaction="none")
    await practice.bridge.reload()
    assert await practice.is_heard("poche")
    await practice.press()
    assert await practice.alerts() == []
    practice.write(reaction="alert")
    answer = await practice.bridge.reload()
    assert (answer["listening"], answer["stopped"]) == (["poche"], ["poche"])
    assert await practice.is_heard("poche")
    await practice.press()
    assert await practice.alerts() == ["poche"]  # and what was pressed before is not judged again


async def test_a_settings_file_that_cannot_work_changes_nothing(practice: Practice) -> None:
    practice.write()
    await practice.bridge.reload()
    practice.rewrite('[[buttons]]\nname = "poche"\n')
    with pytest.raises(ConfigError, match="gestures"):
        await practice.bridge.reload()
    assert await practice.is_heard("poche")


async def test_what_else_changed_asks_for_a_new_start(practice: Practice) -> None:
    practice.rewrite('[log]\nlevel = "debug"\n')
    assert (await practice.bridge.reload())["restart_needed"] is True


async def test_the_first_button_of_another_kind_asks_for_a_new_start(practice: Practice) -> None:
    practice.rewrite(BUTTON.format(name="poche", serial=practice.serial, reaction="alert") + FLIC_1)
    assert await practice.bridge.reload() == {"listening": ["poche"], "stopped": [], "restart_needed": True}


async def test_a_press_during_a_pause_is_late_but_not_lost(practice: Practice) -> None:
    practice.write()
    await practice.bridge.reload()
    assert await practice.is_heard("poche")
    await practice.bridge.pause("poche", 30)
    await practice.clock.sleep(5.0)
    assert await practice.link("poche") == "waiting"
    problems = {p["problem"] for p in (await practice.bridge.status())["problems"]}
    assert "paused" in problems
    await practice.press()
    assert await practice.alerts() == []
    await practice.clock.sleep(30.0)
    assert await practice.alerts() == ["poche"]
    problems = {p["problem"] for p in (await practice.bridge.status())["problems"]}
    assert "paused" not in problems


async def test_a_pause_may_be_prolonged_and_ended(practice: Practice) -> None:
    practice.write()
    await practice.bridge.reload()
    assert await practice.is_heard("poche")
    for _ in range(4):
        await practice.bridge.pause("poche", 30)
        await practice.clock.sleep(20.0)
    assert await practice.link("poche") == "waiting"
    await practice.bridge.pause("poche", 0)
    assert await practice.is_heard("poche")


async def test_a_button_without_a_link_cannot_be_paused(practice: Practice) -> None:
    for name in ("bureau", "nobody"):
        with pytest.raises(InputError, match=name):
            await practice.bridge.pause(name, 10)
