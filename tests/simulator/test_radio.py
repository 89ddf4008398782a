"""The virtual radio through bleak's public API, with the habits of BlueZ (as seen with BlueZ 5.66)."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass, field

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
)

from flicbridge.clock import LoopClock
from flicbridge.simulator.flic2.beacon import COMPANY, SERVICE_UUID
from flicbridge.simulator.flic2.memory import AdvertisingSettings, Host
from flicbridge.simulator.leap import LeapingEventLoop
from flicbridge.simulator.peripheral import RX_UUID, TX_UUID, Peripheral
from flicbridge.simulator.world import VirtualWorld

HELLO = bytes.fromhex("00002945696b")  # FullVerifyRequest1: any button answers it with its certificate
CERTIFICATE_BYTES = 118
LINUX_SUPERVISION_S = 0.42


@pytest.fixture
async def world() -> AsyncIterator[VirtualWorld]:
    async with VirtualWorld() as world:
        yield world


@pytest.fixture
async def button(world: VirtualWorld) -> Peripheral:
    """A button on the air for half a minute."""
    button = await world.add_button("poche")
    await button.press()
    return button


@pytest.fixture
async def leaps(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How far the loop leapt, each time."""
    loop = asyncio.get_running_loop()
    assert isinstance(loop, LeapingEventLoop)
    leap, leaps = loop.leap, list[float]()

    def counted(seconds: float) -> None:
        leaps.append(seconds)
        leap(seconds)

    monkeypatch.setattr(loop, "leap", counted)
    return leaps


@dataclass
class Linked:
    """A connected, subscribed client."""

    client: BleakClient
    inbox: list[bytes] = field(default_factory=list)
    gone: asyncio.Event = field(default_factory=asyncio.Event)
    stirred: asyncio.Event = field(default_factory=asyncio.Event)

    async def say_hello(self) -> None:
        await self.client.write_gatt_char(TX_UUID, HELLO, response=False)

    def hear(self, _: object, frame: bytearray) -> None:
        self.inbox.append(bytes(frame))
        self.stirred.set()

    async def frame_sizes(self, count: int) -> list[int]:
        """Wait for so many frames, and whether there are more."""
        async with asyncio.timeout(5):
            while len(self.inbox) < count:
                self.stirred.clear()
                await self.stirred.wait()
        await wait(1)
        return [len(frame) for frame in self.inbox]


async def wait(seconds: float) -> None:
    await LoopClock(asyncio.get_running_loop()).sleep(seconds)


async def find(world: VirtualWorld, button: Peripheral) -> BLEDevice:
    device = await BleakScanner.find_device_by_address(button.address, backend=world.radio.scanner)
    assert device is not None
    return device


async def link(world: VirtualWorld, target: BLEDevice | str) -> Linked:
    linked = Linked(BleakClient(target, lambda _: linked.gone.set(), backend=world.radio.client))
    await linked.client.connect()
    await linked.client.start_notify(RX_UUID, linked.hear)
    return linked


# -- scanning ----------------------------------------------------------------------------------------------


async def test_a_scan_shows_what_a_button_advertises(world: VirtualWorld, button: Peripheral) -> None:
    button.set_rssi(-71)
    seen: list[tuple[BLEDevice, AdvertisementData]] = []
    async with BleakScanner(lambda device, shown: seen.append((device, shown)), backend=world.radio.scanner):
        await wait(1)
    device, advertisement = seen[-1]
    assert device.address == button.address
    assert device.details["props"]["AddressType"] == "public"
    assert advertisement.rssi == -71
    assert advertisement.local_name is not None
    assert advertisement.local_name.startswith("F210")
    assert (
        advertisement.manufacturer_data[COMPANY][1:4] == bytes.fromhex(button.address.replace(":", ""))[2::-1]
    )
    assert advertisement.service_uuids == []
    assert 8 <= len(seen) <= 11  # ten a second


async def test_only_a_public_button_passes_the_filter_for_its_service(
    world: VirtualWorld, button: Peripheral
) -> None:
    async def public() -> list[BLEDevice]:
        return await BleakScanner.discover(3, service_uuids=[SERVICE_UUID], backend=world.radio.scanner)

    assert await public() == []
    await button.hold_7_seconds()
    assert [device.address for device in await public()] == [button.address]


