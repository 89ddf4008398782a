"""Buttons in a virtual world: pressed by somebody, carried about, emptied and filled."""

import asyncio
import json
from collections.abc import AsyncIterator

import pytest
from bleak import BleakClient, BleakScanner

from flicbridge.clock import LoopClock
from flicbridge.press.flic2.events import battery_mv
from flicbridge.press.flic2.wire import FromButtonOp
from flicbridge.simulator.flic2 import LoseLink
from flicbridge.simulator.flic2.memory import AdvertisingSettings, Host
from flicbridge.simulator.peripheral import GESTURES, RX_UUID, TX_UUID, Peripheral
from flicbridge.simulator.world import VirtualWorld

HELLO = bytes.fromhex("00002945696b")  # FullVerifyRequest1

# What a genuine button reports for each gesture (fact sheet section 9.4).
REPORTS = {
    "single": [1, 8, 2],
    "double": [1, 8, 5, 11],
    "triple": [1, 8, 5, 11, 1, 8, 2],
    "long": [1, 3, 14],
}


@pytest.fixture
async def world() -> AsyncIterator[VirtualWorld]:
    async with VirtualWorld() as world:
        yield world


@pytest.fixture
async def button(world: VirtualWorld) -> Peripheral:
    return await world.add_button("poche")


def now_s() -> float:
    return asyncio.get_running_loop().time()


async def wait(seconds: float) -> None:
    await LoopClock(asyncio.get_running_loop()).sleep(seconds)


async def link(world: VirtualWorld, button: Peripheral) -> BleakClient:
    """A client that is connected and subscribed, and hears nothing of it."""
    device = await BleakScanner.find_device_by_address(button.address, backend=world.radio.scanner)
    assert device is not None
    client = BleakClient(device, backend=world.radio.client)
    await client.connect()
    await client.start_notify(RX_UUID, lambda *_: None)
    return client


def reported(button: Peripheral) -> list[int]:
    return [event.encoded for event in button.flic2.memory.queue]


@pytest.mark.parametrize("gesture", GESTURES)
async def test_every_named_gesture_is_what_it_says(button: Peripheral, gesture: str) -> None:
    await button.press(gesture)
    await wait(1)
    assert reported(button) == REPORTS[gesture]


async def test_a_press_returns_when_the_finger_is_lifted(button: Peripheral) -> None:
    began_s = now_s()
    await button.press([(0.5, 0.7), (2.0, 3.5)])
    assert now_s() - began_s == pytest.approx(3.5, abs=0.05)
    assert not button.flic2.is_pressed


async def test_a_gesture_lasts_as_long_as_its_script_says_to_the_tick(button: Peripheral) -> None:
    await button.press([(0.0, 0.125), (0.25, 0.375)])
    ticks = [event.at_ticks for event in button.flic2.memory.queue]
    assert [later - ticks[0] for later in ticks] == pytest.approx([0, 4096, 8192, 12288], abs=1)


async def test_a_press_that_is_cancelled_lifts_the_finger(button: Peripheral) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(button.press("long"), 0.6)
    assert not button.flic2.is_pressed
    await wait(10)
    assert reported(button) == [1, 10]


@pytest.mark.parametrize("script", ["morse", [], [(1.0, 0.5)], [(0.0, 2.0), (1.0, 3.0)], [(-1.0, 1.0)]])
async def test_a_gesture_that_cannot_be_is_refused(
    button: Peripheral, script: str | list[tuple[float, float]]
) -> None:
    with pytest.raises(ValueError, match=r"gesture|times"):
        await button.press(script)
    assert reported(button) == []


async def test_seven_seconds_make_a_button_public(button: Peripheral) -> None:
    await button.hold_7_seconds()
    assert button.advertisement is not None
    assert button.advertisement.is_public


async def test_a_button_goes_to_sleep_some_time_after_a_press(button: Peripheral) -> None:
    await button.press()
    assert button.advertisement is not None
    await wait(60)
    assert button.advertisement is None


