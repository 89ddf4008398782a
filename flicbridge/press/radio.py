"""Everything this house asks of the Bluetooth adapter: one scanner for ever, many links.

bleak and the stack under it are believed in nothing (seen with bleak 3.1 on BlueZ 5.66): a scanner may go
deaf without an error, a link may die without a callback, `stop()` raises when there is nothing left to stop,
`disconnect()` takes seconds, and a button may still be connected to a process that was killed. Hence

- a scanner that was silent for long, or that somebody doubts, is replaced by a new one;
- nothing of bleak's is waited for longer than a deadline (see `errands.py`);
- partings happen behind the scenes, and only the same button's next link waits for them: BlueZ would end that
  one too, or hand every notification to both;
- devices found connected, but by nobody here, count as seen;
- whoever holds a link asks the button something now and then (see `flic2/link.py`).

Addresses are compared in capitals. macOS hides them: there, bleak's addresses are UUIDs that only this Mac
gives to a button, so a pairing made elsewhere does not recognise its button there.
"""

import asyncio
import math
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any, Final

import structlog
from bleak import BleakAdapter, BleakClient, BleakScanner
from bleak.backends.adapter import BaseBleakAdapter
from bleak.backends.client import BaseBleakClient
from bleak.backends.device import BLEDevice
from bleak.backends.scanner import AdvertisementData, BaseBleakScanner

from flicbridge.clock import Clock
from flicbridge.errors import ButtonUnreachableError
from flicbridge.observation import Observe
from flicbridge.press import bluez
from flicbridge.press.errands import Errands, explain
from flicbridge.press.facts import Facts
from flicbridge.press.sighting import See, Sighting, Sightings
from flicbridge.supervise import Backoff

log = structlog.get_logger()

START_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 3.0
LOOK_TIMEOUT_S: Final = 3.0
# BlueZ connects within a second; the rest is for a button at the edge of the radio's reach. The next
# advertisement starts the next attempt at once, so giving up early costs little.
CONNECT_TIMEOUT_S: Final = 10.0
# BlueZ takes 2.2 to 2.7 s, bleak waits for 10 if BlueZ's word gets lost.
PARTING_TIMEOUT_S: Final = 5.0
GOODBYE_S: Final = 3.0  # what partings get when the radio itself stops
# A practice without any other Bluetooth device is as silent as a deaf scanner, and a new scanner costs a few
# milliseconds. Deafness matters most while a button is waited for.
SILENCE_WHEN_WAITING_S: Final = 15.0
SILENCE_S: Final = 60.0
LOOKS_PER_SILENCE: Final = 3
COUNT_S: Final = 60.0  # so often the number of advertisements is worth an observation
RETRY: Final = Backoff(shortest_s=1.0, longest_s=5.0)  # asking costs little, and nothing else works meanwhile
LIFETIME_S: Final = 3600.0  # bleak remembers every random address that a scanner ever saw
GENERIC_SERVICES: Final = ["1800", "1801"]  # every connected device has them


class _Link:
    """A link that somebody holds, or that is being parted from."""

    def __init__(self, client: BleakClient, on_gone: Callable[[], None]) -> None:
        self.address = client.address.upper()
        self.client = client
        self.on_gone = on_gone
        self.is_held = True
        self.parted = asyncio.Event()
        self._at_rest = asyncio.Event()
        self._at_rest.set()

    async def connect(self) -> None:
        self._at_rest.clear()
        try:
            await self.client.connect()
        finally:
            self._at_rest.set()

    async def part(self) -> None:
        """Disconnect, also when bleak noticed a loss by itself: it still holds a bus connection then."""
        await self._at_rest.wait()  # a connect that was given up may still be cleaning up
        await self.client.disconnect()


