"""From the first advertisement of a sleeping button to its press at an HTTP receiver: p50 and p95.

    python benchmarks/reconnect.py [--presses 25] [--interval-ms 30 50]

A button sleeps, is pressed, and calls. Two hosts take turns at hearing one, over the same radio:

- flicbridge: the whole bridge as `flicbridge run` builds it, with link = "on_press": scanner, connection,
  proof, gesture, commit with fsync, courier, signed request.
- pyflic-ble, the vendor's Python library, as a Home Assistant integration uses it: `FlicClient.start()` on
  the first advertisement (`establish_connection` of bleak-retry-connector with its cache of services, quick
  verify, init), and a bare POST by aiohttp from the callback of the first button event. No gesture, no
  commit, and no proof: it checks no signature.

The radio is the virtual one with connection events (`flicbridge.simulator.pace`): a question over a link and
its answer cost two intervals, as in the air. The loop leaps over idle time, so that minutes of radio fit into
seconds; computing, the disk and the sockets take the time they take. The receiver is a socket in this process
for both. A round trip is counted on the air: the button answers what the host has said since its last answer.
"""

import argparse
import asyncio
import os
import statistics
import tempfile
import warnings
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager, redirect_stderr
from importlib.metadata import version
from pathlib import Path
from typing import Any, Final
from unittest.mock import patch

import aiohttp
from bleak import BleakScanner
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData
from bumble import core, hci
from bumble.controller import Controller
from pyflic_ble import FlicClient

from flicbridge import logs
from flicbridge.bridge import DATABASE, open_bridge
from flicbridge.clock import LoopClock
from flicbridge.config import Settings, load
from flicbridge.credentials import Credentials, Environment
from flicbridge.press.flic2.wire import FromButtonOp
from flicbridge.simulator.flic2.beacon import INTERVAL_S as ADVERTISING_S
from flicbridge.simulator.flic2.memory import Identity
from flicbridge.simulator.keys import TEST_ROOT_PUBLIC
from flicbridge.simulator.leap import LeapingEventLoop
from flicbridge.simulator.pace import PacedAir
from flicbridge.simulator.pairing import pair_all
from flicbridge.simulator.peripheral import Peripheral
from flicbridge.simulator.room import simulated_radio
from flicbridge.simulator.world import VirtualWorld