async def test_two_scans_at_a_time_both_hear(world: VirtualWorld, button: Peripheral) -> None:
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(find(world, button)) for _ in range(2)]
    assert [task.result().address for task in tasks] == [button.address] * 2


# -- links -------------------------------------------------------------------------------------------------


async def test_a_client_talks_to_a_button(world: VirtualWorld, button: Peripheral) -> None:
    linked = await link(world, await find(world, button))
    services = [service.uuid for service in linked.client.services]
    assert services[-1] == SERVICE_UUID
    assert not any(uuid.startswith("00001800") for uuid in services)  # BlueZ hides it
    characteristic = linked.client.services.get_characteristic(TX_UUID)
    assert characteristic is not None
    assert characteristic.max_write_without_response_size == 137
    await linked.say_hello()
    assert await linked.frame_sizes(1) == [CERTIFICATE_BYTES]


async def test_a_small_mtu_cuts_what_a_button_says(world: VirtualWorld, button: Peripheral) -> None:
    button.set_mtu(23)
    linked = await link(world, await find(world, button))
    await linked.say_hello()
    assert await linked.frame_sizes(7) == [20] * 6 + [4]


async def test_nothing_is_sent_without_subscription(
    world: VirtualWorld, button: Peripheral, caplog: pytest.LogCaptureFixture
) -> None:
    linked = await link(world, await find(world, button))
    await linked.client.stop_notify(RX_UUID)
    await linked.say_hello()
    await wait(1)
    assert linked.inbox == []
    assert caplog.messages == []  # Bumble would complain of a notification that nobody wants


async def test_a_client_may_be_made_from_an_address(world: VirtualWorld, button: Peripheral) -> None:
    linked = await link(world, button.address)
    assert linked.client.is_connected


async def test_an_address_that_nobody_has_is_not_found(world: VirtualWorld) -> None:
    with pytest.raises(BleakDeviceNotFoundError):
        await BleakClient("80:E4:DA:12:34:56", timeout=3, backend=world.radio.client).connect()


async def test_mtu_size_knows_nothing(world: VirtualWorld, button: Peripheral) -> None:
    linked = await link(world, await find(world, button))
    with pytest.warns(UserWarning, match="default MTU"):
        assert linked.client.mtu_size == 23


async def test_a_connected_button_is_quiet_and_comes_back_after_a_press(
    world: VirtualWorld, button: Peripheral
) -> None:
    linked = await link(world, await find(world, button))
    assert button.is_connected
    assert button.advertisement is None
    button.drop_link()
    await asyncio.wait_for(linked.gone.wait(), 1)
    assert not linked.client.is_connected
    with pytest.raises(BleakError):
        await linked.say_hello()
    with pytest.raises(BleakError):
        _ = linked.client.services
    await button.press()
    again = await link(world, await find(world, button))
    await again.say_hello()
    assert await again.frame_sizes(1) == [CERTIFICATE_BYTES]


async def test_ending_a_link_takes_two_seconds_and_calls_back(
    world: VirtualWorld, button: Peripheral
) -> None:
    linked = await link(world, await find(world, button))
    clock = LoopClock(asyncio.get_running_loop())
    began_s = clock.now_s()
    await linked.client.disconnect()
    assert clock.now_s() - began_s == pytest.approx(2.0, abs=0.1)
    assert linked.gone.is_set()
    await wait(1)
    assert not button.is_connected
    await linked.client.disconnect()  # once more does no harm


async def test_a_disconnect_that_nobody_waits_for_happens_all_the_same(
    world: VirtualWorld, button: Peripheral
) -> None:
    linked = await link(world, await find(world, button))
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(linked.client.disconnect(), 0.1)
    assert not linked.client.is_connected
    assert linked.gone.is_set()
    assert button.is_connected
    await wait(2)
    assert not button.is_connected


async def test_a_late_disconnect_does_not_hit_the_next_link(world: VirtualWorld, button: Peripheral) -> None:
    device = await find(world, button)
    old = await link(world, device)
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(old.client.disconnect(), 0.1)
    button.drop_link()
    await button.press()
    new = await link(world, device)
    await wait(5)
    assert new.client.is_connected


