"""What the bus says about bluetoothd, heard on a real bus from a stand-in of that name."""

import asyncio
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import pytest

from flicbridge.clock import SystemClock
from flicbridge.press import bluez
from flicbridge.press.bluez import ADAPTER, BLUEZ, Change

if TYPE_CHECKING:
    from dbus_fast.aio import MessageBus

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(sys.platform != "linux", reason="BlueZ is Linux' Bluetooth"),
    pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed"),
]


class Bluetoothd:
    """Owns the name `org.bluez` and says what bluetoothd would."""

    def __init__(self, bus: "MessageBus") -> None:
        self._bus = bus

    def say(self, path: str, interface: str, member: str, signature: str, body: list[object]) -> None:
        from dbus_fast import Message

        self._sent = self._bus.send(Message.new_signal(path, interface, member, signature, body))

    def power(self, on: bool) -> None:
        from dbus_fast import Variant

        self._properties({"Powered": Variant("b", on)})

    def discovering(self, on: bool) -> None:
        from dbus_fast import Variant

        self._properties({"Discovering": Variant("b", on)})

    def _properties(self, changed: dict[str, object]) -> None:
        interface = "org.freedesktop.DBus.Properties"
        self.say("/org/bluez/hci0", interface, "PropertiesChanged", "sa{sv}as", [ADAPTER, changed, []])

    def unplug(self) -> None:
        body: list[object] = ["/org/bluez/hci0", [ADAPTER, "org.bluez.GattManager1"]]
        self.say("/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", "oas", body)

    def forget_device(self) -> None:
        body: list[object] = ["/org/bluez/hci0/dev_80_E4_DA_70_00_01", ["org.bluez.Device1"]]
        self.say("/", "org.freedesktop.DBus.ObjectManager", "InterfacesRemoved", "oas", body)


@asynccontextmanager
async def bluetoothd() -> AsyncGenerator[Bluetoothd]:
    from dbus_fast import BusType
    from dbus_fast.aio import MessageBus

    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    await bus.request_name(BLUEZ)
    yield Bluetoothd(bus)
    bus.disconnect()


class Watch:
    """`watch` at work, and what it told."""

    def __init__(self) -> None:
        self.changes: asyncio.Queue[Change] = asyncio.Queue()
        self.ended = asyncio.Event()

    async def run(self) -> None:
        await bluez.watch(self.changes.put_nowait)
        self.ended.set()

    async def listen(self) -> None:
        """Return once changes are really heard, with those of the probing taken away."""
        async with bluetoothd() as probe:
            while self.changes.empty():
                probe.unplug()  # told by the last of the rules, so that all of them are in place
                await SystemClock().sleep(0.01)
        while await self.changes.get() is not Change.DAEMON_GONE:
            pass


@asynccontextmanager
async def watching() -> AsyncGenerator[Watch]:
    watch = Watch()
    async with asyncio.timeout(20), asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watch.run())
        await watch.listen()
        yield watch
        task.cancel()


async def test_a_daemon_that_goes_and_comes_is_told_apart_at_once(system_bus: object) -> None:
    async with watching() as watch:
        async with bluetoothd():
            assert await watch.changes.get() is Change.ADAPTER
        assert await watch.changes.get() is Change.DAEMON_GONE


async def test_a_switched_or_unplugged_adapter_is_told_and_all_else_is_not(system_bus: object) -> None:
    async with watching() as watch, bluetoothd() as daemon:
        assert await watch.changes.get() is Change.ADAPTER  # its coming
        daemon.discovering(True)
        daemon.forget_device()
        daemon.power(False)
        assert await watch.changes.get() is Change.ADAPTER
        daemon.discovering(False)
        daemon.unplug()
        assert await watch.changes.get() is Change.ADAPTER
        assert watch.changes.empty()


async def test_watching_ends_when_the_bus_itself_goes(system_bus: asyncio.subprocess.Process) -> None:
    async with watching() as watch:
        system_bus.terminate()
        await watch.ended.wait()