SETTINGS = """
bridge = {{ id = "benchmark", state_dir = "{folder}" }}
doctor = {{ name = "Dr Anne Martin", phone = "+33612345678" }}
alerts = {{ join_within = "0s" }}
radio = {{ simulated = true }}
recipients = [ {{ name = "hub", channels = [ {{ transport = "http", url = "{url}", secret = "hub" }} ] }} ]
plan = [ {{ after = "0s", notify = ["hub"] }} ]
[practice]
name = "Cabinet des Tilleuls"
address = "12 rue des Tilleuls, 87000 Limoges"
position = {{ latitude = 45.83362, longitude = 1.26105 }}
[[buttons]]
name = "sleeps"
family = "flic2"
serial = "{sleeps}"
simulated = true
gestures = {{ single = "alert" }}
link = "on_press"
idle = "5s"
[[buttons]]
name = "stays"
family = "flic2"
serial = "{stays}"
simulated = true
gestures = {{ single = "alert" }}
"""
CREDENTIALS = Credentials([Environment({"FLICBRIDGE_SECRET_HUB": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"})])
TAP: Final = [(0.0, 0.05)]
CALM_S: Final = 15.0  # by then the button sleeps again, and all that a press left to do is done
UNEVEN_S: Final = 0.0137  # so that presses fall anywhere between two connection events
ROUND_TRIPS: Final = (
    "exchange MTUs",
    "subscribe (what was discovered once is remembered)",
    "quick verify",
    "init, answered with the queued press",
)

ATT_CID: Final = 4
NOTIFICATION: Final = 0x1B


class Receiver(asyncio.Protocol):
    """Answers 204; tells when the first bytes of a request came."""

    def __init__(self, arrived: "asyncio.Queue[float]") -> None:
        self._arrived = arrived
        self._buffer = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if not self._buffer:
            self._arrived.put_nowait(asyncio.get_running_loop().time())
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        fields = dict(line.split(b": ", 1) for line in head.lower().split(b"\r\n")[1:] if b": " in line)
        if mark and len(body) >= int(fields.get(b"content-length", b"0")):
            self._transport.write(b"HTTP/1.1 204 No Content\r\n\r\n")
            self._buffer = b""


class Air(PacedAir):
    """The air, with somebody who counts.

    Attributes:
        round_trips: since `count` was called, up to the first press that was told.
    """

    def count(self) -> None:
        """Begin anew."""
        self.round_trips = 0
        self._is_asked = self._is_told = False

    def send_acl_data(
        self,
        sender_controller: Controller,
        destination_address: hci.Address,
        transport: core.PhysicalTransport,
        data: bytes,
    ) -> None:
        if int.from_bytes(data[2:4], "little") == ATT_CID and not self._is_told:
            self._note(sender_controller.name == "central", data[4:])
        super().send_acl_data(sender_controller, destination_address, transport, data)

    def _note(self, is_host: bool, pdu: bytes) -> None:
        self.round_trips += self._is_asked and not is_host
        self._is_asked = is_host
        # A notification is its opcode, a handle, a frame header and the button's packet.
        self._is_told = pdu[0] == NOTIFICATION and pdu[4] == FromButtonOp.BUTTON_EVENT


class Bench:
    """Everything both hosts share.

    Attributes:
        clock: the loop's.
        air: see `Air`.
        world: the virtual radio on it.
        url: of the receiver.
    """

    def __init__(self, air: Air, world: VirtualWorld, url: str, arrived: "asyncio.Queue[float]") -> None:
        self.clock = LoopClock(asyncio.get_running_loop())
        self.air = air
        self.world = world
        self.url = url
        self._arrived = arrived
        self._awaited: dict[str, asyncio.Future[tuple[float, BLEDevice]]] = {}

    def see(self, device: BLEDevice, _advertisement: AdvertisementData) -> None:
        if (awaited := self._awaited.pop(device.address, None)) is not None:
            awaited.set_result((self.clock.now_s(), device))

    def first_advertisement(self, button: Peripheral) -> "asyncio.Future[tuple[float, BLEDevice]]":
        """When the button calls next, and as what device."""
        future = asyncio.get_running_loop().create_future()
        self._awaited[button.address] = future
        return future

    async def next_arrival_s(self) -> float:
        async with asyncio.timeout(10):
            return await self._arrived.get()

    async def be_calm(self, turn: int) -> None:
        await self.clock.sleep(CALM_S + turn * UNEVEN_S)
        while not self._arrived.empty():
            self._arrived.get_nowait()


@asynccontextmanager
async def open_bench(interval_s: float) -> AsyncGenerator[Bench]:
    arrived: asyncio.Queue[float] = asyncio.Queue()
    server = await asyncio.get_running_loop().create_server(lambda: Receiver(arrived), "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"
    air = Air(interval_s)
    air.count()
    async with server, VirtualWorld(lambda: air) as world:
        bench = Bench(air, world, url, arrived)
        async with BleakScanner(bench.see, backend=world.radio.scanner):
            yield bench


class Ours:
    """The bridge, and two buttons it is paired with."""

    def __init__(self, bench: Bench, buttons: dict[str, Peripheral]) -> None:
        self._bench = bench
        self._buttons = buttons
        self.round_trips: list[int] = []

    async def wake(self, turn: int) -> float:
        """Press the sleeping button; return how long from its first advertisement to the receiver."""
        bench, button = self._bench, self._buttons["sleeps"]
        await bench.be_calm(turn)
        assert not button.is_connected
        bench.air.count()
        called = bench.first_advertisement(button)
        _, arrived_s = await asyncio.gather(button.press(TAP), bench.next_arrival_s())
        self.round_trips.append(bench.air.round_trips)
        return arrived_s - called.result()[0]

    async def press(self, turn: int) -> float:
        """Press the connected button; return how long from the finger to the receiver."""
        bench, button = self._bench, self._buttons["stays"]
        await bench.be_calm(turn)
        assert button.is_connected
        began_s = bench.clock.now_s()
        _, arrived_s = await asyncio.gather(button.press(TAP), bench.next_arrival_s())
        return arrived_s - began_s


@asynccontextmanager
async def our_bridge(bench: Bench, settings: Settings) -> AsyncGenerator[Ours]:
    clock = bench.clock
    buttons = {name: await bench.world.add_button(name) for name in ("sleeps", "stays")}
    for name, button in buttons.items():
        await pair_all(bench.world, {name: button}, settings.bridge.state_dir / DATABASE, clock)
    async with (
        simulated_radio(bench.world, buttons, clock=clock, observe=lambda _: None) as room,
        open_bridge(settings, CREDENTIALS, clock=clock, room=room) as bridge,
        asyncio.TaskGroup() as group,
    ):
        task = group.create_task(bridge.run())
        await bridge.ready.wait()
        for button in buttons.values():
            await button.press(TAP)  # the first link of all finds the services
        yield Ours(bench, buttons)
        task.cancel()


class Theirs:
    """The vendor's client, and a button it is paired with."""

    def __init__(self, bench: Bench, button: Peripheral, session: aiohttp.ClientSession) -> None:
        self._bench = bench
        self._button = button
        self._session = session
        self._posting: asyncio.Task[None] | None = None
        self._pairing: dict[str, Any] = {}
        self.round_trips: list[int] = []

    async def pair(self) -> None:
        called = self._bench.first_advertisement(self._button)
        await self._button.hold_7_seconds()
        client = FlicClient(self._button.address, (await called)[1])
        await client.connect()
        identifier, key, serial, *_ = await client.full_verify_pairing()
        await client.disconnect()
        self._pairing = {"pairing_id": identifier, "pairing_key": key, "serial_number": serial}

    async def wake(self, turn: int) -> float:
        """As `Ours.wake`."""
        bench, button = self._bench, self._button
        await bench.be_calm(turn)
        assert not button.is_connected
        bench.air.count()
        called = bench.first_advertisement(button)
        pressing = asyncio.ensure_future(button.press(TAP))  # noqa: TID251 - benchmark
        began_s, device = await called
        client = FlicClient(button.address, device, **self._pairing)
        client.on_button_event = self._on_event
        self._posting = None
        _, arrived_s = await asyncio.gather(client.start(), bench.next_arrival_s())
        await pressing
        await client.stop()
        self.round_trips.append(bench.air.round_trips)
        return arrived_s - began_s

    def _on_event(self, _name: str, _data: dict[str, Any]) -> None:
        if self._posting is None:
            self._posting = asyncio.ensure_future(self._post())  # noqa: TID251 - benchmark

    async def _post(self) -> None:
        async with self._session.post(self._bench.url, data=b"x" * 1200):
            pass


@contextmanager
def virtual_platform(world: VirtualWorld) -> Generator[None]:
    """The virtual radio is the platform's for whoever names no backend, and the test key the vendor's."""
    with (
        patch("bleak.get_platform_client_backend_type", lambda: (world.radio.client, "virtual")),
        patch("pyflic_ble.handlers.flic2.FLIC2_ED25519_PUBLIC_KEY", TEST_ROOT_PUBLIC),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "Using default MTU value")  # the client asks for `mtu_size`
        yield


async def measure(presses: int, interval_s: float, folder: Path) -> None:
    (folder / "state").mkdir()
    async with open_bench(interval_s) as bench, aiohttp.ClientSession() as session:
        path = folder / "benchmark.toml"
        serials = {name: Identity.made_for(name).serial for name in ("sleeps", "stays")}
        path.write_text(SETTINGS.format(folder=folder / "state", url=bench.url, **serials))
        with virtual_platform(bench.world):
            theirs = Theirs(bench, await bench.world.add_button("theirs"), session)
            await theirs.pair()
            async with our_bridge(bench, load(path, secrets=False)) as ours:
                await ours.wake(0)
                await theirs.wake(0)
                ours.round_trips.clear()
                theirs.round_trips.clear()
                turns = range(1, presses + 1)
                took = [(await ours.wake(turn), await theirs.wake(turn)) for turn in turns]
                pressed = [await ours.press(turn) for turn in turns]
    show(took, (ours.round_trips, theirs.round_trips), pressed, interval_s)


def show(
    took: list[tuple[float, float]],
    round_trips: tuple[list[int], list[int]],
    pressed: list[float],
    interval_s: float,
) -> None:
    print(f"connection interval {1000 * interval_s:g} ms, advertising interval {1000 * ADVERTISING_S:g} ms")
    print(f"{'ms':<58} {'times':>6} {'p50':>8} {'p95':>8} {'round trips':>12}")
    print("from a sleeping button's first advertisement to the receiver")
    ours, theirs = ([each[at] for each in took] for at in (0, 1))
    row('  flicbridge, link = "on_press"', ours, round_trips[0])
    row(f"  pyflic-ble {version('pyflic-ble')}", theirs, round_trips[1])
    print(f"  {'pyflic-ble / flicbridge':<56} {'':>6} {ratio(theirs, ours, 50)} {ratio(theirs, ours, 95)}")
    print("  unavoidable:")
    connect_s = 2 * ADVERTISING_S
    print(f"    {'connect: two more advertisements, see below':<54} {'':>6} {1000 * connect_s:8.1f}")
    for what in ROUND_TRIPS:
        print(f"    {what:<54} {'':>6} {2000 * interval_s:8.1f} {'':>8} {1:>12}")
    total_s = connect_s + 2 * interval_s * len(ROUND_TRIPS)
    print(f"    {'sum':<54} {'':>6} {1000 * total_s:8.1f} {'':>8} {len(ROUND_TRIPS):>12}")
    print("from the finger on a connected button to the receiver")
    row('  flicbridge, link = "always"', pressed)
    print()


def row(what: str, took: list[float], round_trips: list[int] | None = None) -> None:
    trips = "" if round_trips is None else f"{statistics.mean(round_trips):12.1f}"
    print(f"{what:<58} {len(took):>6} {cut(took, 50):8.1f} {cut(took, 95):8.1f} {trips}")


def cut(took: list[float], percent: int) -> float:
    return 1000 * statistics.quantiles(took, n=100, method="inclusive")[percent - 1]


def ratio(theirs: list[float], ours: list[float], percent: int) -> str:
    return f"{cut(theirs, percent) / cut(ours, percent):8.2f}"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--presses", type=int, default=25)
    parser.add_argument("--interval-ms", type=float, nargs="+", default=[30.0, 50.0])
    arguments = parser.parse_args()
    for interval_ms in arguments.interval_ms:  # by default the ends of what Linux lets a controller choose
        with (
            tempfile.TemporaryDirectory() as name,
            Path(os.devnull).open("w") as nowhere,
            redirect_stderr(nowhere),
            asyncio.Runner(loop_factory=LeapingEventLoop) as runner,
        ):
            logs.set_up("json", "info")  # as in a service
            runner.run(measure(arguments.presses, interval_ms / 1000, Path(name)))
    print("Linux dials when it hears the advertisement after the one that we saw, and connects at the next.")


if __name__ == "__main__":
    main()
