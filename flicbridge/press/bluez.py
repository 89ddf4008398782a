"""Linux only: what bluetoothd does behind bleak's back.

When bluetoothd dies, bleak's clients stay "connected" for ever; when an adapter is switched off and on, a
running scanner never sees anything again. Neither raises anything. The bus tells both within milliseconds.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, suppress
from enum import Enum, auto
from typing import TYPE_CHECKING, Final

from bleak.backends.scanner import AdvertisementData
from bleak.exc import BleakDBusError

if TYPE_CHECKING:
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

BLUEZ: Final = "org.bluez"
ADAPTER: Final = "org.bluez.Adapter1"
DBUS: Final = "org.freedesktop.DBus"
CONNECT_TIMEOUT_S: Final = 5.0

RULES: Final = (
    f"type='signal',sender='{DBUS}',interface='{DBUS}',member='NameOwnerChanged',arg0='{BLUEZ}'",
    f"type='signal',sender='{BLUEZ}',member='PropertiesChanged',arg0='{ADAPTER}'",
    f"type='signal',sender='{BLUEZ}',member='InterfacesAdded'",
    f"type='signal',sender='{BLUEZ}',member='InterfacesRemoved'",
)


class Change(Enum):
    """What happened to the ground we stand on."""

    DAEMON_GONE = auto()
    """bluetoothd ended: no link is alive, whatever bleak says."""
    ADAPTER = auto()
    """bluetoothd came, or an adapter came, went or was switched: the scanner may be deaf."""


@asynccontextmanager
async def open_bus() -> AsyncGenerator["MessageBus"]:
    """Connect to the system bus, for as long as the context lasts.

    Raises:
        OSError, TimeoutError, or an error of dbus_fast: there is no bus, or it refused.
    """
    from dbus_fast import BusType  # exists on Linux only
    from dbus_fast.aio import MessageBus

    bus = MessageBus(bus_type=BusType.SYSTEM)
    try:
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            await bus.connect()
        yield bus
    finally:
        bus.disconnect()


async def watch(changed: Callable[[Change], None]) -> None:
    """Listen on the system bus until it goes away.

    Raises:
        See `open_bus`.
    """
    from dbus_fast import Message

    def hear(message: Message) -> None:
        if change := read_signal(message):
            changed(change)

    async with open_bus() as bus:
        bus.add_message_handler(hear)
        with suppress(EOFError, OSError):  # how a bus ends, and it may do so at any time
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                for rule in RULES:
                    await bus.call(
                        Message(
                            destination=DBUS,
                            path="/org/freedesktop/DBus",
                            interface=DBUS,
                            member="AddMatch",
                            signature="s",
                            body=[rule],
                        )
                    )
            await bus.wait_for_disconnect()  # type: ignore[no-untyped-call]


def is_echo(advertisement: AdvertisementData) -> bool:
    """Tell whether this is no advertisement, but another change of a device that is connected.

    bleak takes any change of a device that BlueZ reports for an advertisement. Of a connected one there is
    none, but the first sign of its disconnection: whoever connects at that moment gets the dying link.
    """
    match advertisement.platform_data:
        case (_path, {"Connected": True}):
            return True
    return False


def is_proof(advertisement: AdvertisementData) -> bool:
    """Tell whether this was really heard on the air.

    BlueZ says how loud a device is for as long as it is being heard. What it reports without that is its own
    book-keeping: the devices it remembers when it starts, those it forgets when the adapter goes off.
    """
    match advertisement.platform_data:
        case (str(), {**properties}):
            return "RSSI" in properties
    return True


def is_in_progress(error: BaseException | None) -> bool:
    """Tell whether BlueZ refused because it, or the kernel, is at it already."""
    return isinstance(error, BleakDBusError) and error.dbus_error == "org.bluez.Error.InProgress"


def read_signal(message: "Message") -> Change | None:
    """Tell what a signal means for us; None for the many that mean nothing."""
    match message.member, message.body:
        case "NameOwnerChanged", [name, old, _new] if name == BLUEZ:
            return Change.DAEMON_GONE if old else Change.ADAPTER
        case "PropertiesChanged", [interface, changed, *_] if interface == ADAPTER and "Powered" in changed:
            return Change.ADAPTER  # other properties, such as Discovering, change by our own doing
        case "InterfacesAdded" | "InterfacesRemoved", [_path, interfaces] if ADAPTER in interfaces:
            return Change.ADAPTER
    return None
