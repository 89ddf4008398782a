"""The vendor's own client library accepts the simulated button: pairing, reconnecting, queue and live events.

The third check that the fact sheet demands of a simulated button (section 11): an independent host. This one
never acknowledges, never answers pings, sends a 17-byte init request and sets the Duo flags (section 10).
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from pyflic_ble import FlicClient

from flicbridge.clock import LoopClock
from flicbridge.press.flic2.duo import Swipe
from flicbridge.simulator.flic2.beacon import SERVICE_UUID
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.world import VirtualWorld

pytestmark = [
    # It asks for `mtu_size`, which warns as it does over BlueZ.
    pytest.mark.filterwarnings("ignore:Using default MTU value"),
]

type Heard = list[tuple[str, bool]]
type HeardOfDuo = list[tuple[int, str, bool]]


@pytest.fixture
async def world(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[VirtualWorld]:
    """A world whose radio is the platform's radio for code that names no backend."""
    async with VirtualWorld() as world:
        monkeypatch.setattr("bleak.get_platform_client_backend_type", lambda: (world.radio.client, "virtual"))
        monkeypatch.setattr("pyflic_ble.handlers.flic2.FLIC2_ED25519_PUBLIC_KEY", TEST_ROOT_PUBLIC)
        yield world


async def find(world: VirtualWorld, button: Peripheral, *, is_public: bool) -> BLEDevice:
    device = await BleakScanner.find_device_by_filter(
        lambda device, _: device.address == button.address,
        service_uuids=[SERVICE_UUID] if is_public else [],
        backend=world.radio.scanner,
    )
    assert device is not None
    return device


@asynccontextmanager
async def session(client: FlicClient) -> AsyncIterator[Heard]:
    """A started client, and the names of the events it reports with whether they were queued."""
    heard: Heard = []
    client.on_button_event = lambda name, data: heard.append((name, data["was_queued"]))
    await client.start()
    try:
        yield heard
    finally:
        await client.stop()


async def wait(seconds: float) -> None:
    await LoopClock(asyncio.get_running_loop()).sleep(seconds)


async def pair(world: VirtualWorld, button: Peripheral) -> dict[str, Any]:
    await button.hold_7_seconds()
    client = FlicClient(button.address, await find(world, button, is_public=True))
    await client.connect()
    pairing_id, key, serial, _battery, _bits, uuid, _firmware = await client.full_verify_pairing()
    await client.disconnect()
    assert serial == button.serial
    assert uuid == button.flic2.memory.identity.uuid
    return {"pairing_id": pairing_id, "pairing_key": key, "serial_number": serial}


async def test_it_pairs_with_a_button_in_public_mode(world: VirtualWorld) -> None:
    button = await world.add_button("poche")
    pairing = await pair(world, button)
    (host,) = button.flic2.memory.hosts
    assert host.identifier == pairing["pairing_id"].to_bytes(4, "little")
    assert host.key == pairing["pairing_key"]


async def test_it_does_not_find_a_button_in_private_mode(world: VirtualWorld) -> None:
    button = await world.add_button("poche")
    await button.press()
    assert (
        await BleakScanner.find_device_by_filter(
            lambda *_: True, timeout=5, service_uuids=[SERVICE_UUID], backend=world.radio.scanner
        )
        is None
    )


async def test_it_reconnects_and_hears_presses_as_they_happen(world: VirtualWorld) -> None:
    button = await world.add_button("poche")
    pairing = await pair(world, button)
    await button.press("single")
    client = FlicClient(button.address, await find(world, button, is_public=False), **pairing)
    async with session(client) as heard:
        await wait(1)
        assert heard == [("down", True), ("up", True), ("click", True)]
        heard.clear()
        await button.press("single")
        await wait(1)
        assert heard == [("down", False), ("up", False), ("click", False)]
        heard.clear()
        await button.press("long")
        assert heard == [("down", False), ("hold", False)]
        await wait(1)
        assert heard[2:] == [("up", False)]


async def test_it_reads_battery_firmware_and_name(world: VirtualWorld) -> None:
    button = await world.add_button("poche")
    pairing = await pair(world, button)
    await button.press()
    client = FlicClient(button.address, await find(world, button, is_public=False), **pairing)
    async with session(client):
        assert client.state.battery_voltage == pytest.approx(3.023, abs=0.001)
        assert client.state.firmware_version == 10
        assert client.state.device_name == "poche"


