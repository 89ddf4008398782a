"""The connection to flicd: one for all buttons, made again whenever it ends, for ever.

flicd may start after us, or be restarted under us; a refused connection is nothing special, and no wait of
ours ever grows. A connection that has lasted is made again at once.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from random import SystemRandom
from typing import Final

import structlog

from flicbridge.clock import Clock
from flicbridge.observation import Observe
from flicbridge.press.event import Counter
from flicbridge.press.facts import Facts
from flicbridge.press.flicd.button import FlicdButton
from flicbridge.press.flicd.reports import Failed, Health, HealthChanged, Report
from flicbridge.press.flicd.session import Session
from flicbridge.press.settings import FlicdSettings
from flicbridge.supervise import Backoff, alongside, keep_running

log = structlog.get_logger()

CONNECT_TIMEOUT_S: Final = 3.0
# Short enough that nobody waits for it, long enough that a flicd which is being restarted is not stormed.
RETRY_S: Final = 1.5
# A connection that ended sooner than this was none: the next one waits.
LASTING_S: Final = 5.0
CHUNK: Final = 65536

_ERRORS: Final = {
    Health.CONNECTED: None,
    Health.RADIO_OFF: "flicd has no Bluetooth controller",
    Health.FULL: "as many buttons are connected as flicd's Bluetooth controller can have",
}


class _FlicdLostError(Exception):
    """The connection is gone, or of no use."""


class Flicd:
    """The vendor's daemon.

    Observed of `flicd`: `state` (`connected`, `radio_off`, `full`, `unreachable`) and `error` (None
    when all is well).

    Args:
        settings: where it is.
        clock: what time it is.
        observe: told how it fares.
        number: draws a 32-bit number that nobody can guess.
    """

    def __init__(
        self,
        settings: FlicdSettings,
        *,
        clock: Clock,
        observe: Observe,
        number: Callable[[], int] = lambda: SystemRandom().getrandbits(32),
    ) -> None:
        self._host, self._port = settings.host, settings.port
        self._clock = clock
        self._observe = observe
        self._number = number
        self._facts = Facts("flicd", observe)
        self._why: str | None = None
        self._buttons: dict[str, FlicdButton] = {}
        self._is_wanted = asyncio.Event()
        self._session: Session | None = None
        self._writer: asyncio.StreamWriter | None = None

    def button(self, name: str, address: str) -> FlicdButton:
        """What a button is heard through. Only while it runs does flicd listen to it."""
        return FlicdButton(name, address, self._joined, clock=self._clock, observe=self._observe)

    async def run(self) -> None:
        """Keep connected while a button wants it; until cancelled."""
        while True:
            await self._is_wanted.wait()
            began_s = self._clock.now_s()
            try:
                await self._converse()
            except _FlicdLostError as error:
                self._note_loss(str(error))
            if self._clock.now_s() - began_s < LASTING_S:
                await self._clock.sleep(RETRY_S)

    # ---- the buttons

    @contextmanager
    def _joined(self, button: FlicdButton) -> Iterator[None]:
        self._buttons[button.address] = button
        self._is_wanted.set()
        if self._session is not None:
            self._begin(button)
            self._send()
        try:
            yield
        finally:
            if self._buttons.get(button.address) is button:
                self._leave(button.address)

    def _begin(self, button: FlicdButton) -> None:
        if self._session is not None:
            now_s = self._clock.now_s()
            button.begin(Counter(self._number(), self._number()), now_s)
            self._session.want(button.address, now_s)

    def _leave(self, address: str) -> None:
        del self._buttons[address]
        if not self._buttons:
            self._is_wanted.clear()
        if self._session is not None:
            self._session.release(address, self._clock.now_s())
            self._send()

    # ---- one connection

    async def _converse(self) -> None:
        """Connect, and listen until the connection ends.

        Raises:
            _FlicdLostError: always, sooner or later.
        """
        reader, writer = await self._connect()
        self._writer = writer
        self._session = Session(now_s=self._clock.now_s(), number=self._number)
        try:
            for button in list(self._buttons.values()):
                self._begin(button)
            await self._listen(reader, self._session)
        finally:
            self._session = self._writer = None
            # Not close(): that would wait until a daemon which hangs has read everything.
            writer.transport.abort()
            for button in self._buttons.values():
                button.end()

    async def _connect(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        try:
            async with asyncio.timeout(CONNECT_TIMEOUT_S):
                return await asyncio.open_connection(self._host, self._port)
        except TimeoutError as error:
            raise _FlicdLostError(f"no connection within {CONNECT_TIMEOUT_S:g} s") from error
        except OSError as error:
            raise _FlicdLostError(error.strerror or str(error)) from error

    async def _listen(self, reader: asyncio.StreamReader, session: Session) -> None:
        while True:
            self._send()
            try:
                async with asyncio.timeout_at(session.deadline_s):
                    data = await reader.read(CHUNK)
            except TimeoutError:
                now_s = self._clock.now_s()
                self._deliver(session.pass_time(now_s), now_s)
                continue
            except OSError as error:
                raise _FlicdLostError(error.strerror or str(error)) from error
            if not data:
                raise _FlicdLostError("flicd closed the connection")
            now_s = self._clock.now_s()
            self._deliver(session.feed(data, now_s), now_s)

    def _send(self) -> None:
        """Send what the session has to say. It is little: questions wait for their answers' deadlines."""
        if self._session is not None and self._writer is not None:
            self._writer.write(self._session.take_outgoing())

    def _deliver(self, reports: list[Report], now_s: float) -> None:
        for report in reports:
            match report:
                case Failed(why):
                    raise _FlicdLostError(why)
                case HealthChanged(health):
                    self._note_health(health)
                case _ if button := self._buttons.get(report.address):
                    button.take(report, now_s)

    # ---- what is said about it

    def _note_health(self, health: Health) -> None:
        log.info("flicd_heard", state=health.value)
        self._why = None
        self._facts.tell("state", health.value)
        self._facts.tell("error", _ERRORS[health])

    def _note_loss(self, why: str) -> None:
        if why != self._why:
            log.warning("flicd_lost", why=why)
        self._why = why
        self._facts.tell("state", "unreachable")
        self._facts.tell("error", why)


@asynccontextmanager
async def reaching_flicd(settings: FlicdSettings, *, clock: Clock, observe: Observe) -> AsyncGenerator[Flicd]:
    """Keep the connection for as long as the context lasts; there is none while no button wants it."""
    flicd = Flicd(settings, clock=clock, observe=observe)

    async def run() -> None:
        await keep_running("flicd", flicd.run, clock=clock, backoff=Backoff(1.0, 2.0), observe=observe)

    async with alongside(flicd=run):
        yield flicd
