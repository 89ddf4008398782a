"""Puts a simulated Flic 2 on the air, as a GATT peripheral with the button's service, and has it pressed."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, Protocol

from flicbridge.press.flic2.duo import Swipe
from flicbridge.simulator.air import INTERVAL_UNIT_S, Air, Chip
from flicbridge.simulator.flic2 import Faults, SimulatedFlic2
from flicbridge.simulator.flic2.beacon import (
    PUBLIC_AFTER_S,
    SERVICE_UUID,
    Advertisement,
    advertising_data,
    scan_response,
)
from flicbridge.simulator.flic2.link import PING_PATIENCE_S

# isort: split
from bumble import hci
from bumble.att import ATT_Handle_Value_Notification, Attribute
from bumble.device import AdvertisingType, Connection, Device, DeviceConfiguration, LegacyAdvertiser
from bumble.gatt import Characteristic, CharacteristicValue, Service
from bumble.l2cap import L2CAP_LE_SIGNALING_CID, L2CAP_Connection_Parameter_Update_Request

TX_UUID: Final = "00420001-8f59-4420-870d-84f3b617e493"  # the host writes
RX_UUID: Final = "00420002-8f59-4420-870d-84f3b617e493"  # the button notifies
BUTTON_MTU: Final = 140
BATTERY_CHANGE_S: Final = 15.0
USER_TERMINATED: Final = int(hci.HCI_ErrorCode.REMOTE_USER_TERMINATED_CONNECTION_ERROR)

RAW_PER_MILLIVOLT: Final = 1024 / 3600

type Script = Sequence[tuple[float, float]]
"""When the finger goes down and up again, in seconds from the beginning of the gesture."""

type Act = Callable[[float], None]
"""Something that happens to a button at a moment of the loop's time."""


class Between(Protocol):
    """Somebody on the link between button and host: says what arrives instead of each frame."""

    def from_button(self, frame: bytes) -> Iterable[bytes]: ...

    def from_host(self, frame: bytes) -> Iterable[bytes]: ...


GESTURES: Final[dict[str, Script]] = {
    "single": [(0.0, 0.15)],
    "double": [(0.0, 0.12), (0.3, 0.42)],
    "triple": [(0.0, 0.1), (0.25, 0.35), (0.5, 0.6)],
    "long": [(0.0, 2.0)],
}


