"""What the scanner saw: one advertisement, and a mailbox that holds the newest one of a button."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Self

from bleak.backends.device import BLEDevice

from flicbridge.clock import Clock

# A button that was there a second ago still is; one that advertised before an hour's connection may not be.
FRESH_S = 1.0


@dataclass(frozen=True, slots=True)
class Sighting:
    """One advertisement.

    Attributes:
        device: bleak's handle, good for connecting.
        address: the sender's address in capitals; on macOS a UUID that means something on that Mac only.
        rssi_dbm: how loud it was; None for a button found connected, which does not advertise.
        service_uuids: 128-bit form, lower case.
        manufacturer_data: payload per company identifier.
        seen_s: when, on our monotonic clock.
    """

    device: BLEDevice
    address: str
    rssi_dbm: int | None
    service_uuids: frozenset[str] = frozenset()
    manufacturer_data: Mapping[int, bytes] = field(default_factory=dict)
    seen_s: float = 0.0


type See = Callable[[Sighting], None]


class Sightings:
    """The newest fresh advertisement of one button; iterate to wait for the next one. Older ones are gone.

    Args:
        address: of the button, in any case.
        clock: what time it is.
        see: shown every advertisement as it arrives, whether or not anybody is waiting.
    """

    def __init__(self, address: str, clock: Clock, see: See = lambda _: None) -> None:
        self.address = address.upper()
        self._clock = clock
        self._see = see
        self._newest: Sighting | None = None
        self._arrived = asyncio.Event()

    def put(self, sighting: Sighting) -> None:
        """Replace whatever was there."""
        self._newest = sighting
        self._arrived.set()
        self._see(sighting)

    def forget(self) -> None:
        """Drop what is there: only what is seen from now on counts."""
        self._newest = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Sighting:
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            newest, self._newest = self._newest, None
            if newest is not None and self._clock.now_s() - newest.seen_s <= FRESH_S:
                return newest
