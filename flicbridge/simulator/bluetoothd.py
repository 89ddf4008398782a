"""Linux only: what bluetoothd shows on a message bus while simulated Flic 2s are within its reach.

So the bridge can run as it is, in a process of its own, with bleak and all that is below it, and no adapter.
It has what a Flic 2 needs: one adapter that scans, devices that are heard, connect and are lost, one service
with a characteristic to write to and one that notifies. Nothing is paired on the Bluetooth level.

Source: BlueZ, doc/org.bluez.{Adapter,Device,GattService,GattCharacteristic}.rst.
"""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from flicbridge.press.bluez import ADAPTER, BLUEZ
from flicbridge.press.flic2.exchange import NOTIFY_UUID, SERVICE_UUID, WRITE_UUID
from flicbridge.simulator.flic2 import SimulatedFlic2

if TYPE_CHECKING:
    from dbus_fast import Message, Variant
    from dbus_fast.aio import MessageBus

DEVICE: Final = "org.bluez.Device1"
SERVICE: Final = "org.bluez.GattService1"
CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"
PROPERTIES: Final = "org.freedesktop.DBus.Properties"
OBJECTS: Final = "org.freedesktop.DBus.ObjectManager"

HCI0: Final = "/org/bluez/hci0"
MTU: Final = 140
RSSI_DBM: Final = (-60, -61)
"""A device that is heard again is shown again only if something about it changed."""

type Shown = dict[str, dict[str, Variant]]
"""What an object shows, by interface and property."""


class Bluetoothd:
    """Use `bluetoothd`.

    Attributes:
        scan_began: set when somebody asked for the first scan.
        scan_began_s: when that was, on the loop's clock; None before.
    """

    def __init__(self, bus: "MessageBus", buttons: Sequence[SimulatedFlic2]) -> None:
        self._bus = bus
        self._devices = [Device(button, self) for button in buttons]
        self._is_closed = False
        self.scanning: set[str] = set()
        self.scan_began = asyncio.Event()
        self.scan_began_s: float | None = None

    @property
    def connected(self) -> int:
        """How many buttons have a link, and were asked over it for what they say."""
        return sum(device.is_heard for device in self._devices)

    # -- what is asked of it -------------------------------------------------------------------------------

    def hear(self, message: "Message") -> "Message | bool | None":
        """Answer one call; None for what is none of ours."""
        from dbus_fast import MessageType

        if self._is_closed:
            return True  # what was still in the pipe
        if message.message_type is MessageType.SIGNAL and message.member == "NameOwnerChanged":
            self._forget(message.body)
        if message.message_type is not MessageType.METHOD_CALL:
            return None
        match message.interface:
            case "org.freedesktop.DBus.ObjectManager":
                return _answer(message, "a{oa{sa{sv}}}", self._objects())
            case "org.freedesktop.DBus.Properties":
                return self._property(message)
            case "org.bluez.Adapter1":
                return self._scan(message)
        device = next((each for each in self._devices if (message.path or "").startswith(each.path)), None)
        return None if device is None else device.obey(message)

    def _scan(self, message: "Message") -> "Message":
        if message.member == "StartDiscovery":
            self.scanning.add(message.sender or "")
            if self.scan_began_s is None:
                self.scan_began_s = asyncio.get_running_loop().time()
                self.scan_began.set()
            for device in self._devices:
                device.advertise()
        elif message.member == "StopDiscovery":
            self.scanning.discard(message.sender or "")
        return _answer(message)

    def _forget(self, change: Sequence[str]) -> None:
        """A program that ended scans no longer."""
        name, _, now = change
        if not now:
            self.scanning.discard(name)

    def _property(self, message: "Message") -> "Message":
        shown = self._objects().get(message.path or "", {}).get(message.body[0], {})
        if message.member == "GetAll":
            return _answer(message, "a{sv}", shown)
        return _answer(message, "v", shown[message.body[1]])

    def _objects(self) -> dict[str, Shown]:
        objects = {HCI0: {ADAPTER: _adapter(is_scanning=bool(self.scanning))}}
        for device in self._devices:
            objects |= device.objects()
        return objects

    # -- what it says by itself ----------------------------------------------------------------------------

    def added(self, objects: Mapping[str, Shown]) -> None:
        """Tell that objects are there now."""
        for path, shown in objects.items():
            self._signal("/", OBJECTS, "InterfacesAdded", "oa{sa{sv}}", path, shown)

    def changed(self, path: str, interface: str, properties: Mapping[str, "Variant"]) -> None:
        """Tell what an object shows now."""
        self._signal(path, PROPERTIES, "PropertiesChanged", "sa{sv}as", interface, dict(properties), [])

    def _signal(self, path: str, interface: str, member: str, signature: str, *body: Any) -> None:
        from dbus_fast import Message

        _sent = self._bus.send(Message.new_signal(path, interface, member, signature, list(body)))

    def close(self) -> None:
        """Nothing runs on afterwards."""
        self._is_closed = True
        for device in self._devices:
            device.close()


