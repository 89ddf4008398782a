"""The Bluetooth adapter of the virtual radio: one central for all scanners and clients, and its misfortunes.

What code sees when an adapter is switched off, pulled, or when its daemon crashes is taken from experiments
with BlueZ 5.66 under bleak 3.
"""

import asyncio
import math
from collections.abc import Callable
from contextlib import suppress
from enum import Enum, auto
from functools import partial
from typing import Protocol

from bleak.backends.service import BleakGATTServiceCollection
from bleak.exc import (
    BleakBluetoothNotAvailableError,
    BleakBluetoothNotAvailableReason,
    BleakDBusError,
    BleakDeviceNotFoundError,
    BleakError,
)

from flicbridge.simulator.air import Air, Chip  # first, as it says what to install if Bumble is missing

# isort: split
from bumble import core, hci
from bumble.device import (
    Advertisement,
    Connection,
    ConnectionParametersPreferences,
    Device,
    DeviceConfiguration,
)
from bumble.gatt_client import ServiceProxy

CENTRAL_ADDRESS = "F0:00:00:00:00:01"  # two top bits set: static random
LINUX_PREFERENCES = ConnectionParametersPreferences(
    connection_interval_min=30, connection_interval_max=50, max_latency=0, supervision_timeout=420
)
DIAL_TIMEOUT_S = 20.0  # then the kernel goes back to scanning
ORPHANED_LINK_S = 2.2  # the kernel drops a link that long after its daemon crashed
POWERED_OFF = int(hci.HCI_ErrorCode.REMOTE_DEVICE_TERMINATED_CONNECTION_DUE_TO_POWER_OFF_ERROR)
USER_TERMINATED = int(hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR)


class AdapterState(Enum):
    """What is wrong with the adapter, if anything."""

    ON = auto()
    OFF = auto()
    ABSENT = auto()
    CRASHED = auto()
    """Its daemon is not running."""


class Listener(Protocol):
    """A scanner that has been started."""

    def hear(self, advertisement: Advertisement) -> None: ...


class LinkOwner(Protocol):
    """A client that is connected."""

    address: str

    def become_ghost(self) -> BleakGATTServiceCollection | None:
        """Go on looking connected, never to be called again; return the services as they were known."""
        ...


def dbus_error(name: str, details: str) -> BleakDBusError:
    """An error as bleak hands it on from BlueZ."""
    return BleakDBusError(name, [details])


def _scan_error(state: AdapterState) -> BleakError:
    if state is AdapterState.OFF:
        return dbus_error("org.bluez.Error.NotReady", "Resource Not Ready")
    if state is AdapterState.ABSENT:
        reason = BleakBluetoothNotAvailableReason.NO_BLUETOOTH
        return BleakBluetoothNotAvailableError("No Bluetooth adapters found.", reason)
    return daemon_gone()


def _connect_error(state: AdapterState, address: str) -> BleakError:
    if state is AdapterState.OFF:
        return dbus_error("org.bluez.Error.Failed", "Not Powered")
    if state is AdapterState.ABSENT:
        return BleakDeviceNotFoundError(address, f"Device with address {address} was not found.")
    return daemon_gone()


def daemon_gone() -> BleakDBusError:
    """What every call to BlueZ fails with while its daemon is not running."""
    return dbus_error("org.freedesktop.DBus.Error.ServiceUnknown", "The name org.bluez was not provided")


