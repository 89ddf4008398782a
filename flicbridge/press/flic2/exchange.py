"""Carries the frames of one session over one link, both ways, and watches its deadlines.

Notifications go straight through the session to whoever takes its events, within the callback: between the
radio and the alarm path there is no queue and no task switch. Everything else, writing included, is done by
the one task that runs the exchange.
"""

import asyncio
import math
from collections.abc import Callable
from typing import Final

from bleak import BleakClient
from bleak.backends.characteristic import BleakGATTCharacteristic
from bleak.backends.device import BLEDevice
from bleak.exc import BleakError

from flicbridge.clock import Clock
from flicbridge.errors import ButtonUnreachableError
from flicbridge.press.flic2.reports import Failed, PairingGone, SessionEvent
from flicbridge.press.flic2.session import Session
from flicbridge.press.radio import Radio

SERVICE_UUID: Final = "00420000-8f59-4420-870d-84f3b617e493"
WRITE_UUID: Final = "00420001-8f59-4420-870d-84f3b617e493"
NOTIFY_UUID: Final = "00420002-8f59-4420-870d-84f3b617e493"
GATT_TIMEOUT_S: Final = 5.0
LEAST_FRAME: Final = 20  # what every Bluetooth link carries, whatever a platform knows of its MTU

ADDRESS_TYPES: Final = {"public": 0, "random": 1}

type OpenSession = Callable[[int], Session]
"""Makes the session, given how many bytes one write may have."""

type Take = Callable[[SessionEvent], None]
type Tend = Callable[[float], float]
"""Called now and then with the time: asks the session what is due, returns when to be called next."""


def address_type(device: BLEDevice) -> int | None:
    """Return 0 for a public address, 1 for a random one, None where the platform does not say."""
    details = device.details if isinstance(device.details, dict) else {}
    return ADDRESS_TYPES.get(details.get("props", {}).get("AddressType"))


class Exchange:
    """One session at work.

    Args:
        radio: whose link it is.
        clock: what time it is.
        open_session: called once, when the link is there.
        take: given every event of the session, at once and in order.
        tend: see `Tend`; by default there is nothing to tend.

    Attributes:
        session: None until the link is there.
        is_gone: the stack said that the link was lost.
    """

    def __init__(
        self,
        radio: Radio,
        clock: Clock,
        open_session: OpenSession,
        take: Take,
        tend: Tend = lambda _now_s: math.inf,
    ) -> None:
        self.session: Session | None = None
        self.is_gone = False
        self._radio = radio
        self._clock = clock
        self._open_session = open_session
        self._take = take
        self._tend = tend
        self._wake = asyncio.Event()
        self._is_over = False
        self._is_deaf = False
        self._failure: Exception | None = None

    def on_gone(self) -> None:
        """For `Radio.connect`: the link was lost."""
        self.is_gone = True
        self._wake.set()

    def wake(self) -> None:
        """Have the session's new frames written."""
        self._wake.set()

    def finish(self) -> None:
        """End the session from our side, with a good-bye."""
        if self.session is not None:
            self.session.close(self._clock.now_s())
        self._is_over = True
        self._wake.set()

    async def run(self, client: BleakClient) -> None:
        """Exchange frames until the session has said its last word.

        Raises:
            ButtonUnreachableError: the link was lost, or fails us.
            Exception: whatever `take` raised; the session is given up, so what was said comes again.
        """
        try:
            await self._run(client)
        except ButtonUnreachableError as error:
            if self.is_gone:  # whatever bleak makes of it
                raise ButtonUnreachableError("the link was lost") from error
            raise
        finally:
            self._is_deaf = True

    async def _run(self, client: BleakClient) -> None:
        write, notify = _characteristics(client)
        session = self.session = self._open_session(max(LEAST_FRAME, write.max_write_without_response_size))
        subscribed = client.start_notify(notify, self._on_frame)
        await self._radio.within(GATT_TIMEOUT_S, subscribed, "subscribe")
        while True:
            self._wake.clear()
            next_s = self._look_at_the_clock(session)
            for frame in session.take_frames():
                written = client.write_gatt_char(write, frame, response=False)
                await self._radio.within(GATT_TIMEOUT_S, written, "write")
            if self._failure is not None:
                raise self._failure
            if self._is_over:
                return
            if self.is_gone:
                raise ButtonUnreachableError("bleak said so")
            await self._sleep_until(next_s)

    def _look_at_the_clock(self, session: Session) -> float:
        """Do what is due, return when something is due next."""
        now_s = self._clock.now_s()
        if session.deadline_s is not None and session.deadline_s <= now_s:
            self._tell(session.pass_time(now_s))
        tend_s = self._tend(now_s)
        return tend_s if session.deadline_s is None else min(tend_s, session.deadline_s)

    async def _sleep_until(self, until_s: float) -> None:
        try:
            async with asyncio.timeout_at(until_s if math.isfinite(until_s) else None):
                await self._wake.wait()
        except TimeoutError:
            pass

    def _on_frame(self, _from: BleakGATTCharacteristic, frame: bytearray) -> None:
        self._radio.hear()
        # A link that was given up may talk on for a while, but nobody answers for what it says any more.
        if self.session is not None and not self._is_deaf:
            self._tell(self.session.receive(bytes(frame), self._clock.now_s()))
            self._wake.set()

    def _tell(self, said: list[SessionEvent]) -> None:
        try:
            for event in said:
                self._take(event)
                self._is_over |= isinstance(event, Failed | PairingGone)
        except Exception as error:  # noqa: BLE001 - in bleak's callback it would be lost; `run` raises it
            self._failure, self._is_deaf = error, True


def _characteristics(client: BleakClient) -> tuple[BleakGATTCharacteristic, BleakGATTCharacteristic]:
    """Return where to write and what notifies."""
    try:
        found = [client.services.get_characteristic(uuid) for uuid in (WRITE_UUID, NOTIFY_UUID)]
    except BleakError as error:
        raise ButtonUnreachableError("the link was lost at once") from error
    match found:
        case [BleakGATTCharacteristic() as write, BleakGATTCharacteristic() as notify]:
            return write, notify
    raise ButtonUnreachableError("what answers at this address is no Flic 2")
