"""Everything this house asks of the Bluetooth adapter: one scanner for ever, many links.

bleak and the stack under it are believed in nothing (seen with bleak 3.1 on BlueZ 5.66): a scanner may go
deaf without an error, a link may die without a callback, `stop()` raises when there is nothing left to stop,
`disconnect()` takes seconds, and a button may still be connected to a process that was killed. Hence

- a scanner that was silent for long, or that somebody doubts, is replaced by a new one;
- a radio that hears nothing at all climbs a ladder (see `silence.py`), up to a power cycle of the adapter;
- nothing of bleak's is waited for longer than a deadline (see `errands.py`);
- partings happen behind the scenes, and only the same button's next link waits for them: BlueZ would end that
  one too, or hand every notification to both;
- devices found connected, but by nobody here, count as seen;
- whoever holds a link asks the button something now and then (see `flic2/link.py`).

Addresses are compared in capitals. macOS hides them: there, bleak's addresses are UUIDs that only this Mac
gives to a button, so a pairing made elsewhere does not recognise its button there.
"""

import asyncio
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import AbstractContextManager, asynccontextmanager, suppress
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
from flicbridge.press.crowd import Crowd
from flicbridge.press.errands import Errands, explain
from flicbridge.press.facts import Facts
from flicbridge.press.held import HeldLink, Links
from flicbridge.press.incidents import Incidents
from flicbridge.press.power import Power
from flicbridge.press.recovery import Recovery
from flicbridge.press.sighting import Lookout, See, Sightings
from flicbridge.press.silence import Step
from flicbridge.supervise import Backoff

log = structlog.get_logger()

START_TIMEOUT_S: Final = 10.0
STOP_TIMEOUT_S: Final = 3.0
LOOK_TIMEOUT_S: Final = 3.0
# BlueZ connects within a second; the rest is for a button at the edge of the radio's reach. The next
# advertisement starts the next attempt at once, so giving up early costs little.
CONNECT_TIMEOUT_S: Final = 10.0
SILENCE_S: Final = 90.0
LOOK_WHEN_WAITING_S: Final = 5.0  # so often is looked for links that nobody holds
LOOK_S: Final = 20.0
RETRY: Final = Backoff(shortest_s=1.0, longest_s=5.0)  # asking costs little, and nothing else works meanwhile
LIFETIME_S: Final = 3600.0  # bleak remembers every random address that a scanner ever saw
GENERIC_SERVICES: Final = ["1800", "1801"]  # every connected device has them


