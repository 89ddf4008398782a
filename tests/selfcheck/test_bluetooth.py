"""Adapters, BlueZ and what hangs on them, asked over a real bus and told apart."""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flicbridge.press.bluez import ADAPTER, BLUEZ
from flicbridge.selfcheck import bluetooth
from flicbridge.selfcheck.bluetooth import ADVERTISING, Adapter, adapters_of, judged, judged_version
from flicbridge.selfcheck.bus import BusError
from flicbridge.selfcheck.bus import system_bus as open_bus
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.controllers import controller
from flicbridge.selfcheck.finding import Finding
from flicbridge.simulator.systembus import Objects, service, system_bus

pytestmark = pytest.mark.real_time

ON = {"Address": "00:1A:7D:DA:71:13", "Powered": True, "Roles": ["central", "peripheral"], "Manufacturer": 10}
OFF = {**ON, "Powered": False}

ONE: Objects = {
    "/org/bluez": {"org.bluez.AgentManager1": {}},
    "/org/bluez/hci0": {ADAPTER: ON, ADVERTISING: {"SupportedInstances": 5, "ActiveInstances": 0}},
}


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """The kernel's files of a machine without anything."""
    root = tmp_path / "root"
    root.mkdir()
    return root


def put(root: Path, file: str, text: str) -> None:
    (root / file).parent.mkdir(parents=True, exist_ok=True)
    (root / file).write_text(text, encoding="utf-8")


def plug_in(root: Path, adapter: str, vendor: str, product: str) -> None:
    """A USB adapter, in folders as the kernel's."""
    usb = f"sys/devices/pci0/usb1/1-{adapter[-1]}"
    put(root, f"{usb}/idVendor", f"{vendor}\n")
    put(root, f"{usb}/idProduct", f"{product}\n")
    put(root, f"{usb}/product", "CSR8510 A10\n")
    (root / usb / "1-1:1.0/bluetooth" / adapter).mkdir(parents=True)
    (root / "sys/class/bluetooth" / adapter).mkdir(parents=True)
    (root / "sys/class/bluetooth" / adapter / "device").symlink_to(root / usb / "1-1:1.0")


def adapter(root: Path, name: str = "hci0", **properties: object) -> Adapter:
    return Adapter(name, {**ON, **properties}, {}, controller(name, root))


def checks(adapters: list[Adapter], buttons: int = 1) -> dict[str, Finding]:
    return {finding.check: finding for finding in judged(adapters, buttons)}


async def test_an_adapter_that_is_on_is_described(
    bus: str, case: Case, machine: Path, ask: Callable[..., Any]
) -> None:
    plug_in(machine, "hci0", "0a12", "0001")
    async with service(bus, BLUEZ, ONE) as asked:
        found = await ask(bluetooth.probe, replace(case, root=machine))
    assert found.faults() == set()
    assert found["adapter"].facts == {
        "adapter": "hci0",
        "address": "00:1A:7D:DA:71:13",
        "maker": "CSR",
        "usb": "0a12:0001",
        "roles": "central, peripheral",
        "instances": "5",
    }
    assert found["links"].facts == {"adapter": "hci0", "buttons": 1, "links": 5}
    assert asked == ["GetManagedObjects"]  # nothing is searched for, nothing is switched


async def test_a_machine_without_a_bus_says_so(
    no_bus: None, case: Case, machine: Path, ask: Callable[..., Any]
) -> None:
    found = await ask(bluetooth.probe, replace(case, root=machine))
    assert found.faults() == {"no_bus"}


async def test_bluez_that_does_not_run_is_not_started(
    bus: str, case: Case, machine: Path, ask: Callable[..., Any]
) -> None:
    found = await ask(bluetooth.probe, replace(case, root=machine))
    assert found.faults() == {"bluez_not_running"}


