"""The radio outlives whatever happens to the adapter, and waits for nobody longer than it must."""

import asyncio
import gc
import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

import pytest
from bleak import BleakClient
from bleak.args import SizedBuffer
from bleak.backends.adapter import BaseBleakAdapter
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.exc import BleakError
from structlog.testing import capture_logs

from flicbridge.clock import LoopClock
from flicbridge.errors import ButtonUnreachableError
from flicbridge.observation import Observation, Value
from flicbridge.press.bluez import Change
from flicbridge.press.flic2.exchange import WRITE_UUID
from flicbridge.press.held import PARTING_TIMEOUT_S
from flicbridge.press.radio import CONNECT_TIMEOUT_S, LIFETIME_S, Radio
from flicbridge.press.sighting import FRESH_S, Sighting, Sightings
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.supervise import Backoff

if TYPE_CHECKING:
    from tests.press.conftest import Bench, OpenBench


async def sight(bench: "Bench", button: Peripheral) -> Sighting:
    """Press the button and return its first advertisement."""
    with bench.radio.sightings(button.address) as sightings:
        pressing = bench.tasks.create_task(button.press("single"))
        async with asyncio.timeout(5):
            sighting = await anext(sightings)
        await pressing
    return sighting


async def see_within(radio: Radio, button: Peripheral, seconds: float) -> bool:
    """Press the button; return whether the radio sees it in time."""
    with radio.sightings(button.address) as sightings:
        await button.press("single")
        try:
            async with asyncio.timeout(seconds):
                await anext(sightings)
        except TimeoutError:
            return False
        return True


# ---- the platform's own backend, where there is no Bluetooth