class Radio:
    """The adapter.

    Args:
        scanner_backend: how to scan; None for the platform's own way.
        client_backend: how to connect; None for the platform's own way.
        clock: what time it is.
        observe: told of `radio` the `state` (`scanning`; `off`, and why as `error`; `silent` if nothing is
            heard), what `Recovery` has to say, and of floods, see `Incidents`.
        adapter_backend: how to find devices that are connected already; the platform's own way when the
            scanner's is, otherwise None for not at all.
        backoff: how long to wait before trying a failing adapter again.
        power: who can switch the adapter off and on; None if nobody can, or may.
        silence_s: after so long without a sign of life the radio is suspected. Whoever holds a link makes
            sure that the button says something more often.

    Attributes:
        error: what keeps it from scanning, for people; None while it scans.
        silence_s: see above.
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
        power: Power | None = None,
        silence_s: float = SILENCE_S,
    ) -> None:
        self._scanner_backend = scanner_backend
        self._client_backend = client_backend
        self._adapter_backend = adapter_backend
        self._clock = clock
        self._backoff = backoff or RETRY
        self._errands: Errands | None = None
        self._links = Links(lambda: self._stirred.set())
        self._is_steady = asyncio.Event()  # the adapter is not about to be switched off
        self._is_steady.set()
        self._familiar: set[str] = set()
        self._stirred = asyncio.Event()
        self._is_doubted = False
        self._facts = Facts("radio", observe)
        self._crowd = Crowd(Incidents(self._facts, log.warning, clock), clock)
        self._lookout = Lookout(clock, self._stirred.set)
        self._recovery = Recovery(
            power,
            silence_s=silence_s,
            within=self.within,
            stir=self._stirred.set,
            clock=clock,
            facts=self._facts,
        )
        self.silence_s = silence_s
        self.error: str | None = "the radio has not been started"

    # ---- for links, pairing and scanning

    def sightings(self, address: str, see: See = lambda _: None) -> AbstractContextManager[Sightings]:
        """Hand over a mailbox for the advertisements of one button, for as long as the context lasts.

        Args:
            address: as the button's certificate has it, in any case.
            see: shown every advertisement, also while nobody waits at the mailbox.
        """
        return self._lookout.sightings(address, see)

    def watch_all(self, see: See) -> AbstractContextManager[None]:
        """Show every advertisement of everybody to `see`, for as long as the context lasts."""
        return self._lookout.watch_all(see)

    @asynccontextmanager
    async def connect(
        self,
        device: BLEDevice,
        on_gone: Callable[[], None],
        *,
        hesitate_s: float = 0.0,
    ) -> AsyncGenerator[BleakClient]:
        """Hold a link for as long as the context lasts. Leaving it never waits for the disconnect; connecting
        to the same device again does.

        Args:
            device: from a fresh sighting.
            on_gone: called when the link is lost; perhaps more than once, perhaps after the context ended,
                and never if the stack did not notice.
            hesitate_s: how long to wait with it, once nothing else stands in its way.

        Raises:
            ButtonUnreachableError: no link came about. The button may be tried again at once.
        """
        await self._links.wait_for_partings(device.address.upper())
        if hesitate_s:
            await self._clock.sleep(hesitate_s)
        await self._is_steady.wait()  # in time: switching has its deadline
        known = device.address.upper() in self._familiar
        self._familiar.discard(device.address.upper())  # until somebody vouches for it again
        link = self._new_link(device, on_gone)
        self._links.add(link)
        try:
            await self.within(CONNECT_TIMEOUT_S, link.connect(known=known), "connect")
            yield link.client
        finally:
            self._links.part(link, self._errands)

    async def within[T](self, seconds: float, errand: Coroutine[Any, Any, T], what: str) -> T:
        """Wait for something of bleak's, but no longer than that; see `Errands.within`."""
        if self._errands is None:
            errand.close()
            raise ButtonUnreachableError(f"{what}: the radio is not running")
        return await self._errands.within(seconds, errand, what)

    def vouch(self, address: str) -> None:
        """Say that what was connected to is what it should be: its services need not be found again on the
        next link, which saves several round trips, unless the stack lost its footing meanwhile.
        """
        self._familiar.add(address.upper())

    def doubt(self) -> None:
        """Replace the scanner: somebody has reason to believe that the stack lost its footing."""
        self._is_doubted = True
        self._familiar.clear()  # a bluetoothd that crashed, or lost its adapter, has made all objects anew
        self._stirred.set()

    def hear(self) -> None:
        """Count what a button said as a sign of life. Only what can come from nowhere but the air counts:
        bleak connects, and writes, to buttons that are long gone.
        """
        self._recovery.hear()

    # ---- the scanner

    async def run(self) -> None:
        """Scan until cancelled, whatever happens to the adapter."""
        async with Errands() as errands:
            self._errands = errands
            self._recovery.begin()
            try:
                if self._scanner_backend is None and sys.platform == "linux":
                    errands.later(None, self._watch_bluez(), "watch bluetoothd")
                await self._scan_for_ever()
            finally:
                await self._links.see_off()
                self._errands = None

    async def _scan_for_ever(self) -> None:
        failures = 0
        while True:
            if self._is_doubted:
                failures = 0  # something moved: it may work soon
            self._is_doubted = False
            try:
                await self._recovery.pay()
                step = await self._scan()
                failures = 0
            except ButtonUnreachableError as error:
                failures += 1
                self._say_off(str(error))
                step = self._recovery.step_out_of(error.__cause__)
                if step is None:
                    await self._rest(self._backoff.delay_s(failures))
                    step = self._recovery.next_step(is_waiting=False)
            if step is not None:
                await self._take(step)

    async def _take(self, step: Step) -> None:
        """Do what is to be done between two scanners."""
        try:
            if step is Step.POWER_CYCLE:
                # Linux 6.1 kills bluetoothd by a fault of its own if an adapter goes off amid an attempt.
                self._is_steady.clear()
                await self._links.take_back_attempts()
            if await self._recovery.take(step, is_scanning=self.error is None):
                self._links.give_up()
        finally:
            self._is_steady.set()

    async def _scan(self) -> Step | None:
        """Scan with one scanner until it is no longer trusted; return what silence asks for, if it was that.

        Raises:
            ButtonUnreachableError: it would not start.
        """
        scanner = self._new_scanner()
        self._crowd.begin(lambda: len(scanner.discovered_devices))
        try:
            await self.within(START_TIMEOUT_S, scanner.start(), "no scan")
            self._recovery.begin_scan()
            return await self._listen()
        finally:
            with suppress(ButtonUnreachableError):  # any error here means: it is over
                await self.within(STOP_TIMEOUT_S, scanner.stop(), "stop scanning")

    async def _listen(self) -> Step | None:
        """Return when the scanner is doubted, old or has heard too many, or with the step that is due."""
        began_s = self._clock.now_s()
        while not self._is_over() and self._clock.now_s() < began_s + LIFETIME_S:
            self._say_on()
            self._crowd.look()
            self._recovery.count()
            await self._find_connected()
            if step := self._recovery.next_step(is_waiting=self._is_waiting):
                return step
            pause_s = self._recovery.pause_s(is_waiting=self._is_waiting)
            await self._rest(min(pause_s, LOOK_WHEN_WAITING_S if self._is_waiting else LOOK_S))
        return None

    def _is_over(self) -> bool:
        return self._is_doubted or self._crowd.is_full

    @property
    def _is_waiting(self) -> bool:
        """Whether somebody waits for an advertisement."""
        return self._lookout.is_waiting(self._links.addresses)

    async def _rest(self, seconds: float) -> None:
        """Let time pass, unless something changes that may make us hurry."""
        self._stirred.clear()
        if self._is_doubted:
            return
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._stirred.wait()

    def _new_scanner(self) -> BleakScanner:
        try:
            return BleakScanner(self._on_advertisement, backend=self._scanner_backend)
        except Exception as error:  # no backend for this platform, or its libraries are missing
            raise ButtonUnreachableError(f"no scan: {explain(error)}") from error

    def _on_advertisement(self, device: BLEDevice, advertisement: AdvertisementData) -> None:
        self._crowd.hear()
        if self._crowd.is_full:
            self._stirred.set()
        if bluez.is_echo(advertisement):
            return
        if bluez.is_proof(advertisement):
            self._recovery.hear_advertisement()
        self._lookout.show(device, advertisement)

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
        if address in self._links.addresses:
            return  # ours
        if self._lookout.show_connected(device):
            log.info("link_found", address=address)

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
            self._recovery.mourn()
            self._links.give_up()
        self._recovery.move()
        self.doubt()

    # ---- links

    def _new_link(self, device: BLEDevice, on_gone: Callable[[], None]) -> HeldLink:
        try:
            client = BleakClient(
                device,
                lambda _client: on_gone(),
                timeout=CONNECT_TIMEOUT_S,
                backend=self._client_backend,
            )
        except Exception as error:  # a device of another backend, a platform without one
            raise ButtonUnreachableError(f"connect: {explain(error)}") from error
        return HeldLink(client, on_gone)

    # ---- observations

    def _say_on(self) -> None:
        if self.error is not None:
            log.info("radio_on")
        self._say("silent" if self._recovery.is_silent else "scanning", None)

    def _say_off(self, error: str) -> None:
        if error != self.error:
            log.warning("radio_off", error=error)
        self._say("off", error)

    def _say(self, state: str, error: str | None) -> None:
        self.error = error
        self._facts.tell("state", state)
        self._facts.tell("error", error)