async def test_bluez_that_is_stuck_is_given_up(
    bus: str, case: Case, machine: Path, ask: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("flicbridge.selfcheck.bus.ANSWER_TIMEOUT_S", 0.1)
    async with service(bus, BLUEZ, ONE, is_mute=True):
        found = await ask(bluetooth.probe, replace(case, root=machine))
    assert found.faults() == {"bluez_unanswered"}


FORBIDDEN = f'<deny send_destination="{BLUEZ}"/>'


async def test_a_policy_that_forbids_it_is_told_from_a_service_that_is_gone(
    tmp_path: Path,
    case: Case,
    machine: Path,
    ask: Callable[..., Any],
    monkeypatch: pytest.MonkeyPatch,
    bus: str,
) -> None:
    strict = tmp_path / "strict"
    strict.mkdir()
    opened: AbstractAsyncContextManager[str] = system_bus(strict, FORBIDDEN)
    async with opened as address, service(address, BLUEZ, ONE):
        monkeypatch.setenv("DBUS_SYSTEM_BUS_ADDRESS", address)
        found = await ask(bluetooth.probe, replace(case, root=machine))
    assert found.faults() == {"bluez_refused"}
    assert "group bluetooth" in found["bluez_refused"].remedy


async def test_nobody_is_asked_where_no_button_needs_it(
    bus: str, make_case: Callable[..., Case], ask: Callable[..., Any]
) -> None:
    case = make_case(more="[radio]\nsimulated = true\n")
    async with service(bus, BLUEZ, ONE) as asked:
        found = await ask(bluetooth.probe, case)
    assert found.verdicts() == {"bluetooth_unused": "not_applicable"}
    assert asked == []


async def test_errors_of_the_bus_have_their_name(bus: str) -> None:
    async with open_bus() as line:
        with pytest.raises(BusError) as raised:
            await line.objects("org.example.Nobody")
        assert "NoOwner" in raised.value.name or "ServiceUnknown" in raised.value.name
        assert not await line.has("org.example.Nobody")


# ---- what it means


def test_no_adapter_is_a_fault(machine: Path) -> None:
    assert {*checks([])} == {"adapter_none"}


def test_the_only_adapter_switched_off_is_a_fault(machine: Path) -> None:
    found = checks([adapter(machine, Powered=False)])
    assert {check: finding.verdict.value for check, finding in found.items()} == {"adapter_off": "fault"}


def test_a_second_adapter_switched_off_is_meant_to_be(machine: Path) -> None:
    found = checks([adapter(machine, "hci0", Powered=False), adapter(machine, "hci1")])
    assert found["adapter_off"].verdict == "not_applicable"
    assert found["links_unknown"].facts["adapter"] == "hci1"


def test_two_adapters_that_are_on_leave_the_choice_to_chance(machine: Path) -> None:
    found = checks([adapter(machine, "hci0"), adapter(machine, "hci1")])
    assert found["adapters_several"].verdict == "warning"


def test_an_adapter_that_cannot_connect_is_no_use(machine: Path) -> None:
    found = checks([adapter(machine, Roles=["peripheral"])])
    assert found["adapter_not_central"].verdict == "fault"


def test_an_old_bluez_does_not_name_roles_or_maker(machine: Path) -> None:
    old = Adapter("hci0", {"Address": "00:1A:7D:DA:71:13", "Powered": True}, {}, controller("hci0", machine))
    found = checks([old])
    assert (found["adapter"].facts["roles"], found["adapter"].facts["maker"]) == ("?", "?")
    assert found["links_unknown"].verdict == "not_applicable"


@pytest.mark.parametrize(("buttons", "check"), [(5, "links"), (6, "links_too_few")])
def test_a_csr8510_holds_five_buttons(machine: Path, buttons: int, check: str) -> None:
    plug_in(machine, "hci0", "0a12", "0001")
    found = checks([adapter(machine)], buttons)
    assert check in found
    assert found[check].facts == {"adapter": "hci0", "buttons": buttons, "links": 5}


def test_the_own_radio_of_a_board_is_known_by_the_board(machine: Path) -> None:
    put(machine, "proc/device-tree/model", "Raspberry Pi 3 Model B Rev 1.2\0")
    assert adapter(machine, Manufacturer=15).links == 10
    plug_in(machine, "hci1", "0b05", "190e")
    assert adapter(machine, "hci1", Manufacturer=93).links is None  # a dongle is not the board's radio


def test_objects_that_are_no_adapters_are_passed_over(machine: Path) -> None:
    objects: dict[str, dict[str, dict[str, Any]]] = {
        "/org/bluez": {"org.bluez.AgentManager1": {}},
        "/org/bluez/hci1": {ADAPTER: dict(ON)},
        "/org/bluez/hci0": {ADAPTER: dict(OFF)},
        "/org/bluez/hci0/dev_80_E4": {"org.bluez.Device1": {}},
    }
    assert [found.name for found in adapters_of(objects, machine)] == ["hci0", "hci1"]


@pytest.mark.parametrize(
    ("version", "check"),
    [
        ("5.50", "bluez_too_old"),
        ("5.55", "bluez_old"),
        ("5.62", "bluez_old"),
        ("5.63", "bluez"),
        ("5.66", "bluez"),
        ("6.0", "bluez"),
        ("unknown", "bluez"),
    ],
)
def test_versions_of_bluez_are_told_apart(version: str, check: str) -> None:
    assert judged_version(version).check == check


async def test_what_the_kernel_knows_is_said_too(
    no_bus: None, case: Case, machine: Path, ask: Callable[..., Any]
) -> None:
    put(machine, "sys/class/rfkill/rfkill0/type", "wlan")
    put(machine, "sys/class/rfkill/rfkill0/soft", "1")
    put(machine, "sys/class/rfkill/rfkill1/type", "bluetooth")
    put(machine, "sys/class/rfkill/rfkill1/soft", "1")
    put(machine, "sys/class/rfkill/rfkill1/hard", "0")
    put(machine, "sys/bus/usb/devices/1-2/idVendor", "33fa")
    put(machine, "sys/bus/usb/devices/1-2/idProduct", "0010")
    put(machine, "etc/bluetooth/main.conf", "[General]\n#ControllerMode = dual\nControllerMode = le\n")
    found = await ask(bluetooth.probe, replace(case, root=machine))
    assert found["rfkill"].remedy == "Run: rfkill unblock bluetooth"
    assert found["adapter_without_driver"].facts == {"usb": "33fa:0010"}
    assert found["controller_mode"].verdict == "warning"
