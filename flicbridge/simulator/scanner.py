"""The scanner of the virtual radio, as a backend for `BleakScanner`."""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from bleak.backends.scanner import AdvertisementData, AdvertisementDataCallback, BaseBleakScanner
from bleak.uuids import normalize_uuid_str

from flicbridge.simulator.adapter import Adapter

# isort: split
from bumble.core import UUID, AdvertisingData
from bumble.device import Advertisement

UUID_LISTS = {0x02: 2, 0x03: 2, 0x04: 4, 0x05: 4, 0x06: 16, 0x07: 16}  # AD type -> bytes of one UUID
SERVICE_DATA = {0x16: 2, 0x20: 4, 0x21: 16}
NAMES = (AdvertisingData.Type.COMPLETE_LOCAL_NAME, AdvertisingData.Type.SHORTENED_LOCAL_NAME)


def uuid_text(uuid: UUID) -> str:
    """Write a UUID as bleak does."""
    return normalize_uuid_str(uuid.to_hex_str("-").lower())


@dataclass(slots=True)
class _Known:
    """What the radio remembers of one device from all its advertisements, as BlueZ does."""

    name: str | None = None
    uuids: set[str] = field(default_factory=set)
    manufacturer: dict[int, bytes] = field(default_factory=dict)
    service_data: dict[str, bytes] = field(default_factory=dict)

    def learn(self, kind: int, data: bytes) -> None:
        """Take in one element of an advertisement."""
        if width := UUID_LISTS.get(kind):
            starts = range(0, len(data) - width + 1, width)
            self.uuids |= {uuid_text(UUID.from_bytes(data[at : at + width])) for at in starts}
        elif (width := SERVICE_DATA.get(kind)) and len(data) >= width:
            self.service_data[uuid_text(UUID.from_bytes(data[:width]))] = data[width:]
        elif kind in NAMES:
            self.name = data.decode(errors="replace")
        elif kind == AdvertisingData.Type.MANUFACTURER_SPECIFIC_DATA:
            self.manufacturer[int.from_bytes(data[:2], "little")] = data[2:]

    def seen(self, rssi_dbm: int) -> AdvertisementData:
        """Put it together for bleak."""
        return AdvertisementData(
            local_name=self.name,
            manufacturer_data=dict(self.manufacturer),
            service_data=dict(self.service_data),
            service_uuids=sorted(self.uuids),
            tx_power=None,
            rssi=rssi_dbm,
            platform_data=(),
        )


class VirtualScanner(BaseBleakScanner):
    """One scan on the virtual radio, active whatever is asked for.

    `VirtualRadio` makes a subclass that knows its adapter.
    """

    adapter: ClassVar[Adapter]

    def __init__(
        self,
        detection_callback: AdvertisementDataCallback | None,
        service_uuids: list[str] | None,
        *_: Any,
        **_options: Any,
    ) -> None:
        super().__init__(detection_callback, service_uuids)
        self._known: dict[str, _Known] = {}

    async def start(self) -> None:
        self.seen_devices.clear()
        self._known.clear()
        await self.adapter.listen(self)

    async def stop(self) -> None:
        await self.adapter.stop_listening(self)

    def hear(self, advertisement: Advertisement) -> None:
        """Take one advertisement off the air."""
        address = advertisement.address.to_string(False)
        known = self._known.setdefault(address, _Known())
        for kind, data in advertisement.data.ad_structures:
            known.learn(kind, data)
        seen = known.seen(advertisement.rssi)
        if self.is_allowed_uuid(seen.service_uuids):
            address_type = "public" if advertisement.address.is_public else "random"
            details = {
                # Without BlueZ's "path", by which bleak-retry-connector would take it for a D-Bus device.
                "props": {"Address": address, "AddressType": address_type},
                "address": advertisement.address,
            }
            device = self.create_or_update_device(address, address, known.name, details, seen)
            self.call_detection_callbacks(device, seen)
