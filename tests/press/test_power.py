"""An adapter is switched off and on over a real bus; it is never left off, nor switched on against a will."""

import asyncio
import shutil
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flicbridge.clock import SystemClock
from flicbridge.press import power
from flicbridge.press.bluez import ADAPTER, BLUEZ
from flicbridge.press.power import BluezPower, Cycled, adapters_in_use, examine

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

pytestmark = [
    pytest.mark.real_time,
    pytest.mark.skipif(sys.platform != "linux", reason="BlueZ is Linux' Bluetooth"),
    pytest.mark.skipif(shutil.which("dbus-daemon") is None, reason="dbus-daemon is not installed"),
]

HCI0, HCI1 = "/org/bluez/hci0", "/org/bluez/hci1"
ON = {"Powered": True, "Roles": ["central", "peripheral"], "Discovering": False}
SILENCE = "silence"
"""As the answer to an order: it is not even answered."""


class Hasty(SystemClock):
    """A clock that need not be waited for."""

    def __init__(self) -> None:
        self.slept_s: list[float] = []

    async def sleep(self, seconds: float) -> None:
        self.slept_s.append(seconds)


class Bluetoothd:
    """Answers as bluetoothd would about its adapters.

    Attributes:
        adapters: what `org.bluez.Adapter1` says of each.
        orders: what was asked of which adapter.
        moods: the errors with which the next orders are answered, `None` for obedience.
    """

    def __init__(self, bus: "MessageBus", **adapters: dict[str, object]) -> None:
        self.adapters = {f"/org/bluez/{name}": dict(properties) for name, properties in adapters.items()}
        self.orders: list[tuple[str, bool]] = []
        self.moods: list[str | None] = []
        bus.add_message_handler(self._answer)

    def _answer(self, message: "Message") -> "Message | bool | None":
        match message.member:
            case "GetManagedObjects":
                return self._objects(message)
            case "Set" if message.body[:2] == [ADAPTER, "Powered"]:
                return self._switch(message, message.body[2].value)
        return None

    def _objects(self, message: "Message") -> "Message":
        from dbus_fast import Message, Variant

        kinds = {"Powered": "b", "Roles": "as", "Discovering": "b"}
        objects: dict[str, object] = {"/org/bluez": {"org.bluez.AgentManager1": {}}}
        for path, properties in self.adapters.items():
            objects[path] = {
                ADAPTER: {name: Variant(kinds[name], value) for name, value in properties.items()},
                "org.bluez.GattManager1": {},
            }
        return Message.new_method_return(message, "a{oa{sa{sv}}}", [objects])

    def _switch(self, message: "Message", on: bool) -> "Message | bool":
        from dbus_fast import Message

        path = str(message.path)
        self.orders.append((path, on))
        mood = self.moods.pop(0) if self.moods else None
        if mood == SILENCE:
            return True
        if path not in self.adapters:
            mood = "org.freedesktop.DBus.Error.UnknownObject"
        if mood is not None:
            return Message.new_error(message, mood, "no")
        self.adapters[path]["Powered"] = on
        return Message.new_method_return(message)


@asynccontextmanager
async def bluetoothd(**adapters: dict[str, object]) -> AsyncGenerator[Bluetoothd]:
    from dbus_fast import BusType
    from dbus_fast.aio import MessageBus

    bus = await MessageBus(bus_type=BusType.SYSTEM).connect()
    daemon = Bluetoothd(bus, **adapters)
    await bus.request_name(BLUEZ)
    yield daemon
    bus.disconnect()


@pytest.fixture
def note(tmp_path: Path) -> Path:
    return tmp_path / "switched-off"


@pytest.fixture
def clock() -> Hasty:
    return Hasty()


@pytest.fixture
def switch(note: Path, clock: Hasty) -> BluezPower:
    return BluezPower(note, clock=clock)


async def test_an_adapter_goes_off_and_comes_on_again(
    system_bus: object, switch: BluezPower, note: Path, clock: Hasty
) -> None:
    async with bluetoothd(hci0=ON) as daemon:
        assert await switch.cycle() is Cycled.DONE
    assert daemon.orders == [(HCI0, False), (HCI0, True)]
    assert clock.slept_s == [power.OFF_S, power.SETTLE_S]
    assert not switch.is_owing
    assert not note.exists()