@dataclass(slots=True)
class Device:
    """One button, as bluetoothd shows it.

    Attributes:
        button: itself, sans-IO.
        path: of its object.
    """

    button: SimulatedFlic2
    _daemon: Bluetoothd
    path: str = field(init=False)
    _rssi: int = field(init=False, default=0)
    _is_known: bool = field(init=False, default=False)
    _is_resolved: bool = field(init=False, default=False)
    _notifies: bool = field(init=False, default=False)
    _timer: asyncio.TimerHandle | None = field(init=False, default=None)
    _beacon: asyncio.TimerHandle | None = field(init=False, default=None)

    def __post_init__(self) -> None:
        self.path = f"{HCI0}/dev_{self.button.memory.identity.address.replace(':', '_')}"

    @property
    def is_heard(self) -> bool:
        """Whether there is a link, and somebody listens to what comes over it."""
        return self.button.is_linked and self._notifies

    def objects(self) -> dict[str, Shown]:
        """Its object, and those of its service once that was found."""
        found: dict[str, Shown] = {}
        if self._is_known:
            found[self.path] = {DEVICE: self._shown()}
        if self._is_resolved:
            found |= _services(self.path)
        return found

    def obey(self, message: "Message") -> "Message | None":
        """Answer a call of the device or of one of its characteristics."""
        match message.member:
            case "Connect":
                return self._connect(message)
            case "Disconnect":
                self._lose()
            case "StartNotify":
                self._notifies = True
                self._settle()
            case "StopNotify":
                self._notifies = False
            case "WriteValue":
                self.button.receive(bytes(message.body[0]), _now_s())
                self._settle()
            case _:
                return None
        return _answer(message)

    def _connect(self, message: "Message") -> "Message":
        from dbus_fast import Message

        if self.button.advertisement(_now_s()) is None:
            return Message.new_error(message, "org.bluez.Error.Failed", "le-connection-abort-by-local")
        self.button.link_up(_now_s())
        self.button.set_mtu(MTU)
        if not self._is_resolved:
            self._is_resolved = True
            self._daemon.added(_services(self.path))
        self._tell("Connected", "ServicesResolved")
        self._settle()
        return _answer(message)

    def _lose(self) -> None:
        if self.button.is_linked:
            self.button.link_down(_now_s())
            self._notifies = False
            self._tell("Connected", "ServicesResolved")
        self._settle()

    # -- what it does by itself ----------------------------------------------------------------------------

    def _settle(self) -> None:
        """Do what the button wants after anything has happened."""
        frames = self.button.take_frames()
        for frame in frames if self._notifies else ():
            self._daemon.changed(f"{self.path}/service0010/char0013", CHARACTERISTIC, _variants(Value=frame))
        if self.button.wants_hang_up:
            self._lose()
            return
        self.advertise()
        if self._timer is not None:
            self._timer.cancel()
        due_s = self.button.deadline_s(_now_s())
        loop = asyncio.get_running_loop()
        self._timer = None if due_s is None else loop.call_at(due_s, self._pass_time)

    def _pass_time(self) -> None:
        self.button.pass_time(_now_s())
        self._settle()

    def advertise(self) -> None:
        """Be heard from now on, if the button calls and somebody scans."""
        if self._beacon is not None or not self._daemon.scanning:
            return
        wanted = self.button.advertisement(_now_s())
        if wanted is None or self.button.is_linked:
            return
        self._rssi += 1
        if self._is_known:
            self._tell("RSSI")
        else:
            self._is_known = True
            self._daemon.added({self.path: {DEVICE: self._shown()}})
        self._beacon = asyncio.get_running_loop().call_later(wanted.interval_s, self._again)

    def _again(self) -> None:
        self._beacon = None
        self.advertise()

    def _tell(self, *names: str) -> None:
        shown = self._shown()
        self._daemon.changed(self.path, DEVICE, {name: shown[name] for name in names})

    def _shown(self) -> "dict[str, Variant]":
        identity, name = self.button.memory.identity, f"F2{self.button.memory.firmware}"
        return _variants(
            Address=identity.address,
            AddressType="random" if identity.address_type else "public",
            Name=name,
            Alias=name,
            Adapter=HCI0,
            Paired=False,
            Connected=self.button.is_linked,
            ServicesResolved=self.button.is_linked,
            UUIDs=[SERVICE_UUID],
            RSSI=RSSI_DBM[self._rssi % len(RSSI_DBM)],
        )

    def close(self) -> None:
        """Fall silent."""
        for timer in (self._timer, self._beacon):
            if timer is not None:
                timer.cancel()