@pytest.mark.skipif(sys.platform != "linux", reason="the bus is Linux' way to Bluetooth")
async def test_without_a_bus_the_radio_says_off_and_goes_on_trying(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/no-bus-here")
    clock = LoopClock(asyncio.get_running_loop())
    said: list[Observation] = []
    radio = Radio(None, None, clock=clock, observe=said.append)
    with pytest.raises(TimeoutError), capture_logs() as logs:
        async with asyncio.timeout(120):
            await radio.run()
    assert Observation("radio", "state", "off") in said
    assert radio.error is not None
    assert "Bluetooth service cannot be reached" in radio.error
    assert Observation("radio", "error", radio.error) in said
    of_state = [observation for observation in said if observation.fact in ("state", "error")]
    assert len(of_state) == 2  # said once, not every few seconds
    events = [line["event"] for line in logs if line["log_level"] != "debug"]
    assert events == ["radio_off", "radio_silent"]


def test_the_module_can_be_imported_without_the_libraries_of_any_platform() -> None:
    block = "import sys; sys.modules['dbus_fast'] = None; import flicbridge.press.flic2.pair"
    done = subprocess.run([sys.executable, "-c", block], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


# ---- seeing


async def test_an_address_is_recognised_in_any_case_and_others_are_not(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        ours, other = [await bench.world.add_button(name) for name in ("poche", "bureau")]
        with bench.radio.sightings(ours.address.lower()) as sightings:
            await other.press("single")
            await ours.press("single")
            sighting = await anext(sightings)
        assert sighting.address == ours.address
        assert sighting.rssi_dbm == -60


async def test_a_mailbox_holds_the_newest_advertisement_only_and_nothing_stale() -> None:
    clock = LoopClock(asyncio.get_running_loop())
    shown: list[Sighting] = []
    sightings = Sightings("80:e4:da:70:00:01", clock, shown.append)
    device = BLEDevice("80:E4:DA:70:00:01", None, None)
    many = [Sighting(device, device.address, -n, seen_s=clock.now_s()) for n in range(1000)]
    for sighting in many:
        sightings.put(sighting)
    assert await anext(sightings) is many[-1]
    assert shown == many
    sightings.put(Sighting(device, device.address, -50, seen_s=clock.now_s()))
    await clock.sleep(FRESH_S + 0.1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await anext(sightings)


async def test_what_was_seen_before_a_button_is_waited_for_again_is_forgotten() -> None:
    clock = LoopClock(asyncio.get_running_loop())
    sightings = Sightings("80:E4:DA:70:00:01", clock)
    device = BLEDevice("80:E4:DA:70:00:01", None, None)
    sightings.put(Sighting(device, device.address, -50, seen_s=clock.now_s()))
    sightings.forget()
    later = Sighting(device, device.address, -60, seen_s=clock.now_s())
    asyncio.get_running_loop().call_later(0.1, sightings.put, later)
    assert await anext(sightings) is later


@pytest.mark.parametrize(("is_connected", "seen"), [(True, False), (False, True)])
async def test_bluez_reporting_a_change_of_a_connected_button_is_no_sighting_of_it(
    is_connected: bool, seen: bool
) -> None:
    class BluezScanner(Chatty):
        def _chatter(self, loop: asyncio.AbstractEventLoop) -> None:
            platform_data = ("/org/bluez/hci0/dev_80_E4_DA_70_00_01", {"Connected": is_connected})
            advertisement = AdvertisementData(None, {}, {}, [], None, -60, platform_data)
            self.call_detection_callbacks(BLEDevice("80:E4:DA:70:00:01", None, None), advertisement)

    shown: list[Sighting] = []
    BluezScanner.started = []
    clock = LoopClock(asyncio.get_running_loop())
    radio = Radio(BluezScanner, None, clock=clock, observe=lambda _: None)
    with radio.sightings("80:E4:DA:70:00:01", shown.append), pytest.raises(TimeoutError):
        async with asyncio.timeout(1):
            await radio.run()
    assert bool(shown) is seen


async def test_advertisements_are_counted_now_and_then(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        stranger = await bench.world.add_button("stranger")
        await stranger.press("single")
        await bench.clock.sleep(90)
        counted = bench.now("radio", "advertisements_seen")
        assert isinstance(counted, int)
        assert counted > 200
        assert len(bench.values("radio", "advertisements_seen")) <= 3


# ---- a scanner that stops seeing


@pytest.mark.parametrize("away_s", [1, 30])
async def test_a_radio_switched_off_and_on_behind_our_back_sees_again(
    open_bench: "OpenBench", away_s: float
) -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        with bench.radio.sightings(button.address):
            await bench.world.radio.power(False)  # the scanner dies without a word
            await bench.clock.sleep(away_s)
            await bench.world.radio.power(True)
            assert await see_within(bench.radio, button, 30)
        assert bench.now("radio", "state") == "scanning"


async def test_a_pulled_adapter_is_reported_and_used_again_when_it_is_back(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await bench.world.radio.plug(False)
        await bench.until(lambda: bench.now("radio", "state") == "off", within_s=100)
        assert "No Bluetooth adapters found" in str(bench.now("radio", "error"))
        await bench.world.radio.plug(True)
        took_s = await bench.until(lambda: bench.now("radio", "state") == "scanning")
        assert took_s <= 10
        assert bench.now("radio", "error") is None
        assert await see_within(bench.radio, button, 1)


async def test_a_doubted_scanner_is_replaced_at_once(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        await bench.world.radio.power(False)
        await bench.world.radio.power(True)
        bench.radio.doubt()
        assert await see_within(bench.radio, button, 1)


class Chatty(BaseBleakScanner):
    """A scanner that hears somebody all the time, and counts its like. Subclasses misbehave."""

    started: list[float]

    def __init__(self, callback: AdvertisementDataCallback, *_: object, **__: object) -> None:
        super().__init__(callback, None)
        self._timer: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        loop = asyncio.get_running_loop()
        self.started.append(loop.time())
        self._chatter(loop)

    def _chatter(self, loop: asyncio.AbstractEventLoop) -> None:
        for _ in range(10):
            device = BLEDevice(random.randbytes(6).hex(":").upper(), None, None)
            advertisement = AdvertisementData(None, {}, {}, [], None, -90, ())
            self.call_detection_callbacks(device, advertisement)
        self._timer = loop.call_later(30, self._chatter, loop)

    async def stop(self) -> None:
        if self._timer:
            self._timer.cancel()


async def scan_with(backend: type[Chatty], seconds: float) -> list[tuple[str, Value]]:
    """Let a radio scan with such scanners; return what it said."""
    said: list[tuple[str, Value]] = []

    def observe(observation: Observation) -> None:
        said.append((observation.fact, observation.value))

    backend.started = []
    radio = Radio(backend, None, clock=LoopClock(asyncio.get_running_loop()), observe=observe)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(seconds):
            await radio.run()
    return said


async def test_a_busy_scanner_is_kept_but_not_for_ever() -> None:
    await scan_with(Chatty, 2.5 * LIFETIME_S)
    assert len(Chatty.started) == 3


async def test_strangers_fill_no_memory() -> None:
    kept = [BLEDevice("80:E4:DA:70:00:01", None, None)]
    before = count(BLEDevice)
    said = await scan_with(Chatty, LIFETIME_S / 2)
    assert max(int(value or 0) for fact, value in said if fact == "advertisements_seen") > 500
    assert count(BLEDevice) == before >= len(kept)


def count(kind: type) -> int:
    """Return how many living objects are of that kind."""
    gc.collect()
    return sum(type(each) is kind for each in gc.get_objects())


async def test_a_scanner_that_raises_on_stopping_is_over_all_the_same() -> None:
    class RaisesOnStop(Chatty):
        async def stop(self) -> None:
            await super().stop()
            raise BleakError("No discovery started")

    said = await scan_with(RaisesOnStop, 1.5 * LIFETIME_S)
    assert len(RaisesOnStop.started) == 2
    assert ("state", "off") not in said


async def test_a_scanner_that_hangs_on_stopping_holds_nobody_up() -> None:
    class HangsOnStop(Chatty):
        async def stop(self) -> None:
            await super().stop()
            await asyncio.Event().wait()

    await scan_with(HangsOnStop, 1.5 * LIFETIME_S)
    first, second = HangsOnStop.started
    assert second - first < LIFETIME_S + 100


async def test_a_scanner_that_hangs_on_starting_is_given_up_and_tried_again() -> None:
    class HangsOnStart(Chatty):
        async def start(self) -> None:
            self.started.append(asyncio.get_running_loop().time())
            await asyncio.Event().wait()

    said = await scan_with(HangsOnStart, 100)
    assert ("state", "off") in said
    assert any("no answer within" in str(value) for fact, value in said if fact == "error")
    assert len(HangsOnStart.started) >= 4


async def test_a_radio_that_failed_for_long_is_tried_eagerly_once_something_moves() -> None:
    class Fails(Chatty):
        async def start(self) -> None:
            self.started.append(asyncio.get_running_loop().time())
            raise BleakError("InProgress")

    Fails.started = []
    clock = LoopClock(asyncio.get_running_loop())
    radio = Radio(
        Fails, None, clock=clock, observe=lambda _: None, backoff=Backoff(shortest_s=1, longest_s=1e6)
    )
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(radio.run())
        await clock.sleep(1e5)  # by now it waits for hours between tries
        tries = len(Fails.started)
        radio.react_to(Change.ADAPTER)
        await clock.sleep(7)
        running.cancel()
    assert len(Fails.started) >= tries + 3


async def test_a_backend_that_cannot_even_be_made_is_a_radio_that_is_off() -> None:
    class CannotBeMade(Chatty):
        def __init__(self, *_: object, **__: object) -> None:
            raise OSError(38, "Function not implemented")

    said = await scan_with(CannotBeMade, 30)
    assert ("state", "off") in said


# ---- links


async def test_leaving_a_link_waits_for_no_disconnect(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        sighting = await sight(bench, button)
        bench.world.radio.disconnect_takes_s = 4
        gone: list[float] = []
        async with bench.radio.connect(sighting.device, lambda: gone.append(1)) as client:
            assert client.services.get_characteristic(WRITE_UUID)
            left_s = bench.clock.now_s()
        assert bench.clock.now_s() - left_s < 0.1
        assert button.is_connected
        await bench.clock.sleep(4.5)
        assert not button.is_connected
        assert gone


async def test_a_new_link_to_a_button_waits_until_the_old_one_is_really_gone(open_bench: "OpenBench") -> None:
    """BlueZ would end the new one with the old one, and tell both what the button says."""
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        sighting = await sight(bench, button)
        async with bench.radio.connect(sighting.device, lambda: None):
            pass
        assert button.is_connected
        gone: list[float] = []
        pressing = bench.tasks.create_task(button.press([(3.0, 3.1)]))  # by then it is free again
        async with bench.radio.connect(sighting.device, lambda: gone.append(bench.clock.now_s())):
            await bench.clock.sleep(5)
            assert gone == []
            assert button.is_connected
        assert pressing.done()


async def test_a_lost_link_is_told(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        sighting = await sight(bench, button)
        gone = asyncio.Event()
        async with bench.radio.connect(sighting.device, gone.set):
            assert not gone.is_set()
            button.drop_link()
            async with asyncio.timeout(1):
                await gone.wait()


async def test_a_button_that_walks_away_while_connecting_is_given_up_and_can_be_tried_again(
    open_bench: "OpenBench",
) -> None:
    async with open_bench() as bench:
        button = await bench.world.add_button("poche")
        sighting = await sight(bench, button)
        button.out_of_range()
        began_s = bench.clock.now_s()
        with pytest.raises(ButtonUnreachableError, match="connect: no answer"):
            async with bench.radio.connect(sighting.device, lambda: None):
                pytest.fail("there is nobody to connect to")
        assert bench.clock.now_s() - began_s <= CONNECT_TIMEOUT_S + 0.1
        button.back_in_range()
        again = await sight(bench, button)
        async with bench.radio.connect(again.device, lambda: None):
            assert button.is_connected


class Stuck(BaseBleakClient):
    """A client whose daemon does not answer, and which even a cancellation does not move."""

    def __init__(self, device: BLEDevice, **_: Any) -> None:
        super().__init__(device, disconnected_callback=None, timeout=0)
        self.services = None

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            await LoopClock(asyncio.get_running_loop()).sleep(5)

    async def disconnect(self) -> None:
        await asyncio.Event().wait()

    @property
    def mtu_size(self) -> int:
        return 23

    @property
    def is_connected(self) -> bool:
        return False

    async def pair(self, *args: Any, **kwargs: Any) -> None: ...

    async def unpair(self) -> None: ...

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        return bytearray()

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        return bytearray()

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None: ...

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None: ...

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **kwargs: Any
    ) -> None: ...

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None: ...


async def test_a_stuck_daemon_costs_the_deadline_and_not_a_moment_more(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        radio = Radio(bench.world.radio.scanner, Stuck, clock=bench.clock, observe=bench.observe)
        running = bench.tasks.create_task(radio.run())
        await bench.clock.sleep(1)
        for n, patience_s in (
            (1, 0),
            (2, 0),
            (2, PARTING_TIMEOUT_S),
        ):  # the same button's last link parts first
            device = BLEDevice(f"80:E4:DA:70:00:0{n}", None, {})
            began_s = bench.clock.now_s()
            with pytest.raises(ButtonUnreachableError, match="no answer within"):
                async with radio.connect(device, lambda: None):
                    pytest.fail("it never connects")
            assert bench.clock.now_s() - began_s == pytest.approx(CONNECT_TIMEOUT_S + patience_s, abs=0.1)
        began_s = bench.clock.now_s()
        running.cancel()
        await asyncio.wait({running})
        assert bench.clock.now_s() - began_s < 10


async def test_a_radio_that_stops_takes_its_links_down_decently(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        button, _follower = await bench.follow_connected("poche")
        assert button.is_connected
        for task in bench.running:
            task.cancel()
        await asyncio.wait(bench.running)
        assert not button.is_connected


async def test_nothing_connects_through_a_radio_that_does_not_run(open_bench: "OpenBench") -> None:
    async with open_bench() as bench:
        radio = bench.new_radio()
        device = BLEDevice("80:E4:DA:70:00:01", None, {})
        with pytest.raises(ButtonUnreachableError):
            async with radio.connect(device, lambda: None):
                pytest.fail("it is not running")
        assert radio.error is not None


async def test_a_button_left_connected_by_a_killed_process_is_taken_over(open_bench: "OpenBench") -> None:
    """BlueZ keeps the links of the dead, and a connected button does not advertise."""
    async with open_bench() as bench:
        button, paired = await bench.add_paired("poche")
        sighting = await sight(bench, button)
        predecessor = BleakClient(sighting.device, backend=bench.world.radio.client)
        await predecessor.connect()

        class Adapter(BaseBleakAdapter):
            @classmethod
            async def get(cls, **kwargs: Any) -> Self:
                return cls()

            async def get_connected_devices(self, service_uuids: frozenset[str]) -> list[BLEDevice]:
                return [sighting.device] if button.is_connected else []

        for task in bench.running:
            task.cancel()
        await asyncio.wait(bench.running)
        bench.radio = bench.new_radio(Adapter)
        bench.running = [bench.tasks.create_task(bench.radio.run())]
        assert button.is_connected
        assert button.advertisement is None
        follower = bench.follow("poche", paired)
        await bench.until(lambda: "up" in follower.kinds(), within_s=10)