async def test_an_adapter_that_somebody_switched_off_stays_off(
    system_bus: object, switch: BluezPower
) -> None:
    async with bluetoothd(hci0=ON | {"Powered": False}) as daemon:
        assert await switch.cycle() is Cycled.SWITCHED_OFF
        assert await switch.pay() is Cycled.DONE
    assert daemon.orders == []


async def test_without_an_adapter_there_is_nothing_to_switch(system_bus: object, switch: BluezPower) -> None:
    async with bluetoothd():
        assert await switch.cycle() is Cycled.NO_ADAPTER


async def test_without_the_service_that_is_said(system_bus: object, switch: BluezPower) -> None:
    assert await switch.cycle() is Cycled.NO_SERVICE


@pytest.mark.parametrize(
    ("error", "meaning"),
    [
        ("org.freedesktop.DBus.Error.AccessDenied", Cycled.REFUSED),
        ("org.bluez.Error.Blocked", Cycled.BLOCKED),
        ("org.bluez.Error.Failed", Cycled.FAILED),
        ("org.freedesktop.DBus.Error.UnknownObject", Cycled.NO_ADAPTER),
    ],
)
async def test_a_no_leaves_no_debt(
    system_bus: object, switch: BluezPower, note: Path, error: str, meaning: Cycled
) -> None:
    async with bluetoothd(hci0=ON) as daemon:
        daemon.moods = [error]
        assert await switch.cycle() is meaning
    assert daemon.orders == [(HCI0, False)]
    assert not switch.is_owing
    assert not note.exists()