async def test_connecting_waits_for_a_button_that_is_silent_until_it_times_out(
    world: VirtualWorld, button: Peripheral
) -> None:
    device = await find(world, button)
    await wait(60)  # it has gone to sleep
    with pytest.raises(TimeoutError):
        await BleakClient(device, timeout=5, backend=world.radio.client).connect()
    await button.press()
    assert (await link(world, device)).client.is_connected


async def test_connecting_succeeds_when_the_button_appears(world: VirtualWorld, button: Peripheral) -> None:
    device = await find(world, button)
    await wait(60)
    async with asyncio.TaskGroup() as group:
        task = group.create_task(link(world, device))
        await wait(10)
        await button.press()
    assert task.result().client.is_connected


async def test_waiting_for_one_button_does_not_keep_another_waiting(
    world: VirtualWorld, button: Peripheral
) -> None:
    absent = await find(world, button)
    button.out_of_range()
    other = await world.add_button("tiroir")
    await other.press()
    async with asyncio.TaskGroup() as group:
        hopeless = group.create_task(link(world, absent))
        await wait(1)
        assert (await asyncio.wait_for(link(world, await find(world, other)), 2)).client.is_connected
        hopeless.cancel()


async def test_a_cancelled_attempt_leaves_no_link(world: VirtualWorld, button: Peripheral) -> None:
    device = await find(world, button)
    for moment_ms in range(0, 300, 20):
        client = BleakClient(device, backend=world.radio.client)
        async with asyncio.TaskGroup() as group:
            attempt = group.create_task(client.connect())
            await wait(moment_ms / 1000)
            attempt.cancel()
        if client.is_connected:  # it was quicker
            await client.disconnect()
        await wait(3)
        assert not button.is_connected
        await button.press()


@pytest.mark.parametrize("turns", range(8))
async def test_a_link_that_comes_a_moment_too_late_is_ended(
    world: VirtualWorld, button: Peripheral, turns: int
) -> None:
    client = BleakClient(await find(world, button), backend=world.radio.client)
    async with asyncio.TaskGroup() as group:
        attempt = group.create_task(client.connect())
        while not button._chip.le_connections:
            await wait(0.001)
        for _ in range(turns):
            await wait(0)
        attempt.cancel()
    await wait(1)
    assert not button.is_connected
    assert not client.is_connected


# -- range -------------------------------------------------------------------------------------------------


async def test_a_button_out_of_range_is_lost_after_the_supervision_timeout(
    world: VirtualWorld, button: Peripheral
) -> None:
    linked = await link(world, await find(world, button))
    button.out_of_range()
    await wait(LINUX_SUPERVISION_S / 2)
    await linked.say_hello()  # succeeds: nobody has noticed yet
    assert not linked.gone.is_set()
    await wait(LINUX_SUPERVISION_S)
    assert linked.gone.is_set()
    assert not button.is_connected


async def test_a_short_walk_costs_nothing_and_loses_nothing(world: VirtualWorld, button: Peripheral) -> None:
    linked = await link(world, await find(world, button))
    button.out_of_range()
    await linked.say_hello()
    await wait(LINUX_SUPERVISION_S / 2)
    assert linked.inbox == []
    button.back_in_range()
    assert await linked.frame_sizes(1) == [CERTIFICATE_BYTES]
    await wait(10)
    assert linked.client.is_connected


async def test_what_waits_for_an_answer_when_the_link_is_lost_fails(
    world: VirtualWorld, button: Peripheral
) -> None:
    linked = await link(world, await find(world, button))
    characteristic = linked.client.services.get_characteristic(RX_UUID)
    assert characteristic is not None
    (cccd,) = characteristic.descriptors
    button.out_of_range()
    async with asyncio.TaskGroup() as group:
        reads = [group.create_task(_error_of(linked.client.read_gatt_descriptor(cccd))) for _ in range(3)]
    assert all(isinstance(read.result(), BleakError) for read in reads)
    assert isinstance(reads[0].result(), BleakGATTProtocolError)


async def _error_of(work: Awaitable[object]) -> Exception | None:
    try:
        await asyncio.wait_for(work, 5)
    except BleakError as error:
        return error
    return None


async def test_a_link_ended_while_out_of_range_is_gone_on_the_other_side_too(
    world: VirtualWorld, button: Peripheral
) -> None:
    world.radio.disconnect_takes_s = 0.0
    linked = await link(world, await find(world, button))
    button.out_of_range()
    await linked.client.disconnect()
    assert button.is_connected
    button.back_in_range()
    await wait(1)
    assert not button.is_connected


