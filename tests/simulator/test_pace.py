"""The air with connection events: what is said waits for the next one, and the answer for the one after."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from bleak import BleakClient, BleakScanner
from bleak.backends.device import BLEDevice
from bumble import hci, ll

from flicbridge.clock import LoopClock
from flicbridge.simulator.adapter import CENTRAL_ADDRESS
from flicbridge.simulator.pace import PacedAir
from flicbridge.simulator.peripheral import RX_UUID, Peripheral
from flicbridge.simulator.world import VirtualWorld

INTERVAL_S = 0.05
ROUND_TRIP_S = 2 * INTERVAL_S


class Bench:
    """A button that was pressed, on an air with connection events."""

    def __init__(self, air: PacedAir, world: VirtualWorld, button: Peripheral, device: BLEDevice) -> None:
        self.air = air
        self.world = world
        self.button = button
        self.device = device
        self.clock = LoopClock(asyncio.get_running_loop())

    def client(self) -> BleakClient:
        return BleakClient(self.device, backend=self.world.radio.client)

    async def connect(self, *, known: bool = False) -> BleakClient:
        client = self.client()
        await self.button.press("single")
        await client.connect(dangerous_use_bleak_cache=known)
        return client

    async def subscribe(self, client: BleakClient) -> float:
        """Return how long it took."""
        began_s = self.clock.now_s()
        await client.start_notify(RX_UUID, lambda *_: None)
        return self.clock.now_s() - began_s


@pytest.fixture
async def bench() -> AsyncIterator[Bench]:
    air = PacedAir(INTERVAL_S)
    async with VirtualWorld(lambda: air) as world:
        button = await world.add_button("poche")
        await button.press("single")
        device = await BleakScanner.find_device_by_address(button.address, backend=world.radio.scanner)
        assert device is not None
        yield Bench(air, world, button, device)


async def test_a_question_and_its_answer_take_two_intervals(bench: Bench) -> None:
    client = await bench.connect()
    assert await bench.subscribe(client) == pytest.approx(ROUND_TRIP_S, abs=INTERVAL_S / 4)
    await client.disconnect()


async def test_what_nobody_answers_takes_one_interval_at_most(bench: Bench) -> None:
    client = await bench.connect()
    heard_s: list[float] = []
    await client.start_notify(RX_UUID, lambda *_: heard_s.append(bench.clock.now_s()))
    began_s = bench.clock.now_s()
    for _ in range(3):
        bench.button.inject(b"\x00\x01")
    await bench.clock.sleep(1)
    assert len(heard_s) == 3
    assert 0 <= heard_s[0] - began_s <= 1.1 * INTERVAL_S
    assert max(heard_s) - min(heard_s) < INTERVAL_S / 4  # one event has room for many
    await client.disconnect()


async def test_services_that_are_known_are_not_looked_for_again(bench: Bench) -> None:
    slow = await bench.connect()
    await slow.disconnect()
    await bench.clock.sleep(1)
    began_s = bench.clock.now_s()
    quick = await bench.connect(known=True)
    assert quick.services is not None
    took_s = await bench.subscribe(quick) + bench.clock.now_s() - began_s
    assert took_s < 0.5 + 2 * 0.1 + 4 * ROUND_TRIP_S  # press, two advertisements, MTU, subscription
    characteristic = quick.services.get_characteristic(RX_UUID)
    assert characteristic is not None
    assert characteristic.max_write_without_response_size == 137  # the MTU was exchanged, all the same
    await quick.disconnect()


async def test_services_that_are_not_known_yet_are_looked_for(bench: Bench) -> None:
    client = await bench.connect(known=True)
    assert client.services.get_characteristic(RX_UUID) is not None
    await client.disconnect()


async def test_a_crash_of_the_daemon_forgets_the_services(bench: Bench) -> None:
    client = await bench.connect()
    await client.disconnect()
    await bench.world.radio.crash()
    assert bench.world.radio.known_services == {}


async def test_what_was_not_said_when_a_link_breaks_never_is(bench: Bench) -> None:
    client = await bench.connect()
    heard: list[bytes] = []
    await client.start_notify(RX_UUID, lambda _from, data: heard.append(bytes(data)))
    bench.button.inject(b"\x00\x01")
    bench.world.remove_button(bench.button)
    await bench.clock.sleep(1)
    assert heard == []
    assert not client.is_connected


async def test_new_parameters_change_the_pace(bench: Bench) -> None:
    client = await bench.connect()
    central, button = hci.Address(CENTRAL_ADDRESS), bench.device.details["address"]
    update = ll.ConnectionUpdateInd(interval=160, latency=0, timeout=800)
    bench.air.send_ll_control_pdu(central, button, update)
    await bench.clock.sleep(1)
    assert 0.2 < await bench.subscribe(client) < 0.45  # two intervals of 200 ms, the first begun already
    await client.disconnect()
