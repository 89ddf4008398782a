"""The client of the virtual radio, as a backend for `BleakClient`, with the habits of BlueZ.

The disconnected callback comes for local disconnects too, services are gone after any disconnect, ending a
link takes two seconds, `mtu_size` knows nothing, and after a crash of the daemon a client looks connected
for ever. Who asks for `dangerous_use_bleak_cache` gets the services that were found last time, and waits for
nothing to be found again; the MTU is exchanged before the first thing that takes an answer.
"""

import asyncio
import warnings
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any, ClassVar

from bleak import BleakScanner
from bleak.args import SizedBuffer
from bleak.assigned_numbers import CharacteristicPropertyName
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import (
    BleakDeviceNotFoundError,
    BleakError,
    BleakGATTProtocolError,
    BleakGATTProtocolErrorCode,
)

from flicbridge.simulator.adapter import Adapter, daemon_gone
from flicbridge.simulator.scanner import VirtualScanner, uuid_text

# isort: split
from bumble import core
from bumble.att import ATT_Error
from bumble.device import Connection, Peer
from bumble.gatt import GATT_GENERIC_ACCESS_SERVICE
from bumble.gatt_client import CharacteristicProxy, Client, DescriptorProxy, ServiceProxy
from bumble.hci import Address

LARGEST_MTU = 517  # what BlueZ asks for
DISCONNECT_TIMEOUT_S = 10.0
PROPERTIES: dict[int, CharacteristicPropertyName] = {  # bit of the characteristic declaration -> bleak's name
    0x01: "broadcast",
    0x02: "read",
    0x04: "write-without-response",
    0x08: "write",
    0x10: "notify",
    0x20: "indicate",
    0x40: "authenticated-signed-writes",
    0x80: "extended-properties",
}


class VirtualClient(BaseBleakClient):
    """One client on the virtual radio. `VirtualRadio` makes a subclass that knows its adapter."""

    adapter: ClassVar[Adapter]
    scanner: ClassVar[type[VirtualScanner]]

    def __init__(
        self,
        address_or_ble_device: BLEDevice | str,
        *,
        disconnected_callback: Callable[[], None] | None,
        timeout: float,
        **_options: Any,
    ) -> None:
        super().__init__(address_or_ble_device, disconnected_callback=disconnected_callback, timeout=timeout)
        self._device = address_or_ble_device if isinstance(address_or_ble_device, BLEDevice) else None
        self._connection: Connection | None = None
        self._is_ghost = False
        self._gone = asyncio.Event()
        self._waits: set[asyncio.Timeout] = set()
        self._one_at_a_time = asyncio.Lock()
        self._relays: dict[int, Callable[[bytes], None]] = {}
        self._is_mtu_due = False

    @property
    def name(self) -> str:
        return (self._device and self._device.name) or self.address.replace(":", "-")

    @property
    def mtu_size(self) -> int:
        """23, whatever the link has; ask a characteristic's `max_write_without_response_size` instead."""
        warnings.warn("Using default MTU value, as bleak does over BlueZ.", stacklevel=2)
        return 23

    @property
    def is_connected(self) -> bool:
        return self._connection is not None or self._is_ghost

    # -- the life of a link --------------------------------------------------------------------------------

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        """Connect, exchange MTUs and discover services, unless the services of last time will do.

        Raises:
            TimeoutError: the device did not advertise in time.
            BleakError: as BlueZ would.
        """
        if self.is_connected:
            raise BleakError("Client is already connected")
        if services := self.adapter.ghost_services(self.address):
            self.services, self._is_ghost = services, True
            return
        timeout_s = kwargs.get("timeout", self._timeout)
        address = await self._find(timeout_s)
        async with asyncio.timeout(timeout_s):
            self._attach(await self.adapter.connect(address, self))
            try:
                await self._resolve(use_cache=kwargs.get("dangerous_use_bleak_cache", False))
            except BaseException:
                self._leave()
                raise

    async def _find(self, timeout_s: float) -> Address:
        if self._device is None:
            self._device = await BleakScanner.find_device_by_address(
                self.address, timeout=timeout_s, backend=self.scanner
            )
        if self._device is None:
            raise BleakDeviceNotFoundError(self.address, f"Device with address {self.address} was not found.")
        address: Address = self._device.details["address"]
        return address

    def _attach(self, connection: Connection) -> None:
        self._connection = connection
        self._gone.clear()
        connection.on(connection.EVENT_DISCONNECTION, self._on_disconnection)

    async def _resolve(self, *, use_cache: bool) -> None:
        connection = self._linked()
        peer = Peer(connection)
        self._is_mtu_due = True
        if use_cache and (known := self.adapter.known_services.get(self.address)):
            peer.gatt_client.services = _again(known, peer.gatt_client)
        else:
            await self._over_the_air(partial(_discover, peer))
            self.adapter.known_services[self.address] = peer.services
        self.services = _collect(peer, lambda: connection.att_mtu - 3)

    async def disconnect(self) -> None:
        """End the link; like BlueZ this holds it for two seconds more, also when cancelled meanwhile.

        Raises:
            BleakDBusError: the daemon crashed while we were connected; the client is disconnected now.
        """
        if self._is_ghost:
            self._is_ghost, self.services = False, None
            self._call_back()
            raise daemon_gone()
        if (connection := self._connection) is None:
            return
        self.adapter.call_later(self.adapter.disconnect_takes_s, partial(self.adapter.hang_up, connection))
        try:
            async with asyncio.timeout(DISCONNECT_TIMEOUT_S):
                await self._gone.wait()
        finally:
            self._detach()

    def _leave(self) -> None:
        if connection := self._connection:
            self._detach()
            self.adapter.hang_up(connection)

    def _on_disconnection(self, _reason: int) -> None:
        self._detach()

    def _detach(self) -> None:
        """Forget the link and tell whoever waits for it, then the owner of the client."""
        if (connection := self._connection) is None:
            return
        self._forget(connection)
        self.services = None
        self._gone.set()
        self._call_back()

    def _call_back(self) -> None:
        if self._disconnected_callback:
            self._disconnected_callback()

    def _forget(self, connection: Connection) -> None:
        connection.remove_listener(connection.EVENT_DISCONNECTION, self._on_disconnection)
        self.adapter.disown(self)
        self._connection = None
        self._relays.clear()
        now_s = asyncio.get_running_loop().time()
        for wait in self._waits:
            wait.reschedule(now_s)

    def become_ghost(self) -> BleakGATTServiceCollection | None:
        """The daemon crashed: look connected for ever, and never call back; but connecting just fails."""
        if connection := self._connection:
            self._forget(connection)
            self._is_ghost = self.services is not None
        return self.services

    # -- reading and writing -------------------------------------------------------------------------------

    def _linked(self) -> Connection:
        if self._is_ghost:
            raise daemon_gone()
        if self._connection is None:
            raise BleakError("Not connected")
        return self._connection

    async def _over_the_air[T](self, work: Callable[[], Awaitable[T]]) -> T:
        """Do what takes an answer from the other side.

        Raises:
            BleakGATTProtocolError: the other side refused, or the link was lost, which BlueZ reports as
                "unlikely error".
        """
        async with self._one_at_a_time:
            connection = self._linked()
            try:
                async with asyncio.timeout(None) as wait:  # `_forget` lets it expire
                    self._waits.add(wait)
                    try:
                        await self._exchange_mtu(connection)
                        return await work()
                    finally:
                        self._waits.discard(wait)
            except asyncio.CancelledError:
                if _is_cancelled():
                    raise
                raise _link_lost() from None  # Bumble cancels what is pending when a link goes
            except (TimeoutError, core.TimeoutError) as error:
                raise _link_lost() from error
            except ATT_Error as error:
                raise BleakGATTProtocolError(error.error_code) from error

    async def _exchange_mtu(self, connection: Connection) -> None:
        if self._is_mtu_due:
            self._is_mtu_due = False
            await Peer(connection).request_mtu(LARGEST_MTU)

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        return bytearray(await self._over_the_air(characteristic.obj.read_value))

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        return bytearray(await self._over_the_air(descriptor.obj.read_value))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        """Write; without response this succeeds as long as nobody noticed that the link is dead."""
        if response:
            await self._over_the_air(partial(characteristic.obj.write_value, bytes(data), True))
        else:
            self._linked()
            await characteristic.obj.write_value(bytes(data), False)

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        await self._over_the_air(partial(descriptor.obj.write_value, bytes(data), True))

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **kwargs: Any
    ) -> None:
        await self.stop_notify(characteristic)
        handle = characteristic.handle

        def relay(value: bytes) -> None:
            if self._relays.get(handle) is relay:
                callback(bytearray(value))

        self._relays[handle] = relay
        await self._over_the_air(partial(characteristic.obj.subscribe, relay))

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        if relay := self._relays.pop(characteristic.handle, None):
            await self._over_the_air(partial(characteristic.obj.unsubscribe, relay))

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        """Bond on the Bluetooth level; no button needs it."""
        await self._over_the_air(self._linked().pair)

    async def unpair(self) -> None:
        """Forget a bond: there is never one to forget."""


