"""Pairing a button again beside the bridge that listens to it: two programs, two radios, one button, one air.

The hold of seven seconds and the press of the proof happen while the bridge looks away. Neither may become a
call for help afterwards, and the next press must.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from flicbridge import room as rooms
from flicbridge.bridge import DATABASE, open_bridge
from flicbridge.cli.pairing import Wish, carry_out
from flicbridge.cli.shared import console
from flicbridge.clock import LoopClock
from flicbridge.config import load
from flicbridge.credentials import Credentials
from flicbridge.house import Bridge
from flicbridge.press.radio import Radio
from flicbridge.room import RadioRoom
from flicbridge.simulator.gateways import FakeHttp
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC
from flicbridge.simulator.pairing import pair_all
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.radio import VirtualRadio
from flicbridge.simulator.room import simulated_radio
from flicbridge.simulator.world import VirtualWorld
from flicbridge.supervise import alongside

type WriteConfig = Callable[..., Path]

BUTTONS = """
[radio]
simulated = true

[[buttons]]
name = "poche"
family = "flic2"
serial = "{serial}"
simulated = true
gestures = {{ single = "alert", long = "alert" }}
"""


class SharedWorld(VirtualWorld):
    """A world with room for the radio of another program."""

    @asynccontextmanager
    async def another_radio(self) -> AsyncGenerator[VirtualRadio]:
        radio = VirtualRadio(self._air)
        await radio.start()
        try:
            yield radio
        finally:
            await radio.close()


@dataclass
class Practice:
    """A running bridge that hears its button, and what an installer needs beside it."""

    bridge: Bridge
    clock: LoopClock
    button: Peripheral
    file: Path

    async def until_heard(self) -> None:
        async with asyncio.timeout(30):
            while (await self.link()) != "up":
                await self.clock.sleep(0.1)

    async def link(self) -> Any:
        status = await self.bridge.status()
        return next(button.get("link") for button in status["buttons"] if button["name"] == "poche")

    async def alerts(self) -> int:
        await self.clock.sleep(3.0)
        return len(await self.bridge.list_alerts(10))

    def wish(self, *, timeout_s: float = 60.0) -> Wish:
        settings = load(self.file, secrets=False)
        return Wish(
            settings=settings,
            button="poche",
            before=self.button.serial,
            others={},
            file=self.file,
            timeout_s=timeout_s,
            with_proof=True,
            screen=console(to_stderr=True),
            words=str,
        )


@pytest.fixture
async def practice(
    tmp_path: Path, write_config: WriteConfig, secret: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Practice]:
    clock = LoopClock(asyncio.get_running_loop())
    (tmp_path / "secrets").mkdir(mode=0o700)
    (tmp_path / "secrets" / "hub-key").write_text(secret)
    (tmp_path / "secrets" / "hub-key").chmod(0o600)
    async with AsyncExitStack() as stack:
        hub = await stack.enter_async_context(FakeHttp(secret=secret))
        world = await stack.enter_async_context(SharedWorld())
        button = await world.add_button("poche")
        await pair_all(world, {"poche": button}, tmp_path / "state" / DATABASE, clock)
        other = await stack.enter_async_context(world.another_radio())
        monkeypatch.setattr(rooms, "open_room", room_of(other, button, clock))
        file = write_config(hub.url, buttons=BUTTONS.format(serial=button.serial))
        room = await stack.enter_async_context(
            simulated_radio(world, {"poche": button}, clock=clock, observe=lambda _: None)
        )
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
        practice = Practice(bridge, clock, button, file)
        await practice.until_heard()
        yield practice
        running.cancel()


def room_of(adapter: VirtualRadio, button: Peripheral, clock: LoopClock) -> Callable[..., Any]:
    """Stands in for the room that a command opens: the air that the bridge's radio is in too."""

    @asynccontextmanager
    async def open_room(_settings: object, **_rest: object) -> AsyncGenerator[RadioRoom]:
        radio = Radio(adapter.scanner, adapter.client, clock=clock, observe=lambda _: None)
        async with alongside(radio=radio.run):
            yield RadioRoom(radio, TEST_ROOT_PUBLIC, {"poche": button.press})

    return open_room


async def test_a_button_paired_again_beside_the_bridge_calls_for_help_with_its_next_press_only(
    practice: Practice,
) -> None:
    done = await carry_out(practice.wish())
    assert done.heard_after_s is not None
    assert done.taken_up is not None
    assert done.taken_up["listening"] == ["poche"]
    await practice.until_heard()
    assert await practice.alerts() == 0
    await practice.button.press([(0.1, 0.3)])
    assert await practice.alerts() == 1
