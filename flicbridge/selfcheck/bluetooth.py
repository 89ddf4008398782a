"""BlueZ, the adapters, what they can do, and whether all buttons fit on them. Nothing is searched for."""

import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from flicbridge.press.bluez import ADAPTER, BLUEZ
from flicbridge.selfcheck.aside import aside
from flicbridge.selfcheck.bus import ACCESS_DENIED, NO_ANSWER, BusError, NoBusError, Objects, system_bus
from flicbridge.selfcheck.case import Case
from flicbridge.selfcheck.controllers import (
    MAKERS,
    Controller,
    blocked,
    controller,
    controller_mode,
    without_driver,
)
from flicbridge.selfcheck.finding import Fact, Finding, absent, fault, ok, warning
from flicbridge.selfcheck.machine import numbers
from flicbridge.selfcheck.program import output_of
from flicbridge.texts import N_

ADVERTISING: Final = "org.bluez.LEAdvertisingManager1"

VERSION_TIMEOUT_S: Final = 5.0
# Where distributions put a program that nobody is meant to type.
DAEMONS: Final = ("/usr/libexec/bluetooth/bluetoothd", "/usr/lib/bluetooth/bluetoothd", "bluetoothd")
# Source: firmware-notes.md, "Settings of BlueZ" and "Controllers".
OLDEST_BLUEZ: Final = (5, 55)
RELIABLE_BLUEZ: Final = (5, 63)


@dataclass(frozen=True, slots=True)
class Adapter:
    """One adapter.

    Attributes:
        name: such as `hci0`.
        properties: what `org.bluez.Adapter1` says of it.
        advertising: what `org.bluez.LEAdvertisingManager1` says.
        chip: what the kernel knows.
    """

    name: str
    properties: Mapping[str, Any]
    advertising: Mapping[str, Any]
    chip: Controller

    @property
    def is_on(self) -> bool:
        """Whether it has power."""
        return bool(self.properties.get("Powered"))

    @property
    def is_central(self) -> bool:
        """Whether it can connect to buttons; older versions of BlueZ do not say, and mean yes."""
        return "central" in self.properties.get("Roles", ["central"])

    @property
    def maker(self) -> int | None:
        """Company identifier; older versions of BlueZ do not tell."""
        found = self.properties.get("Manufacturer")
        return found if isinstance(found, int) else None

    @property
    def links(self) -> int | None:
        """How many links it holds at once, if somebody found out."""
        return self.chip.links(self.maker)


async def probe(case: Case) -> list[Finding]:
    """Everything about Bluetooth, if a button is heard over it."""
    if not case.needs_bluetooth:
        return [absent("bluetooth_unused", N_("No button is heard over this machine's Bluetooth."))]
    if sys.platform != "linux":
        return [absent("bluetooth_elsewhere", N_("Only Linux tells more about its Bluetooth."))]
    kernel = await aside(lambda: list(_kernel(case.root)))
    return [await _version(), *kernel, *await _adapters(case)]


async def _version() -> Finding:
    for daemon in DAEMONS:
        if said := await output_of((daemon, "--version"), timeout_s=VERSION_TIMEOUT_S):
            return judged_version(said.strip())
    return absent("bluez_version_unknown", N_("Nobody tells which version BlueZ is."))


def judged_version(version: str) -> Finding:
    """What a version of BlueZ means."""
    found = numbers(version)
    newer = N_("Update the system; BlueZ 5.66 and newer are known to work.")
    if found and found < OLDEST_BLUEZ:
        text = N_("BlueZ {version} is too old for flicbridge.")
        return fault("bluez_too_old", text, newer, version=version)
    if found and found < RELIABLE_BLUEZ:
        text = N_("BlueZ {version} was reported unreliable.")
        return warning("bluez_old", text, newer, version=version)
    return ok("bluez", N_("BlueZ is {version}."), version=version)


def _kernel(root: Path) -> Iterator[Finding]:
    for is_hardware in blocked(root):
        text = N_("Bluetooth is switched off by the machine (rfkill).")
        switch = N_("Switch it on: there is a switch or a key for it on the machine.")
        yield fault("rfkill", text, switch if is_hardware else N_("Run: rfkill unblock bluetooth"))
    for usb in without_driver(root):
        text = N_("The USB adapter {usb} cannot be used with Linux.")
        yield warning("adapter_without_driver", text, N_("Use another one; see firmware-notes.md."), usb=usb)
    if controller_mode(root) == "le":
        text = N_("BlueZ is set to LE only (ControllerMode), and then reports too few advertisements.")
        remedy = N_("Remove ControllerMode from /etc/bluetooth/main.conf and restart the bluetooth service.")
        yield warning("controller_mode", text, remedy)