async def test_half_an_hour_out_of_range_passes_in_a_moment(
    world: VirtualWorld, button: Peripheral, leaps: list[float]
) -> None:
    wish = AdvertisingSettings(True, first_interval_s=0.1, second_interval_s=0.1, timeout_s=86_400)
    button.flic2.memory.hosts.append(Host(bytes(20), acknowledged=0, advertising=wish))
    linked = await link(world, await find(world, button))
    button.out_of_range()
    async with BleakScanner(backend=world.radio.scanner) as scanner:
        await wait(1800)
        assert linked.gone.is_set()
        assert button.advertisement is not None  # ten times a second, and nobody hears it
        assert len(leaps) < 10
        assert scanner.discovered_devices == []
        button.back_in_range()
        await wait(1)
        assert [device.address for device in scanner.discovered_devices] == [button.address]


# -- misfortunes of the adapter ----------------------------------------------------------------------------


async def test_switching_the_radio_off_ends_links_and_refuses_everything(
    world: VirtualWorld, button: Peripheral
) -> None:
    device = await find(world, button)
    linked = await link(world, device)
    await world.radio.power(False)
    await asyncio.wait_for(linked.gone.wait(), 1)
    with pytest.raises(BleakDBusError, match="NotReady"):
        await BleakScanner(backend=world.radio.scanner).start()
    with pytest.raises(BleakDBusError, match=r"org\.bluez\.Error\.Failed"):
        await BleakClient(device, backend=world.radio.client).connect()
    await world.radio.power(True)
    await button.press()
    assert (await link(world, await find(world, button))).client.is_connected


async def test_a_scan_dies_with_the_radio_without_a_word(world: VirtualWorld, button: Peripheral) -> None:
    seen: list[str] = []
    scanner = BleakScanner(lambda device, _: seen.append(device.address), backend=world.radio.scanner)
    await scanner.start()
    await wait(1)
    assert seen != []
    await world.radio.power(False)
    await world.radio.power(True)
    seen.clear()
    await wait(10)
    assert seen == []
    with pytest.raises(BleakDBusError, match="No discovery started"):
        await scanner.stop()
    await find(world, button)  # a new scanner works


@pytest.mark.parametrize("moment_ms", [0, 50, 120, 160, 205, 210, 1000])
async def test_switching_the_radio_off_ends_an_attempt_to_connect(
    world: VirtualWorld, button: Peripheral, moment_ms: int
) -> None:
    device = await find(world, button)
    client = BleakClient(device, backend=world.radio.client)
    async with asyncio.TaskGroup() as group:
        attempt = group.create_task(_error_of(client.connect()))
        await wait(moment_ms / 1000)
        await world.radio.power(False)
    # Connecting takes two advertisements, so about 200 ms: it fails, or it was just quick enough.
    assert isinstance(attempt.result(), BleakError) or moment_ms > 150
    await wait(1)
    assert not client.is_connected
    assert not button.is_connected


async def test_a_pulled_adapter_is_missing_until_it_is_back(world: VirtualWorld, button: Peripheral) -> None:
    device = await find(world, button)
    linked = await link(world, device)
    await world.radio.plug(False)
    await asyncio.wait_for(linked.gone.wait(), 1)
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner(backend=world.radio.scanner).start()
    with pytest.raises(BleakDeviceNotFoundError):
        await BleakClient(device, backend=world.radio.client).connect()
    await world.radio.plug(True)
    await button.press()
    assert (await link(world, await find(world, button))).client.is_connected


async def test_after_a_crash_a_client_looks_connected_for_ever(
    world: VirtualWorld, button: Peripheral
) -> None:
    device = await find(world, button)
    linked = await link(world, device)
    await world.radio.crash()
    button.inject(b"\x05\x0fto whom it may concern")
    await wait(20)
    assert linked.inbox == []
    assert not button.is_connected  # the kernel dropped it after 2.2 s
    assert linked.client.is_connected
    assert not linked.gone.is_set()
    with pytest.raises(BleakDBusError):
        await linked.say_hello()
    with pytest.raises(BleakDBusError):
        await BleakScanner(backend=world.radio.scanner).start()