class Adapter:
    """One central: a chip and a host, shared by all scanners and clients.

    Attributes:
        state: change it by the methods only.
        disconnect_takes_s: BlueZ holds a link for so long after it was asked to end it.
        search_outlives_crash_s: the kernel goes on with a dead daemon's search for so long, and refuses those
            of the next one, unless the adapter is switched off meanwhile. Seen: up to 11 s.
        known_services: what was discovered on earlier links, by address, for as long as the daemon lives.
    """

    def __init__(self, air: Air) -> None:
        self.state = AdapterState.ON
        self.disconnect_takes_s = 2.0
        self.search_outlives_crash_s = 0.0
        self.known_services: dict[str, list[ServiceProxy]] = {}
        self._air = air
        self._listeners: set[Listener] = set()
        self._owners: set[LinkOwner] = set()
        self._ghosts: dict[str, BleakGATTServiceCollection] = {}
        self._awaited: list[tuple[hci.Address, asyncio.Future[None]]] = []
        self._dialling = asyncio.Lock()  # a controller tries one connection at a time
        self._timers: set[asyncio.TimerHandle] = set()
        self._stuck_until_s = -math.inf
        self._is_deaf = False
        self._is_closed = False
        self._chip = Chip("central", air)
        self._device = Device.from_config_with_hci(
            DeviceConfiguration(name="central", address=hci.Address(CENTRAL_ADDRESS)), self._chip, self._chip
        )
        self._device.on(Device.EVENT_ADVERTISEMENT, self._hear)

    async def start(self) -> None:
        """Power the host up; call once."""
        await self._device.power_on()

    async def close(self) -> None:
        """Leave the air, for good. Whoever still waits for something is told that the adapter is gone."""
        if self._is_closed:
            return
        self._become(AdapterState.ABSENT)
        async with self._dialling:  # whoever was at it has given up now
            self._is_closed = True
        for timer in self._timers:
            timer.cancel()
        self._air.remove_controller(self._chip)

    # -- misfortunes ---------------------------------------------------------------------------------------

    async def power(self, on: bool) -> None:
        """Switch the adapter off or on. Off ends all links and, for good and without a word, all scans."""
        self._become(AdapterState.ON if on else AdapterState.OFF)

    async def plug(self, present: bool) -> None:
        """Pull the adapter out, or plug it in again."""
        self._become(AdapterState.ON if present else AdapterState.ABSENT)

    async def crash(self) -> None:
        """Kill the daemon behind the adapter: scans die, and clients look connected for ever, uncalled."""
        self._ghosts = {
            owner.address: services for owner in list(self._owners) if (services := owner.become_ghost())
        }
        self._owners.clear()
        if self._listeners:
            self._stuck_until_s = asyncio.get_running_loop().time() + self.search_outlives_crash_s
        self.call_later(ORPHANED_LINK_S, partial(self._drop_orphans, list(self._device.connections.values())))
        self._end_scans(AdapterState.CRASHED)

    async def recover(self) -> None:
        """Start the daemon again after `crash`. What died stays dead; new scanners and clients work."""
        self._become(AdapterState.ON)

    def go_deaf(self) -> None:
        """Let the controller hang: scans start and see nothing, links die, until it is switched off."""
        self._is_deaf = True
        self._air.hide(self._chip)

    def _become(self, state: AdapterState) -> None:
        self._end_scans(state)
        if state is not AdapterState.ON:
            self._stuck_until_s = -math.inf
            self._ghosts.clear()
            self._air.break_links(self._chip, POWERED_OFF)
            if self._is_deaf:
                self._is_deaf = False
                self._air.show(self._chip)

    def _end_scans(self, state: AdapterState) -> None:
        self.state = state
        if state in (AdapterState.ABSENT, AdapterState.CRASHED):
            self.known_services.clear()
        if state is not AdapterState.ON:
            self._listeners.clear()
            for _, heard in self._awaited:
                if not heard.done():
                    heard.set_result(None)
            self._scan_as_needed()
            self._chip.give_up_connecting()

    def _drop_orphans(self, orphans: list[Connection]) -> None:
        """The kernel does so although the daemon is back, and whoever took one over meanwhile loses it."""
        for connection in orphans:
            self.hang_up(connection)

    def call_later(self, delay_s: float, do: Callable[[], None]) -> None:
        """Do something later, unless the adapter is closed by then."""
        if self._is_closed:
            return
        loop = asyncio.get_running_loop()

        def act() -> None:
            self._timers.discard(timer)
            do()

        timer = loop.call_later(delay_s, act)
        self._timers.add(timer)

    # -- scanning ------------------------------------------------------------------------------------------

    async def listen(self, listener: Listener) -> None:
        """Begin to pass advertisements on to `listener`.

        Raises:
            BleakError: as BlueZ would, if the adapter cannot scan now.
        """
        if self.state is not AdapterState.ON:
            raise _scan_error(self.state)
        if asyncio.get_running_loop().time() < self._stuck_until_s:
            raise dbus_error("org.bluez.Error.InProgress", "Operation already in progress")
        self._listeners.add(listener)
        self._device.advertisement_accumulators.clear()  # of every sender; Bumble does it at its own scans
        self._scan_as_needed()

    async def stop_listening(self, listener: Listener) -> None:
        """End that.

        Raises:
            BleakError: the scan had already died with the adapter or its daemon.
        """
        if listener not in self._listeners:
            raise dbus_error("org.bluez.Error.Failed", "No discovery started")
        self._listeners.discard(listener)
        self._scan_as_needed()

    def _scan_as_needed(self) -> None:
        is_waiting = any(not heard.done() for _, heard in self._awaited)
        self._chip.listen(is_waiting or bool(self._listeners))

    def _hear(self, advertisement: Advertisement) -> None:
        if self.state is not AdapterState.ON:
            return
        self._ghosts.pop(advertisement.address.to_string(False), None)
        for address, heard in self._awaited:
            if address == advertisement.address and advertisement.is_connectable and not heard.done():
                heard.set_result(None)
        for listener in list(self._listeners):
            listener.hear(advertisement)

    # -- links ---------------------------------------------------------------------------------------------

    def ghost_services(self, address: str) -> BleakGATTServiceCollection | None:
        """Return what a client made after a crash takes for a living link: bleak's memory of the last one."""
        return self._ghosts.get(address)

    async def connect(self, address: hci.Address, owner: LinkOwner) -> Connection:
        """Connect to a device once it advertises; a link that still exists is shared.

        Like the kernel this scans for the device first and dials when it was heard, so that waiting for an
        absent device does not keep others waiting. Cancelling takes the attempt back.

        Raises:
            BleakError: as BlueZ would, if the adapter cannot connect now or is lost meanwhile.
        """
        while True:
            self._check_for_connect(owner)
            connection = self._device.find_connection_by_bd_addr(address)
            if connection is None:
                await self._wait_until_heard(address)
                async with self._dialling:
                    self._check_for_connect(owner)
                    connection = await self._attempt(address)
            if connection is not None and self._is_alive(connection):
                self._owners.add(owner)
                return connection

    def _check_for_connect(self, owner: LinkOwner) -> None:
        if self.state is not AdapterState.ON:
            raise _connect_error(self.state, owner.address)

    async def _wait_until_heard(self, address: hci.Address) -> None:
        """Wait for the next advertisement of a device, or for the adapter to fail."""
        heard = asyncio.get_running_loop().create_future()
        self._awaited.append((address, heard))
        try:
            self._scan_as_needed()
            await heard
        finally:
            self._awaited.remove((address, heard))
            self._scan_as_needed()

    async def _attempt(self, address: hci.Address) -> Connection | None:
        async with asyncio.TaskGroup() as group:
            task = group.create_task(self._dial(address), name="dial")
            try:
                await asyncio.wait({task}, timeout=DIAL_TIMEOUT_S)
            except asyncio.CancelledError:
                await self._take_back(task)
                if connection := task.result():  # it came a moment too late
                    self.hang_up(connection)
                raise
            finally:
                self._chip.give_up_connecting()
            await self._take_back(task)
            return task.result()

    async def _dial(self, address: hci.Address) -> Connection | None:
        with suppress(core.ConnectionError):  # the attempt was taken back
            preferences = {hci.Phy.LE_1M: LINUX_PREFERENCES}
            return await self._device.connect(
                address, connection_parameters_preferences=preferences, timeout=None
            )
        return None

    async def _take_back(self, task: asyncio.Task[Connection | None]) -> None:
        """End an attempt that goes on; Bumble would try for ever."""
        while not task.done():
            self._chip.give_up_connecting()
            await asyncio.wait({task}, timeout=0.01)  # it may not have reached the chip yet

    def disown(self, owner: LinkOwner) -> None:
        """Note that a client has no link any more."""
        self._owners.discard(owner)

    def hang_up(self, connection: Connection) -> None:
        """End a link with a goodbye, if it still exists."""
        if self._is_alive(connection):
            self._chip.hang_up(connection.handle, USER_TERMINATED)

    def _is_alive(self, connection: Connection) -> bool:
        return self._device.connections.get(connection.handle) is connection  # handles are used again