class Radio:
    """The adapter.

    Args:
        scanner_backend: how to scan; None for the platform's own way.
        client_backend: how to connect; None for the platform's own way.
        clock: what time it is.
        observe: told `radio/state` (`scanning` or `off`), `radio/error` and `radio/advertisements_seen`.
        adapter_backend: how to find devices that are connected already; the platform's own way when the
            scanner's is, otherwise None for not at all.
        backoff: how long to wait before trying a failing adapter again.
    """

    def __init__(
        self,
        scanner_backend: type[BaseBleakScanner] | None,
        client_backend: type[BaseBleakClient] | None,
        *,
        clock: Clock,
        observe: Observe,
        adapter_backend: type[BaseBleakAdapter] | None = None,
        backoff: Backoff | None = None,
    ) -> None:
        self._scanner_backend = scanner_backend
        self._client_backend = client_backend
        self._adapter_backend = adapter_backend
        self._clock = clock
        self._backoff = backoff or RETRY
        self._errands: Errands | None = None
        self._mailboxes: dict[str, list[Sightings]] = {}
        self._watchers: list[See] = []
        self._links: list[_Link] = []
        self._no_links = asyncio.Event()
        self._no_links.set()
        self._stirred = asyncio.Event()
        self._is_doubted = False
        self._heard_s = 0.0
        self._counted_s = -math.inf
        self._advertisements_seen = 0
        self._facts = Facts("radio", observe)
        self.error: str | None = "the radio has not been started"

    # ---- for links, pairing and scanning

    @contextmanager
    def sightings(self, address: str, see: See = lambda _: None) -> Generator[Sightings]:
        """Hand over a mailbox for the advertisements of one button, for as long as the context lasts.

        Args:
            address: as the button's certificate has it, in any case.
            see: shown every advertisement, also while nobody waits at the mailbox.
        """
        mailbox = Sightings(address, self._clock, see)
        self._stirred.set()
        self._mailboxes.setdefault(mailbox.address, []).append(mailbox)
        try:
            yield mailbox
        finally:
            self._mailboxes[mailbox.address].remove(mailbox)
            if not self._mailboxes[mailbox.address]:
                del self._mailboxes[mailbox.address]

    @contextmanager
    def watch_all(self, see: See) -> Generator[None]:
        """Show every advertisement of everybody to `see`, for as long as the context lasts."""
        self._watchers.append(see)
        self._stirred.set()
        try:
            yield
        finally:
            self._watchers.remove(see)

    @asynccontextmanager
    async def connect(self, device: BLEDevice, on_gone: Callable[[], None]) -> AsyncGenerator[BleakClient]:
        """Hold a link for as long as the context lasts. Leaving it never waits for the disconnect; connecting
        to the same device again does.

        Args:
            device: from a fresh sighting.
            on_gone: called when the link is lost; perhaps more than once, perhaps after the context ended,
                and never if the stack did not notice.

        Raises:
            ButtonUnreachableError: no link came about. The button may be tried again at once.
        """
        await self._wait_for_partings(device.address.upper())
        link = self._new_link(device, on_gone)
        self._links.append(link)
        self._no_links.clear()
        try:
            await self.within(CONNECT_TIMEOUT_S, link.connect(), "connect")
            yield link.client
        finally:
            self._part(link)

    async def within[T](self, seconds: float, errand: Coroutine[Any, Any, T], what: str) -> T:
        """Wait for something of bleak's, but no longer than that; see `Errands.within`."""
        if self._errands is None:
            errand.close()
            raise ButtonUnreachableError(f"{what}: the radio is not running")
        return await self._errands.within(seconds, errand, what)

    def doubt(self) -> None:
        """Replace the scanner: somebody has reason to believe that the stack lost its footing."""
        self._is_doubted = True
        self._stirred.set()

    # ---- the scanner

    async def run(self) -> None:
        """Scan until cancelled, whatever happens to the adapter."""
        async with Errands() as errands:
            self._errands = errands
            try:
                if self._scanner_backend is None and sys.platform == "linux":
                    errands.later(None, self._watch_bluez(), "watch bluetoothd")
                await self._scan_for_ever()
            finally:
                await self._see_off()
                self._errands = None

    async def _scan_for_ever(self) -> None:
        failures = 0
        while True:
            if self._is_doubted:
                failures = 0  # something moved: it may work soon
            self._is_doubted = False
            try:
                await self._scan()
                failures = 0
            except ButtonUnreachableError as error:
                failures += 1
                self._say_state("off", str(error))
                await self._rest(self._backoff.delay_s(failures))

    async def _scan(self) -> None:
        """Scan with one scanner until it is no longer trusted.

        Raises:
            ButtonUnreachableError: it would not start.
        """
        scanner = self._new_scanner()
        try:
            await self.within(START_TIMEOUT_S, scanner.start(), "no scan")
            self._say_state("scanning", None)
            await self._listen()
        finally:
            with suppress(ButtonUnreachableError):  # any error here means: it is over
                await self.within(STOP_TIMEOUT_S, scanner.stop(), "stop scanning")

    async def _listen(self) -> None:
        """Return when the scanner is doubted, or was silent or at work for too long."""
        began_s = self._heard_s = self._clock.now_s()
        while not self._is_doubted and self._clock.now_s() < began_s + LIFETIME_S:
            self._count()
            await self._find_connected()
            patience_s = SILENCE_WHEN_WAITING_S if self._is_waiting else SILENCE_S
            if self._clock.now_s() >= self._heard_s + patience_s:
                return
            await self._rest(patience_s / LOOKS_PER_SILENCE)

    @property
    def _is_waiting(self) -> bool:
        """Whether somebody waits for an advertisement."""
        return bool(self._watchers or self._mailboxes.keys() - {link.address for link in self._links})

    async def _rest(self, seconds: float) -> None:
        """Let time pass, unless something changes that may make us hurry."""
        self._stirred.clear()
        if self._is_doubted:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stirred.wait()

    def _count(self) -> None:
        if self._clock.now_s() >= self._counted_s + COUNT_S:
            self._counted_s = self._clock.now_s()
            self._facts.tell("advertisements_seen", self._advertisements_seen)

    def _new_scanner(self) -> BleakScanner:
        try:
            return BleakScanner(self._on_advertisement, backend=self._scanner_backend)
        except Exception as error:  # no backend for this platform, or its libraries are missing
            raise ButtonUnreachableError(f"no scan: {explain(error)}") from error

    def _on_advertisement(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        self._advertisements_seen += 1
        self._heard_s = self._clock.now_s()
        if bluez.is_echo(advertisement):
            return
        mailboxes = self._mailboxes.get(device.address.upper(), ())
        if not mailboxes and not self._watchers:
            return  # a stranger's: a busy street must not fill our memory
        sighting = Sighting(
            device=device,
            address=device.address.upper(),
            rssi_dbm=advertisement.rssi,
            service_uuids=frozenset(uuid.lower() for uuid in advertisement.service_uuids),
            manufacturer_data=advertisement.manufacturer_data,
            seen_s=self._heard_s,
        )
        for mailbox in list(mailboxes):
            mailbox.put(sighting)
        for see in list(self._watchers):
            see(sighting)

    # ---- what the stack keeps to itself

    async def _find_connected(self) -> None:
        """Count buttons as seen that are connected but not to us: BlueZ keeps the links of the dead."""
        if not self._is_waiting or (self._adapter_backend is None and self._scanner_backend is not None):
            return
        with suppress(ButtonUnreachableError):  # some platforms cannot say
            for device in await self.within(LOOK_TIMEOUT_S, self._connected_devices(), "look for links"):
                self._take_over(device)

    async def _connected_devices(self) -> list[BLEDevice]:
        adapter = await BleakAdapter.get(backend=self._adapter_backend)
        return await adapter.get_connected_devices(GENERIC_SERVICES)

    def _take_over(self, device: BLEDevice) -> None:
        address = device.address.upper()
        if address in {link.address for link in self._links}:
            return  # ours
        for mailbox in self._mailboxes.get(address, ()):
            log.info("link_found", address=address)
            mailbox.put(Sighting(device, address, rssi_dbm=None, seen_s=self._clock.now_s()))

    async def _watch_bluez(self) -> None:
        while True:
            try:
                await bluez.watch(self.react_to)
                self.doubt()  # the bus itself ended, and with it all that bleak had started there
            except Exception as error:  # noqa: BLE001 - no bus, or one that will not have us
                log.debug("bus_not_watched", error=explain(error))
            await self._clock.sleep(self._backoff.longest_s)

    def react_to(self, change: bluez.Change) -> None:
        """Do what bleak does not when its ground moves: give up links that are dead, scan anew."""
        log.info("bluetooth_changed", change=change.name.lower())
        if change is bluez.Change.DAEMON_GONE:
            for link in list(self._links):
                link.on_gone()
        self.doubt()

    # ---- links

    def _new_link(self, device: BLEDevice, on_gone: Callable[[], None]) -> _Link:
        try:
            client = BleakClient(
                device,
                lambda _client: on_gone(),
                timeout=CONNECT_TIMEOUT_S,
                backend=self._client_backend,
            )
        except Exception as error:  # a device of another backend, a platform without one
            raise ButtonUnreachableError(f"connect: {explain(error)}") from error
        return _Link(client, on_gone)

    async def _wait_for_partings(self, address: str) -> None:
        for link in [each for each in self._links if each.address == address and not each.is_held]:
            await link.parted.wait()  # in time: every parting has its deadline

    def _part(self, link: _Link) -> None:
        link.is_held = False
        if self._errands is None:  # the radio stopped first, and the stack with it
            self._forget(link)
            return
        self._errands.later(PARTING_TIMEOUT_S, link.part(), "disconnect", lambda: self._forget(link))

    def _forget(self, link: _Link) -> None:
        self._links.remove(link)
        link.parted.set()
        self._stirred.set()
        if not self._links:
            self._no_links.set()

    async def _see_off(self) -> None:
        """Give the links a moment to be closed decently: BlueZ would keep them open for nobody."""
        with suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE_S):
                await self._no_links.wait()

    # ---- observations

    def _say_state(self, state: str, error: str | None) -> None:
        if error != self.error:
            log.warning("radio_off", error=error) if error else log.info("radio_on")
        self.error = error
        self._facts.tell("state", state)
        self._facts.tell("error", error)