async def _adapters(case: Case) -> list[Finding]:
    try:
        async with system_bus() as bus:
            objects = await bus.objects(BLUEZ)
    except NoBusError:
        text = N_("The system's message bus (D-Bus) cannot be reached, and so no Bluetooth.")
        return [fault("no_bus", text, N_("Check that dbus is installed and running."))]
    except BusError as error:
        return [_refused(error.name)]
    adapters = await aside(lambda: adapters_of(objects, case.root))
    return list(judged(adapters, case.stays_connected))


def _refused(name: str) -> Finding:
    if name == ACCESS_DENIED:
        text = N_("This user may not use Bluetooth (D-Bus policy).")
        remedy = N_("Add the user of the bridge to the group bluetooth: usermod -a -G bluetooth USER")
        return fault("bluez_refused", text, remedy)
    if name == NO_ANSWER:
        text = N_("The Bluetooth service does not answer.")
        return fault("bluez_unanswered", text, N_("Run: systemctl restart bluetooth"))
    text = N_("The Bluetooth service does not run.")
    return fault("bluez_not_running", text, N_("Run: systemctl enable --now bluetooth"))


def adapters_of(objects: Objects, root: Path) -> list[Adapter]:
    """The adapters among BlueZ' objects, in the order of their names. Blocks."""
    return [
        Adapter(
            name=(name := path.rpartition("/")[2]),
            properties=interfaces[ADAPTER],
            advertising=interfaces.get(ADVERTISING, {}),
            chip=controller(name, root),
        )
        for path, interfaces in sorted(objects.items())
        if ADAPTER in interfaces
    ]


def judged(adapters: list[Adapter], stays_connected: int) -> Iterator[Finding]:
    """What these adapters mean for so many buttons that stay connected."""
    if not adapters:
        text = N_("There is no Bluetooth adapter.")
        remedy = N_(
            "Plug one in, or see with `rfkill list` and `journalctl -k -g Bluetooth` why it is missing."
        )
        yield fault("adapter_none", text, remedy)
        return
    usable = [adapter for adapter in adapters if adapter.is_on and adapter.is_central]
    yield from (_adapter(adapter, is_needed=not usable) for adapter in adapters)
    if len(usable) > 1:
        text = N_("{number} adapters are switched on, and the bridge takes the first it is shown.")
        remedy = N_("Switch off, or unplug, the one that is not meant for the buttons.")
        yield warning("adapters_several", text, remedy, number=len(usable))
    if usable:
        yield _links(usable[0], stays_connected)


def _adapter(adapter: Adapter, *, is_needed: bool) -> Finding:
    instances = adapter.advertising.get("SupportedInstances")
    facts = {
        "adapter": adapter.name,
        "address": str(adapter.properties.get("Address", "?")),
        "maker": _maker(adapter),
        "usb": adapter.chip.usb or "-",
        "roles": ", ".join(adapter.properties.get("Roles", [])) or "?",
        "instances": "?" if instances is None else str(instances),
    }
    if not adapter.is_on:
        text = N_("The adapter {adapter} ({maker}, {address}) is switched off.")
        if not is_needed:
            return absent("adapter_off", text, **facts)
        return fault("adapter_off", text, N_("Run: bluetoothctl power on"), **facts)
    if not adapter.is_central:
        text = N_("The adapter {adapter} ({maker}, {address}) cannot connect to buttons (roles: {roles}).")
        remedy = N_("Use another adapter; see firmware-notes.md.")
        return (fault if is_needed else warning)("adapter_not_central", text, remedy, **facts)
    text = N_(
        "The adapter {adapter} ({maker}, USB {usb}, {address}) is on; roles: {roles};"
        " advertising sets: {instances}."
    )
    return ok("adapter", text, **facts)


def _maker(adapter: Adapter) -> str:
    if adapter.maker is not None:
        return MAKERS.get(adapter.maker, f"{adapter.maker}")
    return adapter.chip.product or "?"


def _links(adapter: Adapter, stays_connected: int) -> Finding:
    links = adapter.links
    if links is None:
        text = N_(
            "Nobody tells how many buttons {adapter} can hold at once; {buttons} are to stay connected."
        )
        return absent("links_unknown", text, adapter=adapter.name, buttons=stays_connected)
    facts: dict[str, Fact] = {"adapter": adapter.name, "buttons": stays_connected, "links": links}
    if stays_connected > links:
        text = N_("{buttons} buttons are to stay connected, and {adapter} holds {links} at once.")
        remedy = N_('Write link = "on_press" for some buttons, or use an adapter that holds more.')
        return fault("links_too_few", text, remedy, **facts)
    return ok(
        "links", N_("{adapter} holds {links} buttons at once, and {buttons} are to stay connected."), **facts
    )
