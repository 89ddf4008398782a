"""More advertisements than a scanner should have to bear."""

from random import Random
from types import TracebackType
from typing import Self

from flicbridge.simulator.air import Air, Chip
from flicbridge.simulator.flic2.beacon import COMPANY, SERVICE_UUID

# isort: split
from bumble import hci

LARGEST_DATA = 31
MANUFACTURER = 0xFF
ALL_UUIDS_128 = 0x07
STATIC_RANDOM = 0xC0


class Flood:
    """Somebody with a good transmitter. Use as a context: its end takes it off the air.

    Args:
        air: where it sends.
        random: its chance.

    Attributes:
        sent: how many advertisements.
    """

    def __init__(self, air: Air, *, random: Random) -> None:
        self.sent = 0
        self._air = air
        self._random = random
        self._chip = Chip("flood", air)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        self._air.remove_controller(self._chip)

    def invent(self, senders: int) -> None:
        """Advertise at once under so many new addresses, one after the other; what they send is anything."""
        for _ in range(senders):
            octets = bytearray(self._random.randbytes(6))
            octets[0] |= STATIC_RANDOM
            address = hci.Address(octets.hex(":").upper(), hci.AddressType.RANDOM_DEVICE)
            self._send(address, self._payload())

    def call_as(self, address: str, times: int) -> None:
        """Advertise under a button's address, so that nobody can answer."""
        for _ in range(times):
            self._send(hci.Address(address, hci.AddressType.PUBLIC_DEVICE), self._payload())

    def _send(self, address: hci.Address, data: bytes) -> None:
        self.sent += 1
        self._chip.call_out(address, data)

    def _payload(self) -> bytes:
        """Noise; or what a Flic sends, in its lengths or in wrong ones, whole or cut off."""
        match self._random.randrange(3):
            case 0:
                return self._random.randbytes(self._random.randrange(LARGEST_DATA + 1))
            case 1:
                uuid = bytes.fromhex(SERVICE_UUID.replace("-", ""))[::-1]
                return bytes([len(uuid) + 1, ALL_UUIDS_128]) + uuid
        about = COMPANY.to_bytes(2, "little") + self._random.randbytes(self._random.randrange(27))
        whole = bytes([len(about) + 1, MANUFACTURER]) + about
        return whole[: self._random.randrange(1, len(whole) + 1)]
