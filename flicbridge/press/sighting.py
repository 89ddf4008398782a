"""What the scanner saw: one advertisement, a mailbox that holds the newest one of a button, who has one."""

import asyncio
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Self

from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData

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


class Lookout:
    """Who wants to see which advertisements. Those that nobody wants to see are not kept.

    Args:
        clock: what time it is.
        stir: called when somebody begins to look out.
    """

    def __init__(self, clock: Clock, stir: Callable[[], None]) -> None:
        self._clock = clock
        self._stir = stir
        self._mailboxes: dict[str, list[Sightings]] = {}
        self._watchers: list[See] = []

    @contextmanager
    def sightings(self, address: str, see: See) -> Generator[Sightings]:
        """Hand over a mailbox for one button, for as long as the context lasts."""
        mailbox = Sightings(address, self._clock, see)
        self._mailboxes.setdefault(mailbox.address, []).append(mailbox)
        self._stir()
        try:
            yield mailbox
        finally:
            self._mailboxes[mailbox.address].remove(mailbox)
            if not self._mailboxes[mailbox.address]:
                del self._mailboxes[mailbox.address]

    @contextmanager
    def watch_all(self, see: See) -> Generator[None]:
        """Show everything to `see`, for as long as the context lasts."""
        self._watchers.append(see)
        self._stir()
        try:
            yield
        finally:
            self._watchers.remove(see)

    def is_waiting(self, linked: set[str]) -> bool:
        """Whether somebody waits for an advertisement; nobody does for those of the addresses `linked`."""
        return bool(self._watchers or self._mailboxes.keys() - linked)

    def show(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        """Show an advertisement to whom it concerns."""
        address = device.address.upper()
        mailboxes = self._mailboxes.get(address, ())
        if not mailboxes and not self._watchers:
            return  # a stranger's: a busy street must not fill our memory
        sighting = Sighting(
            device=device,
            address=address,
            rssi_dbm=advertisement.rssi,
            service_uuids=frozenset(uuid.lower() for uuid in advertisement.service_uuids),
            manufacturer_data=advertisement.manufacturer_data,
            seen_s=self._clock.now_s(),
        )
        for mailbox in list(mailboxes):
            mailbox.put(sighting)
        for see in list(self._watchers):
            see(sighting)

    def show_connected(self, device: BLEDevice) -> bool:
        """Count a button as seen that does not advertise; return whether anybody waited for it."""
        address = device.address.upper()
        mailboxes = self._mailboxes.get(address, ())
        for mailbox in list(mailboxes):
            mailbox.put(Sighting(device, address, rssi_dbm=None, seen_s=self._clock.now_s()))
        return bool(mailboxes)
