"""When and how a Flic 2 advertises: after a press, after a lost link if a host wished so, or in public mode.

Source: fact sheet sections 2, 9.6 and 11. Where that leaves times open, this file says what we assumed.
"""

import base64
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from flicbridge.press.flic2.wire.packet import address_to_wire
from flicbridge.simulator.flic2.memory import AdvertisingSettings, Identity, Memory

SERVICE_UUID: Final = "00420000-8f59-4420-870d-84f3b617e493"
COMPANY: Final = 0x030F  # Shortcut Labs AB, who make Flic

FIRST_INTERVAL_FOR_S: Final = 5.0  # as the sister product Twist
INTERVAL_S: Final = 0.1  # assumed; after a press and in public mode
AFTER_PRESS_S: Final = 30.0  # assumed; "stops after a time-out"
PUBLIC_S: Final = 60.0  # assumed; "public mode ends by itself after a while"
PUBLIC_AFTER_S: Final = 7.0
"""How long to hold a button that is not connected until it is in public mode. Sources say 6 s or 7 s."""

# Assumed; no source lists the product types, nor the first letters of the advertised names.
PRODUCT_FLIC_2: Final = 0
PRODUCT_DUO: Final = 1

_FLAGS: Final = 0x01
_ALL_UUIDS_128: Final = 0x07
_COMPLETE_NAME: Final = 0x09
_MANUFACTURER: Final = 0xFF
_GENERAL_DISCOVERABLE_LE_ONLY: Final = 0x06


@dataclass(frozen=True, slots=True)
class Advertisement:
    """What is on the air.

    Attributes:
        is_public: carries the service UUID: anybody may pair.
        interval_s: from one packet to the next.
    """

    is_public: bool
    interval_s: float


class Beacon:
    """Decides when to advertise. Sans-IO: it is told what happens, and asked what to do.

    Attributes:
        is_connected: no advertising then, and no way into public mode.
    """

    def __init__(self, memory: Memory) -> None:
        self.is_connected = False
        self._memory = memory
        self._pressed_s: float | None = None
        self._lost_s: float | None = None
        self._public_s: float | None = None

    # -- what happens --------------------------------------------------------------------------------------

    def press(self, now_s: float) -> None:
        """A press wakes a button that is not connected."""
        self._pressed_s = now_s

    def go_public(self, now_s: float) -> None:
        """The button was held long enough."""
        self._public_s = now_s

    def leave_public(self) -> None:
        """Somebody paired."""
        self._public_s = None

    def connect(self, now_s: float) -> None:
        """A central has connected."""
        if not self.is_public(now_s):
            self.leave_public()  # it ended before, and must not revive now that its end is suspended
        self.is_connected = True
        self._pressed_s = self._lost_s = None

    def disconnect(self, now_s: float, *, may_advertise: bool) -> None:
        """The link is gone; `may_advertise` is False if the host wanted the button to be quiet then."""
        self.is_connected = False
        self._lost_s = now_s if may_advertise else None

    def sleep(self) -> None:
        """Stop all advertising, as after a reboot."""
        self._pressed_s = self._lost_s = self._public_s = None

    # -- what to do ----------------------------------------------------------------------------------------

    def is_public(self, now_s: float) -> bool:
        """Tell whether a host may pair now; while a link is up public mode does not end by itself."""
        if self._public_s is None:
            return False
        return self.is_connected or now_s < self._public_s + PUBLIC_S

    def advertisement(self, now_s: float) -> Advertisement | None:
        """Return what should be on the air now."""
        if self.is_connected:
            return None
        is_public = self.is_public(now_s)
        intervals_s = [interval_s for from_s, to_s, interval_s in self._phases() if from_s <= now_s < to_s]
        return Advertisement(is_public, min(intervals_s)) if intervals_s else None

    def next_change_s(self, now_s: float) -> float | None:
        """When `advertisement` will change by itself next."""
        if self.is_connected:
            return None
        ends = (edge for from_s, to_s, _ in self._phases() for edge in (from_s, to_s))
        return min((edge for edge in ends if edge > now_s), default=None)

    def _phases(self) -> Iterator[tuple[float, float, float]]:
        """Yield from when to when which interval applies; of several the shortest."""
        if self._pressed_s is not None:
            yield self._pressed_s, self._pressed_s + AFTER_PRESS_S, INTERVAL_S
        if self._public_s is not None:
            yield self._public_s, self._public_s + PUBLIC_S, INTERVAL_S
        if self._lost_s is not None:
            for wish in self._wishes():
                first_until_s = self._lost_s + min(FIRST_INTERVAL_FOR_S, wish.timeout_s)
                yield self._lost_s, first_until_s, wish.first_interval_s
                yield first_until_s, self._lost_s + wish.timeout_s, wish.second_interval_s

    def _wishes(self) -> Iterator[AdvertisingSettings]:
        for host in self._memory.hosts:
            if host.advertising is not None and host.advertising.is_active:
                yield host.advertising


def _element(kind: int, data: bytes) -> bytes:
    return bytes([len(data) + 1, kind]) + data


def advertising_data(identity: Identity, *, is_public: bool) -> bytes:
    """Compose the advertising packet's payload, at most 31 bytes."""
    data = _element(_FLAGS, bytes([_GENERAL_DISCOVERABLE_LE_ONLY]))
    upper_address = address_to_wire(identity.address)[3:]
    product = PRODUCT_DUO if identity.is_duo else PRODUCT_FLIC_2
    about = bytes([product]) + upper_address + bytes([identity.address_type])
    data += _element(_MANUFACTURER, COMPANY.to_bytes(2, "little") + about)
    if is_public:
        data += _element(_ALL_UUIDS_128, bytes.fromhex(SERVICE_UUID.replace("-", ""))[::-1])
    return data


def scan_response(identity: Identity, firmware: int) -> bytes:
    """Compose the scan response: product, firmware, and the lower address bits in base64url."""
    lower_address = address_to_wire(identity.address)[:3]
    product = "D1" if identity.is_duo else "F2"
    name = f"{product}{firmware:02}".encode()[:4] + base64.urlsafe_b64encode(lower_address)
    return _element(_COMPLETE_NAME, name)
