"""A bluetoothd with simulated Flic 2s within reach: bleak, and the driver above it, find no difference."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from flicbridge.clock import SystemClock
from flicbridge.press.event import ButtonEvent, Counter
from flicbridge.press.flic2.link import Flic2Link
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.radio import Radio
from flicbridge.press.source import Heard
from flicbridge.simulator.bluetoothd import Bluetoothd, bluetoothd
from flicbridge.simulator.flic2 import SimulatedFlic2
from flicbridge.simulator.flic2.memory import Host
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC
from flicbridge.simulator.systembus import system_bus
from flicbridge.supervise import alongside

pytestmark = pytest.mark.real_time

MATERIAL = bytes(range(20))


@pytest.fixture
async def button() -> SimulatedFlic2:
    """It knows us, and was pressed a moment ago."""
    now_s = asyncio.get_running_loop().time()
    made = SimulatedFlic2.new("poche", now_s=now_s)
    made.memory.hosts.append(Host(MATERIAL, acknowledged=0))
    made.press(now_s)
    made.release(now_s + 0.1)
    return made


@pytest.fixture
async def daemon(
    button: SimulatedFlic2, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Bluetoothd]:
    async with AsyncExitStack() as stack:
        address = await stack.enter_async_context(system_bus(tmp_path))
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        yield await stack.enter_async_context(bluetoothd(address, [button]))


def pairing_with(button: SimulatedFlic2) -> Pairing:
    who = button.memory.identity
    return Pairing(
        who.serial,
        who.address,
        who.address_type,
        MATERIAL,
        who.uuid.hex(),
        "poche",
        is_duo=False,
        simulated=True,
    )


async def test_a_press_is_heard_over_a_real_bus(button: SimulatedFlic2, daemon: Bluetoothd) -> None:
    heard: asyncio.Queue[Heard] = asyncio.Queue()
    clock = SystemClock()
    radio = Radio(None, None, clock=clock, observe=lambda _: None)
    link = Flic2Link(
        "poche",
        pairing_with(button),
        Counter(button.memory.boot_id, 0),
        radio,
        root_key=TEST_ROOT_PUBLIC,
        clock=clock,
        observe=lambda _: None,
    )

    async def follow() -> None:
        await link.run(heard.put_nowait)

    async with asyncio.timeout(60), alongside(radio=radio.run, link=follow):
        while not isinstance(event := await heard.get(), ButtonEvent):
            pass
        assert (event.serial, event.kind) == (button.memory.identity.serial, "down")
        assert daemon.connected == 1
        assert daemon.scan_began_s is not None