@asynccontextmanager
async def bluetoothd(address: str, buttons: Sequence[SimulatedFlic2]) -> AsyncGenerator[Bluetoothd]:
    """Own the name of BlueZ on a bus for as long as the context lasts.

    Args:
        address: of the bus.
        buttons: within reach.
    """
    from dbus_fast import Message
    from dbus_fast.aio import MessageBus

    bus = await MessageBus(bus_address=address).connect()
    daemon = Bluetoothd(bus, buttons)
    try:
        bus.add_message_handler(daemon.hear)
        await bus.call(
            Message(
                destination="org.freedesktop.DBus",
                path="/org/freedesktop/DBus",
                interface="org.freedesktop.DBus",
                member="AddMatch",
                signature="s",
                body=["type='signal',member='NameOwnerChanged'"],
            )
        )
        await bus.request_name(BLUEZ)
        yield daemon
    finally:
        daemon.close()
        bus.disconnect()


def _now_s() -> float:
    return asyncio.get_running_loop().time()


def _answer(message: "Message", signature: str = "", *body: Any) -> "Message":
    from dbus_fast import Message

    return Message.new_method_return(message, signature, list(body))


def _adapter(*, is_scanning: bool) -> "dict[str, Variant]":
    return _variants(
        Address="02:00:00:00:00:01", Powered=True, Discovering=is_scanning, Roles=["central", "peripheral"]
    )


def _services(device: str) -> dict[str, Shown]:
    """The service of a Flic 2, and below it its characteristics, numbered as BlueZ does it."""
    service = f"{device}/service0010"
    return {
        service: {SERVICE: _variants(UUID=SERVICE_UUID, Primary=True) | _paths(Device=device)},
        f"{service}/char0011": {
            CHARACTERISTIC: _characteristic(WRITE_UUID, "write-without-response", service)
        },
        f"{service}/char0013": {CHARACTERISTIC: _characteristic(NOTIFY_UUID, "notify", service)},
    }


def _characteristic(uuid: str, flag: str, service: str) -> "dict[str, Variant]":
    return _variants(UUID=uuid, Flags=[flag], Value=b"", MTU=MTU) | _paths(Service=service)


def _paths(**properties: str) -> "dict[str, Variant]":
    from dbus_fast import Variant

    return {name: Variant("o", value) for name, value in properties.items()}


_SIGNATURES: Final[Mapping[str, str]] = {"RSSI": "n", "MTU": "q", "Adapter": "o"}


def _variants(**properties: object) -> "dict[str, Variant]":
    from dbus_fast import Variant

    return {name: Variant(_signature(name, value), value) for name, value in properties.items()}


def _signature(name: str, value: object) -> str:
    """The type of a property. Source: D-Bus specification, "Type system", and BlueZ as above."""
    kinds: Mapping[type, str] = {bool: "b", str: "s", list: "as", bytes: "ay"}
    return _SIGNATURES.get(name) or kinds[type(value)]