async def test_an_order_to_go_off_that_is_not_answered_is_taken_back(
    system_bus: object, switch: BluezPower, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(power, "SWITCH_TIMEOUT_S", 0.2)
    async with bluetoothd(hci0=ON) as daemon:
        daemon.moods = [SILENCE]
        assert await switch.cycle() is Cycled.NO_ANSWER
    assert daemon.orders == [(HCI0, False), (HCI0, True)]  # it may have been heard all the same
    assert not switch.is_owing


@pytest.mark.parametrize("mood", ["org.bluez.Error.Busy", "org.bluez.Error.Failed", SILENCE])
async def test_an_adapter_that_hesitates_to_come_on_is_asked_again(
    system_bus: object, switch: BluezPower, monkeypatch: pytest.MonkeyPatch, mood: str
) -> None:
    monkeypatch.setattr(power, "SWITCH_TIMEOUT_S", 0.2)
    async with bluetoothd(hci0=ON) as daemon:
        daemon.moods = [None, mood, mood]
        assert await switch.cycle() is Cycled.DONE
    assert daemon.orders == [(HCI0, False)] + 3 * [(HCI0, True)]
    assert daemon.adapters[HCI0]["Powered"]


async def test_an_adapter_that_stays_off_is_owed_even_by_the_next_run(
    system_bus: object, switch: BluezPower, note: Path, clock: Hasty
) -> None:
    async with bluetoothd(hci0=ON) as daemon:
        daemon.moods = [None] + 3 * ["org.bluez.Error.Blocked"]
        assert await switch.cycle() is Cycled.STAYS_OFF
        assert switch.is_owing
        assert not daemon.adapters[HCI0]["Powered"]
        next_run = BluezPower(note, clock=clock)
        assert next_run.is_owing
        assert await next_run.pay() is Cycled.DONE
        assert daemon.adapters[HCI0]["Powered"]
    assert not BluezPower(note, clock=clock).is_owing


async def test_a_bridge_that_is_stopped_in_that_second_switches_on_before_it_goes(
    system_bus: object, note: Path
) -> None:
    off = asyncio.Event()

    class Stopped(Hasty):
        async def sleep(self, seconds: float) -> None:
            if seconds == power.OFF_S:
                off.set()
                await asyncio.Event().wait()

    async with bluetoothd(hci0=ON) as daemon, asyncio.TaskGroup() as tasks:
        cycling = tasks.create_task(BluezPower(note, clock=Stopped()).cycle())
        async with asyncio.timeout(10):
            await off.wait()
            assert not daemon.adapters[HCI0]["Powered"]
            assert note.read_text() == HCI0
            cycling.cancel()
            await asyncio.wait({cycling})
        assert cycling.cancelled()
        assert daemon.adapters[HCI0]["Powered"]
    assert not note.exists()


async def test_a_debt_for_an_adapter_that_was_pulled_out_is_forgotten(
    system_bus: object, note: Path, clock: Hasty
) -> None:
    note.write_text(HCI1)
    async with bluetoothd(hci0=ON) as daemon:
        assert await BluezPower(note, clock=clock).pay() is Cycled.DONE
    assert daemon.orders == [(HCI1, True)]
    assert not note.exists()


async def test_what_is_owed_cannot_be_paid_while_the_service_is_away(
    system_bus: object, note: Path, clock: Hasty
) -> None:
    note.write_text(HCI0)
    debtor = BluezPower(note, clock=clock)
    assert await debtor.pay() is Cycled.STAYS_OFF
    assert debtor.is_owing


async def test_a_disk_that_cannot_be_written_keeps_nothing_from_being_mended(
    system_bus: object, tmp_path: Path, clock: Hasty
) -> None:
    async with bluetoothd(hci0=ON) as daemon:
        assert await BluezPower(tmp_path / "nowhere" / "note", clock=clock).cycle() is Cycled.DONE
    assert daemon.orders == [(HCI0, False), (HCI0, True)]


@pytest.mark.parametrize(
    "bus_policy",
    ['<deny send_interface="org.freedesktop.DBus.Properties" send_member="Set"/>'],
    ids=["strict"],
)
async def test_the_refusal_of_the_bus_is_told_as_one(
    bus_policy: str, system_bus: object, switch: BluezPower
) -> None:
    async with bluetoothd(hci0=ON) as daemon:
        assert await switch.cycle() is Cycled.REFUSED
    assert daemon.orders == []
    assert not switch.is_owing


async def test_without_a_bus_that_is_said(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, switch: BluezPower
) -> None:
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/no-bus-here")
    assert await switch.cycle() is Cycled.NO_BUS
    assert await switch.pay() is Cycled.NO_BUS


@pytest.mark.parametrize(
    ("adapters", "found"),
    [
        ({}, Cycled.NO_ADAPTER),
        ({"hci0": ON}, Cycled.DONE),
        ({"hci0": ON | {"Powered": False}}, Cycled.SWITCHED_OFF),
        ({"hci0": ON | {"Powered": False}, "hci1": ON}, Cycled.DONE),
    ],
)
async def test_what_keeps_the_radio_from_working_is_examined_without_touching_it(
    system_bus: object, adapters: dict[str, dict[str, object]], found: Cycled
) -> None:
    async with bluetoothd(**adapters) as daemon:
        assert await examine() is found
    assert daemon.orders == []


async def test_an_examination_tells_a_missing_service_from_a_missing_bus(
    system_bus: object, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert await examine() is Cycled.NO_SERVICE
    monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", f"unix:path={tmp_path}/no-bus-here")
    assert await examine() is Cycled.NO_BUS


@pytest.mark.parametrize(
    ("adapters", "used"),
    [
        ({}, set[str]()),
        ({HCI0: ON}, {HCI0}),
        ({HCI0: {"Powered": True}}, {HCI0}),  # an old BlueZ says nothing of roles
        ({HCI0: ON | {"Roles": ["peripheral"]}, HCI1: ON}, {HCI1}),
        ({HCI0: ON | {"Powered": False}, HCI1: ON}, {HCI1}),
        ({HCI0: ON, HCI1: ON}, {HCI0, HCI1}),
        ({HCI0: ON, HCI1: ON | {"Discovering": True}}, {HCI1}),
    ],
)
async def test_only_adapters_that_bleak_may_scan_with_are_touched(
    adapters: dict[str, dict[str, object]], used: set[str]
) -> None:
    assert adapters_in_use(adapters) == used