async def test_it_hears_unacknowledged_presses_again_after_every_reconnect(world: VirtualWorld) -> None:
    button = await world.add_button("poche")
    button.faults.hides_second_press = True  # it drops the other form without a word
    pairing = await pair(world, button)
    double = [("down", True), ("up", True), ("down", True), ("double_click", True)]
    for presses in (1, 2):
        await button.press("double")
        client = FlicClient(button.address, await find(world, button, is_public=False), **pairing)
        async with session(client) as heard:
            await wait(1)
            assert heard == double * presses
        await wait(10)


# A Duo. Without a queue the vendor's library still expects the mark of its end before the first live event,
# which its Android sister does not; so the button sends it there.


@asynccontextmanager
async def duo_session(client: FlicClient) -> AsyncIterator[HeardOfDuo]:
    """As `session`, and with the key of every event."""
    heard: HeardOfDuo = []
    client.on_button_event = lambda name, data: heard.append((data["button_index"], name, data["was_queued"]))
    await client.start()
    try:
        assert client.is_duo
        yield heard
    finally:
        await client.stop()


async def test_it_pairs_with_a_duo_and_hears_both_its_keys(world: VirtualWorld) -> None:
    button = await world.add_button("poche", duo=True)
    pairing = await pair(world, button)
    await button.press("single", key=1)
    await button.press("double", key=0)
    client = FlicClient(button.address, await find(world, button, is_public=False), **pairing)
    async with duo_session(client) as heard:
        await wait(1)
        assert heard == [
            *((1, "down", True), (1, "up", True)),
            *((0, "down", True), (0, "up", True)),
            *((0, "down", True), (1, "click", True), (0, "double_click", True)),
        ]
        heard.clear()
        await button.press("long", key=1)
        await button.press("single", key=0)
        await wait(1)
        assert heard == [
            *((1, "down", False), (1, "hold", False), (1, "up", False)),
            *((0, "down", False), (0, "up", False), (0, "click", False)),
        ]


async def test_it_hears_both_keys_pressed_at_once(world: VirtualWorld) -> None:
    button = await world.add_button("poche", duo=True)
    pairing = await pair(world, button)
    await button.press("single", key=1)
    client = FlicClient(button.address, await find(world, button, is_public=False), **pairing)
    async with duo_session(client) as heard:
        await wait(1)
        heard.clear()
        async with asyncio.TaskGroup() as hands:
            hands.create_task(button.press([(0.0, 0.2)], key=0))
            hands.create_task(button.press([(0.1, 0.3)], key=1))
        await wait(1)
        assert [(key, name) for key, name, _ in heard] == [
            *((0, "down"), (1, "down"), (0, "up"), (1, "up")),
            *((0, "click"), (1, "click")),
        ]


@pytest.mark.parametrize("swipe", [Swipe.LEFT, Swipe.RIGHT, Swipe.UP, Swipe.DOWN])
async def test_it_hears_a_swipe(world: VirtualWorld, swipe: Swipe) -> None:
    button = await world.add_button("poche", duo=True)
    button.faults.marks_empty_queue = True
    pairing = await pair(world, button)
    await button.press("single", key=1)
    client = FlicClient(button.address, await find(world, button, is_public=False), **pairing)
    async with duo_session(client) as heard:
        await wait(1)
        heard.clear()
        await button.press([(0.0, 0.7)], key=0, swipe=swipe)
        await wait(1)
        assert [(key, name) for key, name, _ in heard] == [
            *((0, "down"), (0, "up"), (0, f"swipe_{swipe.name.lower()}"))
        ]


async def test_it_reconnects_to_a_duo_that_has_nothing_queued(world: VirtualWorld) -> None:
    button = await world.add_button("poche", duo=True)
    button.faults.marks_empty_queue = True
    pairing = await pair(world, button)
    button.flic2.memory.queue.clear()
    await button.press()
    button.flic2.memory.queue.clear()
    client = FlicClient(button.address, await find(world, button, is_public=False), **pairing)
    async with duo_session(client) as heard:
        await wait(1)
        heard.clear()
        await button.press("single", key=1)
        await wait(1)
        assert heard == [(1, "down", False), (1, "up", False), (1, "click", False)]


async def test_its_wishes_for_the_link_reach_the_radio(world: VirtualWorld) -> None:
    button = await world.add_button("poche")
    pairing = await pair(world, button)
    await button.press()
    client = FlicClient(button.address, await find(world, button, is_public=False), **pairing)
    async with session(client):
        await wait(1)
        button.out_of_range()
        await wait(7)
        assert button.is_connected  # it wished for a supervision timeout of 8 s
        await wait(1.5)
        assert not button.is_connected