def _is_cancelled() -> bool:
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0


def _link_lost() -> BleakGATTProtocolError:
    return BleakGATTProtocolError(BleakGATTProtocolErrorCode.UNLIKELY_ERROR)


async def _discover(peer: Peer) -> None:
    await peer.discover_all()  # type: ignore[no-untyped-call]
    for service in peer.services:
        for value in service.characteristics:
            value.descriptors_discovered = True  # or Bumble looks for them again when we subscribe


def _again(known: list[ServiceProxy], client: Client) -> list[ServiceProxy]:
    """The services of an earlier link, for a new one."""
    services = []
    for old in known:
        service = ServiceProxy(client, old.handle, old.end_group_handle, old.uuid)  # type: ignore[no-untyped-call]
        for value in old.characteristics:
            characteristic = CharacteristicProxy[bytes](
                client, value.handle, value.end_group_handle, value.uuid, value.properties
            )
            characteristic.descriptors = [
                DescriptorProxy(client, each.handle, each.type) for each in value.descriptors
            ]
            characteristic.descriptors_discovered = True
            service.characteristics.append(characteristic)
        services.append(service)
    return services


def _collect(peer: Peer, write_size: Callable[[], int]) -> BleakGATTServiceCollection:
    """Translate what was discovered; the generic access service stays hidden, as BlueZ has it."""
    found = BleakGATTServiceCollection()
    for proxy in peer.services:
        if proxy.uuid == GATT_GENERIC_ACCESS_SERVICE:
            continue
        service = BleakGATTService(proxy, proxy.handle, uuid_text(proxy.uuid))
        found.add_service(service)
        for value in proxy.characteristics:
            properties = [name for bit, name in PROPERTIES.items() if value.properties & bit]
            characteristic = BleakGATTCharacteristic(
                value,
                value.handle - 1,  # bleak numbers a characteristic by its declaration, as BlueZ does
                uuid_text(value.uuid),
                properties,
                write_size,
                service,
            )
            found.add_characteristic(characteristic)
            for descriptor in value.descriptors:
                found.add_descriptor(
                    BleakGATTDescriptor(
                        descriptor, descriptor.handle, uuid_text(descriptor.type), characteristic
                    )
                )
    return found
