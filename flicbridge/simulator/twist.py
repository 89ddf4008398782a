"""A Flic Twist as others see it: it calls out, and nobody here has anything to say to it.

The Twist is a dial, with another service, another root key and other packets than a Flic 2. All that is
simulated of it is what tells it from a button: its advertisement. Source: fact sheet section 2, and the
vendor's Python library for its service.
"""

import asyncio
from types import TracebackType
from typing import Final, Self

from flicbridge.press.flic2.advert import COMPANY, TWIST_UUID
from flicbridge.press.flic2.wire.packet import address_to_wire
from flicbridge.simulator.air import Air, Chip

# isort: split
from bumble import hci

INTERVAL_S: Final = 0.1
NAME: Final = b"T112abcd"  # product letter, a digit, two digits of firmware, four of its address
PRODUCT: Final = 2  # assumed; no source lists the product types

_FLAGS: Final = b"\x02\x01\x06"
_ALL_UUIDS_128: Final = 0x07
_COMPLETE_NAME: Final = 0x09
_MANUFACTURER: Final = 0xFF


class Twist:
    """A Twist nearby. Use as a context: its end takes it away.

    Args:
        air: where it calls.
        address: its own, a public one.
        is_public: whether it is in pairing mode, and says which service it has.
    """

    def __init__(self, air: Air, address: str = "80:E4:DA:77:00:01", *, is_public: bool = True) -> None:
        self.address = address
        self._air = air
        self._chip = Chip("twist", air)
        self._data = _advertisement(address, is_public=is_public)
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> Self:
        self._call()
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _traceback: TracebackType | None,
    ) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._air.remove_controller(self._chip)

    def _call(self) -> None:
        self._chip.call_out(hci.Address(self.address, hci.AddressType.PUBLIC_DEVICE), self._data)
        self._timer = asyncio.get_running_loop().call_later(INTERVAL_S, self._call)


def _advertisement(address: str, *, is_public: bool) -> bytes:
    about = COMPANY.to_bytes(2, "little") + bytes([PRODUCT]) + address_to_wire(address)[3:] + b"\x00"
    uuid = bytes.fromhex(TWIST_UUID.replace("-", ""))[::-1]
    named = (_ALL_UUIDS_128, uuid) if is_public else (_COMPLETE_NAME, NAME)
    return _FLAGS + _element(_MANUFACTURER, about) + _element(*named)


def _element(kind: int, data: bytes) -> bytes:
    return bytes([len(data) + 1, kind]) + data