class Peripheral:
    """One button in somebody's pocket.

    Attributes:
        name: whose it is.
        flic2: the button itself, sans-IO, with its memory.
        between: who tampers with its links; None for nobody.
    """

    def __init__(self, air: Air, name: str, flic2: SimulatedFlic2) -> None:
        identity = flic2.memory.identity
        self.name = name
        self.flic2 = flic2
        self.between: Between | None = None
        self._air = air
        self._loop = asyncio.get_running_loop()
        self._last_s = self._loop.time()
        self._connection: Connection | None = None
        self._on_air: Advertisement | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._fingers: set[asyncio.TimerHandle] = set()
        own_address = hci.Address(identity.address, hci.AddressType(identity.address_type))
        self._own_address_type = hci.OwnAddressType(identity.address_type)
        self._chip = Chip(name, air, own_address if own_address.is_public else None)
        self._device = Device.from_config_with_hci(
            DeviceConfiguration(name=name, address=own_address), self._chip, self._chip
        )
        self._rx = Characteristic[bytes](RX_UUID, Characteristic.Properties.NOTIFY, Attribute.Permissions(0))
        tx = Characteristic[bytes](
            TX_UUID,
            Characteristic.Properties.WRITE_WITHOUT_RESPONSE,
            Characteristic.Permissions.WRITEABLE,
            CharacteristicValue(write=self._on_write),
        )
        self._device.add_service(Service(SERVICE_UUID, [tx, self._rx]))
        self._device.gatt_server.max_mtu = BUTTON_MTU
        self._device.on(Device.EVENT_CONNECTION, self._on_connection)

    async def start(self) -> None:
        """Power the radio up; call once."""
        await self._device.power_on()
        self._settle()

    def close(self) -> None:
        """Leave the air; nothing runs on afterwards."""
        for timer in (*self._fingers, self._timer):
            if timer is not None:
                timer.cancel()
        self._fingers.clear()
        self._air.remove_controller(self._chip)

    # -- what people do with it ----------------------------------------------------------------------------

    async def press(
        self, gesture: str | Script = "single", *, key: int = 0, swipe: Swipe | None = None
    ) -> None:
        """Press the button; returns when the finger is lifted for the last time.

        Args:
            gesture: `single`, `double`, `triple`, `long`, or when the finger goes down and up, as pairs of
                seconds from now.
            key: of a Duo: 0 the big one, 1 the small one.
            swipe: how a Duo believes to have been swiped with, at each release.

        Raises:
            ValueError: no such gesture, or times that do not rise.
        """
        script = _script(gesture)
        begin_s = self._now()
        lifted: asyncio.Future[None] = self._loop.create_future()
        press = partial(self.flic2.press, key=key)
        release = partial(self.flic2.release, key=key, swipe=swipe)
        timers = {self._at(begin_s + down_s, press) for down_s, _ in script}
        timers |= {self._at(begin_s + up_s, release) for _, up_s in script}
        timers.add(self._loop.call_at(begin_s + script[-1][1], _finish, lifted))
        self._fingers |= timers
        try:
            await lifted
        finally:
            self._fingers -= timers
            for timer in timers:
                timer.cancel()
            if self.flic2.is_pressed:  # we were cancelled, or there is a finger on the other key
                self._do(release)

    async def hold_7_seconds(self) -> None:
        """Hold the button until it is in public mode, which it enters only while not connected."""
        await self.press([(0.0, PUBLIC_AFTER_S + 0.5)])

    def out_of_range(self) -> None:
        """Walk away with it: links break when their supervision timeout is over."""
        self._air.hide(self._chip)

    def back_in_range(self) -> None:
        """Come back."""
        self._air.show(self._chip)

    async def change_battery(self, *, takes_s: float = BATTERY_CHANGE_S) -> None:
        """Put a new cell in; returns when the button runs again, with a new boot id."""
        self._air.hide(self._chip)
        booted: asyncio.Future[None] = self._loop.create_future()
        timers = {
            self._at(self._now() + takes_s, self._boot),
            self._loop.call_later(takes_s, _finish, booted),
        }
        self._fingers |= timers
        await booted
        self._fingers -= timers

    def _boot(self, now_s: float) -> None:
        self._air.break_links(self._chip)
        self.flic2.link_down(now_s)
        self.flic2.change_battery(now_s)
        self._air.show(self._chip)

    def factory_reset(self) -> None:
        """Make it forget all pairings."""
        self._do(self.flic2.factory_reset)

    def ping(self, *, patience_s: float = PING_PATIENCE_S) -> None:
        """Have it ask its hosts whether they are there, and end those connections that stay silent."""
        self._do(lambda now_s: self.flic2.ping(now_s, patience_s=patience_s))

    def inject(self, frame: bytes) -> None:
        """Send a frame of anybody's making: what an attacker, or another host's traffic, may look like."""
        self._do(lambda _now_s: self.flic2.inject(frame))

    def drop_link(self) -> None:
        """Have it end the radio link, with a goodbye."""
        if self._connection is not None:
            self._chip.hang_up(self._connection.handle, USER_TERMINATED)

    def to_json(self) -> str:
        """Write down everything it remembers, for `VirtualWorld.add_button(state=...)`."""
        return self.flic2.to_json(self._now())

    # -- how it is -----------------------------------------------------------------------------------------

    @property
    def address(self) -> str:
        return self.flic2.memory.identity.address

    @property
    def serial(self) -> str:
        return self.flic2.memory.identity.serial

    @property
    def faults(self) -> Faults:
        """What is wrong with it: see `flic2.faults`."""
        return self.flic2.faults

    @property
    def is_connected(self) -> bool:
        """Whether it takes itself to be connected; it notices a loss only after the supervision timeout."""
        return self._connection is not None

    @property
    def advertisement(self) -> Advertisement | None:
        """What it has on the air."""
        return self._on_air

    def set_mtu(self, mtu: int) -> None:
        """Accept no larger MTU on links to come; 23 to 140."""
        self._device.gatt_server.max_mtu = mtu

    def set_battery(self, millivolt: int) -> None:
        """Have a cell of that voltage, to within 4 mV."""
        self.flic2.memory.battery_raw = round(millivolt * RAW_PER_MILLIVOLT)

    def set_rssi(self, rssi_dbm: int) -> None:
        """Be received that strongly."""
        self._chip.rssi_dbm = rssi_dbm

    # -- what happens to it --------------------------------------------------------------------------------

    def _now(self) -> float:
        return max(self._last_s, self._loop.time())

    def _at(self, at_s: float, act: Act) -> asyncio.TimerHandle:
        return self._loop.call_at(at_s, self._do, act, at_s)

    def _do(self, act: Act, at_s: float | None = None) -> None:
        """Let something happen; an appointment counts as kept on time even if the loop was late."""
        self._last_s = self._now() if at_s is None else max(self._last_s, at_s)
        act(self._last_s)
        self._settle()

    def _on_connection(self, connection: Connection) -> None:
        self._connection, self._on_air = connection, None
        connection.on(connection.EVENT_DISCONNECTION, self._on_disconnection)
        self._do(self.flic2.link_up)

    def _on_disconnection(self, _reason: int) -> None:
        self._connection = None
        if self.flic2.is_linked:
            self._do(self.flic2.link_down)

    def _on_write(self, connection: Connection, value: bytes) -> None:
        if connection is not self._connection:
            return
        self.flic2.set_mtu(connection.att_mtu)
        frames = (bytes(value),) if self.between is None else self.between.from_host(bytes(value))
        for frame in frames:
            self._do(partial(self.flic2.receive, frame))

    # -- what it does about it -----------------------------------------------------------------------------

    def _settle(self) -> None:
        """Do what the button wants after anything has happened."""
        now_s = self._now()
        if self._connection is not None:
            self._speak(self._connection)
        self._advertise(now_s)
        if self._timer is not None:
            self._timer.cancel()
        due_s = self.flic2.deadline_s(now_s)
        self._timer = None if due_s is None else self._at(due_s, self.flic2.pass_time)

    def _speak(self, connection: Connection) -> None:
        self.flic2.set_mtu(connection.att_mtu)
        for frame in self.flic2.take_frames():
            for arriving in (frame,) if self.between is None else self.between.from_button(frame):
                self._notify(connection, arriving)
        self._ask_for_parameters(connection)
        if self.flic2.wants_hang_up:
            self._chip.hang_up(connection.handle, USER_TERMINATED)

    def _notify(self, connection: Connection, frame: bytes) -> None:
        server = self._device.gatt_server
        if server.read_cccd(connection, self._rx)[0] & 0x01:
            notification = ATT_Handle_Value_Notification(
                attribute_handle=self._rx.handle, attribute_value=frame
            )
            server.send_gatt_pdu(connection, bytes(notification))

    def _ask_for_parameters(self, connection: Connection) -> None:
        """Pass the host's wish on to its own radio, as a genuine button does."""
        wanted = self.flic2.take_wanted_parameters()
        if wanted is None:
            return
        manager = self._device.l2cap_channel_manager
        manager.connection_parameters_update_response = self._loop.create_future()
        request = L2CAP_Connection_Parameter_Update_Request(
            identifier=manager.next_identifier(connection),
            interval_min=wanted.interval_min,
            interval_max=wanted.interval_max,
            latency=wanted.latency,
            timeout=wanted.supervision_timeout,
        )
        manager.send_control_frame(connection, L2CAP_LE_SIGNALING_CID, request)

    def _advertise(self, now_s: float) -> None:
        wanted = self.flic2.advertisement(now_s)
        if wanted == self._on_air:
            return
        self._on_air, advertiser, memory = wanted, self._chip.advertiser, self.flic2.memory
        advertiser.stop()
        if wanted is not None:
            self._device.legacy_advertiser = LegacyAdvertiser(
                self._device,
                AdvertisingType.UNDIRECTED_CONNECTABLE_SCANNABLE,
                self._own_address_type,
                peer_address=hci.Address.ANY,
                auto_restart=False,
            )
            advertiser.own_address_type = self._own_address_type
            advertiser.advertising_interval_min = round(wanted.interval_s / INTERVAL_UNIT_S)
            advertiser.advertising_data = advertising_data(memory.identity, is_public=wanted.is_public)
            advertiser.scan_response_data = scan_response(memory.identity, memory.firmware)
            advertiser.start()


def _finish(future: asyncio.Future[None]) -> None:
    if not future.done():
        future.set_result(None)


def _script(gesture: str | Script) -> Script:
    if isinstance(gesture, str):
        if gesture not in GESTURES:
            raise ValueError(f"no gesture {gesture!r}; there are {', '.join(GESTURES)}")
        return GESTURES[gesture]
    times_s = [0.0, *(at_s for each in gesture for at_s in each)]
    if not gesture or times_s != sorted(times_s):
        raise ValueError(f"press times must rise from 0: {list(gesture)}")
    return gesture
