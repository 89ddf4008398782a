"""The bridge's radio: bleak's two backends, over the wire to a button in another process."""

import asyncio
import os
import socket
from collections.abc import Callable
from typing import Any, ClassVar, Final

from bleak.args import SizedBuffer
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.client import BaseBleakClient, NotifyCallback
from bleak.backends.descriptor import BleakGATTDescriptor
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner
from bleak.backends.service import BleakGATTService, BleakGATTServiceCollection
from bleak.exc import BleakError

from flicbridge.press.flic2.exchange import NOTIFY_UUID, SERVICE_UUID, WRITE_UUID
from tests.chaos import wire
from tests.chaos.wire import Advert, Word

FRAME_BYTES: Final = 137
CONNECT_TIMEOUT_S: Final = 5.0

type Step = Callable[[str], None]
"""Told the place that the bridge has come to."""


class WireRadio:
    """The adapter: hands what comes over the wire to whoever scans or is connected.

    Attributes:
        scanner, client: classes for bleak.
        step: told of every frame, before it leaves and after.
    """

    def __init__(self, end: socket.socket, step: Step) -> None:
        self.end = end
        self.step = step
        self.scanning: set[_Scanner] = set()
        self.linked: _Client | None = None
        self.answer: asyncio.Future[bool] | None = None
        self.scanner: type[BaseBleakScanner] = type("_WireScanner", (_Scanner,), {"radio": self})
        self.client: type[BaseBleakClient] = type("_WireClient", (_Client,), {"radio": self})

    def open(self) -> None:
        """Begin to listen, on the running loop."""
        self.end.setblocking(False)
        asyncio.get_running_loop().add_reader(self.end, self._read)

    def _read(self) -> None:
        try:
            packet = wire.heard(self.end)
        except BlockingIOError:
            return
        if packet is None:
            os._exit(0)  # the harness itself has ended: no bridge may outlive it
        self._take(*packet)

    def _take(self, word: Word, data: bytes) -> None:
        match word:
            case Word.ADVERTISEMENT:
                for scanner in tuple(self.scanning):
                    scanner.see(Advert.from_bytes(data))
            case Word.CONNECT | Word.REFUSED if self.answer is not None and not self.answer.done():
                self.answer.set_result(word is Word.CONNECT)
            case Word.FRAME if self.linked is not None:
                self.step("a frame came")
                self.linked.hear(data)
            case Word.GONE if self.linked is not None:
                self.linked.lose()
            case _:
                pass  # for a link that has ended meanwhile


class _Scanner(BaseBleakScanner):
    radio: ClassVar[WireRadio]

    def __init__(
        self, detection_callback: Any, service_uuids: list[str] | None, *_: Any, **_options: Any
    ) -> None:
        super().__init__(detection_callback, service_uuids)

    async def start(self) -> None:
        self.radio.scanning.add(self)

    async def stop(self) -> None:
        self.radio.scanning.discard(self)

    def see(self, advert: Advert) -> None:
        """Take an advertisement off the wire."""
        seen = AdvertisementData(
            local_name=advert.name,
            manufacturer_data={advert.company: bytes.fromhex(advert.about)},
            service_data={},
            service_uuids=[],
            tx_power=None,
            rssi=-60,
            platform_data=(),
        )
        details = {"props": {"Address": advert.address, "AddressType": "public"}}
        device = self.create_or_update_device(advert.address, advert.address, advert.name, details, seen)
        self.call_detection_callbacks(device, seen)


class _Client(BaseBleakClient):
    radio: ClassVar[WireRadio]

    def __init__(self, address_or_ble_device: BLEDevice | str, **options: Any) -> None:
        timeout, callback = options["timeout"], options["disconnected_callback"]
        super().__init__(address_or_ble_device, disconnected_callback=callback, timeout=timeout)
        self._notify: NotifyCallback | None = None

    @property
    def mtu_size(self) -> int:
        return FRAME_BYTES + 3

    @property
    def is_connected(self) -> bool:
        return self.radio.linked is self

    async def connect(self, pair: bool, **kwargs: Any) -> None:
        self.radio.answer = asyncio.get_running_loop().create_future()
        wire.say(self.radio.end, Word.CONNECT)
        async with asyncio.timeout(CONNECT_TIMEOUT_S):
            if not await self.radio.answer:
                raise BleakError("the button is not there")
        self.services = _services()
        self.radio.linked = self

    async def disconnect(self) -> None:
        if self.is_connected:
            wire.say(self.radio.end, Word.GONE)
            self.lose()

    def lose(self) -> None:
        """The link has ended."""
        self.radio.linked, self._notify, self.services = None, None, None
        if self._disconnected_callback is not None:
            self._disconnected_callback()

    def hear(self, frame: bytes) -> None:
        """A notification came."""
        if self._notify is not None:
            self._notify(bytearray(frame))

    async def write_gatt_char(
        self, characteristic: BleakGATTCharacteristic, data: SizedBuffer, response: bool
    ) -> None:
        if not self.is_connected:
            raise BleakError("Not connected")
        self.radio.step("a frame leaves")
        wire.say(self.radio.end, Word.FRAME, bytes(data))
        self.radio.step("a frame has left")

    async def start_notify(
        self, characteristic: BleakGATTCharacteristic, callback: NotifyCallback, **kwargs: Any
    ) -> None:
        self._notify = callback

    async def stop_notify(self, characteristic: BleakGATTCharacteristic) -> None:
        self._notify = None

    # What no Flic 2 is asked for.

    async def pair(self, *args: Any, **kwargs: Any) -> None:
        raise NotImplementedError

    async def unpair(self) -> None:
        raise NotImplementedError

    async def read_gatt_char(
        self, characteristic: BleakGATTCharacteristic, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        raise NotImplementedError

    async def read_gatt_descriptor(
        self, descriptor: BleakGATTDescriptor, *, use_cached: bool = False, **kwargs: Any
    ) -> bytearray:
        raise NotImplementedError

    async def write_gatt_descriptor(self, descriptor: BleakGATTDescriptor, data: SizedBuffer) -> None:
        raise NotImplementedError


def _services() -> BleakGATTServiceCollection:
    found = BleakGATTServiceCollection()
    service = BleakGATTService(None, 1, SERVICE_UUID)
    found.add_service(service)
    for handle, uuid, can in ((2, WRITE_UUID, "write-without-response"), (4, NOTIFY_UUID, "notify")):
        characteristic = BleakGATTCharacteristic(None, handle, uuid, [can], lambda: FRAME_BYTES, service)  # type: ignore[list-item]
        found.add_characteristic(characteristic)
    return found