async def test_two_buttons_are_two_buttons(world: VirtualWorld, button: Peripheral) -> None:
    other = await world.add_button("tiroir")
    await button.press()
    await other.press("long")
    one, two = await link(world, button), await link(world, other)
    assert one.is_connected
    assert two.is_connected
    assert (reported(button)[0], reported(other)[-1]) == (1, 14)
    button.drop_link()
    await wait(1)
    assert (one.is_connected, two.is_connected) == (False, True)


async def test_the_same_button_cannot_be_in_a_world_twice(world: VirtualWorld, button: Peripheral) -> None:
    with pytest.raises(ValueError, match=button.address):
        await world.add_button("poche")


async def test_a_removed_button_is_gone(world: VirtualWorld, button: Peripheral) -> None:
    await button.press()
    client = await link(world, button)
    world.remove_button(button)
    await wait(1)
    assert not client.is_connected
    assert await BleakScanner.discover(5, backend=world.radio.scanner) == []


async def test_a_battery_change_begins_a_new_boot_and_ends_the_link(
    world: VirtualWorld, button: Peripheral
) -> None:
    await button.press()
    client = await link(world, button)
    boot_id = button.flic2.memory.boot_id
    await button.change_battery()
    assert not client.is_connected
    assert not button.is_connected
    assert button.flic2.memory.boot_id != boot_id
    assert reported(button) == []
    await wait(5)
    assert button.flic2.ticks(now_s()) / 32768 == pytest.approx(5, abs=0.1)
    await button.press()
    assert (await link(world, button)).is_connected


async def test_a_battery_change_puts_a_button_to_sleep_whatever_its_hosts_wish(
    world: VirtualWorld, button: Peripheral
) -> None:
    wish = AdvertisingSettings(True, first_interval_s=0.1, second_interval_s=0.1, timeout_s=86_400)
    button.flic2.memory.firmware = 19  # keeps wishes over a reboot
    button.flic2.memory.hosts.append(Host(bytes(20), acknowledged=0, advertising=wish))
    await button.press()
    await link(world, button)
    await button.change_battery(takes_s=0.1)  # quicker than the link's supervision timeout
    await wait(1)
    assert not button.is_connected
    assert button.advertisement is None


async def test_a_mishap_can_cost_the_link(world: VirtualWorld, button: Peripheral) -> None:
    await button.press()
    client = await link(world, button)
    button.faults.once[FromButtonOp.FULL_VERIFY_RESPONSE_1] = LoseLink()
    await client.write_gatt_char(TX_UUID, HELLO, response=False)
    await wait(1)
    assert not client.is_connected


async def test_a_forged_frame_reaches_the_host_and_a_ping_only_verified_ones(
    world: VirtualWorld, button: Peripheral
) -> None:
    await button.press()
    heard: list[bytes] = []
    client = await link(world, button)
    await client.start_notify(RX_UUID, lambda _, frame: heard.append(bytes(frame)))
    button.ping()
    await wait(1)
    assert heard == []  # nobody has verified, so nobody is asked
    button.inject(b"\x05\x0fforged")
    await wait(1)
    assert heard == [b"\x05\x0fforged"]


async def test_a_cell_has_the_voltage_it_is_given(button: Peripheral) -> None:
    for millivolt in (2100, 2440, 2740, 3000):
        button.set_battery(millivolt)
        assert battery_mv(button.flic2.memory.battery_raw) == pytest.approx(millivolt, abs=4)


async def test_a_button_keeps_its_mind_over_the_end_of_the_world(
    world: VirtualWorld, button: Peripheral
) -> None:
    await button.press("long")
    await wait(1)
    state = button.to_json()
    async with VirtualWorld() as another:
        again = await another.add_button("poche", state=state, away_s=3600)
        assert (again.address, again.serial) == (button.address, button.serial)
        assert reported(again) == [1, 3, 14]
        aged_s = (again.flic2.ticks(now_s()) - again.flic2.memory.queue[0].at_ticks) / 32768
        assert aged_s == pytest.approx(3603, abs=0.1)
    assert json.loads(state)["name"] == "poche"