async def test_after_a_crash_a_new_client_looks_connected_too_until_a_new_scan(
    world: VirtualWorld, button: Peripheral
) -> None:
    device = await find(world, button)
    old = await link(world, device)
    await world.radio.crash()
    await wait(3)
    await world.radio.recover()
    ghost = BleakClient(device, backend=world.radio.client)
    await ghost.connect()
    assert ghost.is_connected
    assert ghost.services.get_characteristic(TX_UUID) is not None
    with pytest.raises(BleakDBusError):
        await ghost.write_gatt_char(TX_UUID, HELLO, response=False)
    await button.press()
    again = await link(world, await find(world, button))
    await again.say_hello()
    assert await again.frame_sizes(1) == [CERTIFICATE_BYTES]
    assert old.client.is_connected  # it never learns; only its own disconnect ends it
    with pytest.raises(BleakDBusError):
        await old.client.disconnect()
    assert old.gone.is_set()
    assert not old.client.is_connected


async def test_a_crash_while_connecting_fails_the_attempt(world: VirtualWorld, button: Peripheral) -> None:
    client = BleakClient(await find(world, button), backend=world.radio.client)
    async with asyncio.TaskGroup() as group:
        attempt = group.create_task(_error_of(client.connect()))
        while not world.radio._owners:  # the link is there, the services are still being looked up
            await wait(0)
        await world.radio.crash()
    assert isinstance(attempt.result(), BleakError)
    assert not client.is_connected


async def test_a_link_that_outlived_its_daemon_is_dropped_although_the_daemon_is_back(
    world: VirtualWorld, button: Peripheral
) -> None:
    await link(world, await find(world, button))
    await world.radio.crash()
    await wait(1.0)
    await world.radio.recover()
    assert button.is_connected
    await wait(1.3)
    assert not button.is_connected


async def test_a_deaf_controller_hears_again_only_after_a_power_cycle(
    world: VirtualWorld, button: Peripheral
) -> None:
    linked = await link(world, await find(world, button))
    world.radio.go_deaf()
    await wait(10)
    assert not linked.client.is_connected  # the link died by its supervision timeout
    await button.press()
    assert not await BleakScanner.discover(timeout=2, backend=world.radio.scanner)
    await world.radio.crash()
    await world.radio.recover()
    assert not await BleakScanner.discover(timeout=2, backend=world.radio.scanner)
    await world.radio.power(False)
    await world.radio.power(True)
    await button.press()
    assert await BleakScanner.discover(timeout=2, backend=world.radio.scanner)


# -- the end -----------------------------------------------------------------------------------------------


async def test_a_closed_world_leaves_no_timer_behind(leaps: list[float]) -> None:
    async with VirtualWorld() as world:
        button = await world.add_button("poche")
        await button.hold_7_seconds()
        await BleakScanner(backend=world.radio.scanner).start()
        await link(world, await find(world, button))
        other = await world.add_button("tiroir")
        await other.press()
        await wait(0.3)
    leaps.clear()
    await wait(3600)
    assert len(leaps) == 1  # to our own timer, and to no other


async def test_whoever_waits_when_the_radio_is_closed_is_told(
    world: VirtualWorld, button: Peripheral
) -> None:
    linked = await link(world, await find(world, button))
    scanner = BleakScanner(backend=world.radio.scanner)
    await scanner.start()
    other = await world.add_button("tiroir")
    await other.press()
    absent = await find(world, other)
    other.out_of_range()
    async with asyncio.TaskGroup() as group:
        attempt = group.create_task(_error_of(BleakClient(absent, backend=world.radio.client).connect()))
        await wait(1)
        await world.radio.close()
    assert isinstance(attempt.result(), BleakDeviceNotFoundError)
    assert linked.gone.is_set()
    with pytest.raises(BleakError):
        await scanner.stop()
    with pytest.raises(BleakBluetoothNotAvailableError):
        await BleakScanner(backend=world.radio.scanner).start()


def test_without_bumble_it_is_said_what_to_install() -> None:
    script = "import sys; sys.modules['bumble'] = None; import flicbridge.simulator.{}"
    for module in ("world", "radio", "peripheral", "air"):
        done = subprocess.run([sys.executable, "-c", script.format(module)], capture_output=True, text=True)
        assert done.returncode == 1
        last_line = done.stderr.strip().splitlines()[-1]
        assert last_line.startswith("ImportError:")
        assert "pip install flicbridge[simulator]" in last_line
