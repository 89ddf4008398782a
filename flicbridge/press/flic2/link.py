"""One paired button: connected whenever it is seen, heard within its sessions, looked after for ever.

Whatever goes wrong ends in waiting for the next advertisement, and no wait of ours stands in the way of one:
with the parameters that a session sets, the button calls by itself after a lost link.
"""

import math
import os
from collections.abc import Callable
from typing import Final

import structlog

from flicbridge.clock import Clock
from flicbridge.errors import ButtonUnreachableError
from flicbridge.observation import Observe
from flicbridge.press.event import Counter
from flicbridge.press.facts import Facts
from flicbridge.press.flic2.conversation import Question
from flicbridge.press.flic2.events import battery_percent
from flicbridge.press.flic2.exchange import Exchange, address_type
from flicbridge.press.flic2.hearing import Hearing
from flicbridge.press.flic2.pairing import Pairing
from flicbridge.press.flic2.reports import (
    BatteryRead,
    Failed,
    FailReason,
    FirmwareRead,
    PairingGone,
    PressGap,
    QueueDone,
    Ready,
    SessionEvent,
)
from flicbridge.press.flic2.session import Reconnect, Session
from flicbridge.press.radio import Radio
from flicbridge.press.sighting import Sighting
from flicbridge.press.source import Hear

log = structlog.get_logger()

# A button proves itself and answers in well under a second. The session would wait 31 s, as the vendor's
# hosts do, but the next attempt is better than the end of a bad one.
READY_TIMEOUT_S: Final = 10.0
# A link that was silent for so long is asked something, for bleak may not have noticed that it is dead.
HEARTBEAT_S: Final = 120.0
BATTERY_S: Final = 3 * 3600.0
# A connected button does not advertise. One that does is asked whether it is there, but no more often.
SUSPICION_S: Final = 10.0
# A button that proved to have forgotten us is tried again all the same: it costs little and mends by itself.
FORGOTTEN_PAUSE_S: Final = 60.0

TAMPERING: Final = {
    FailReason.NOT_GENUINE,
    FailReason.QUICK_VERIFY_SIGNATURE,
    FailReason.PACKET_SIGNATURE,
    FailReason.PAIRING_EXISTS,
}
"""Somebody else answers at the button's address, or speaks in between."""
SILENT: Final = {FailReason.VERIFY_TIMEOUT, FailReason.RESPONSE_TIMEOUT}
"""The link may have died without the stack's noticing."""
LOST: Final = {*SILENT, FailReason.DISCONNECTED}


class Flic2Link:
    """A `ButtonSource` of family `flic2`.

    Observed of `button:NAME`: `link` (`waiting`, `connecting`, `up`, `refused`), `last_error` (None when up),
    `connections`, `tampering` and `presses_lost` (counted since the start), `rssi_dbm` and `last_heard`
    (RFC 3339), `firmware`, `battery_mv`, `battery_percent`.

    Args:
        button: its name in the configuration.
        pairing: what was stored when it was paired.
        resume: the last event that was committed; None if none ever was.
        radio: must be running for anything to be heard.
        root_key: the Ed25519 public key that vouches for genuine buttons.
        clock: what time it is.
        observe: told how the link fares.
        random: bytes nobody can guess.
    """

    def __init__(
        self,
        button: str,
        pairing: Pairing,
        resume: Counter | None,
        radio: Radio,
        *,
        root_key: bytes,
        clock: Clock,
        observe: Observe,
        random: Callable[[int], bytes] = os.urandom,
    ) -> None:
        self.button = button
        self._pairing = pairing
        self._resume = resume
        self._radio = radio
        self._root_key = root_key
        self._clock = clock
        self._random = random
        self._facts = Facts(f"button:{button}", observe)
        self._log = log.bind(button=button)
        self._exchange: Exchange | None = None
        self._ready_by_s = math.inf
        self._queue_follows = False
        self._is_caught_up = False
        self._is_forgotten = False
        self._asked_s = -math.inf
        self._battery_due_s = math.inf

    async def run(self, hear: Hear) -> None:
        """Listen until cancelled, whatever happens to the radio."""
        self._facts.tell("link", "waiting")
        try:
            with self._radio.sightings(self._pairing.address, self._doubt_link) as sightings:
                async for sighting in sightings:
                    await self._visit(sighting, hear)
                    sightings.forget()  # of a link's last moments, which BlueZ reports as if it were a call
                    if self._is_forgotten:
                        await self._clock.sleep(FORGOTTEN_PAUSE_S)
        finally:
            self._facts.tell("link", "waiting")  # nobody listens: whoever paused us will start us again

    def acknowledge(self, counter: Counter) -> None:
        """Tell the button that everything up to `counter` is safe with us. Never raises, never waits."""
        if self._resume is not None and not self._resume.at_or_before(counter):
            return  # told before, or of a boot whose events the button itself has forgotten
        self._resume = counter
        if self._exchange is not None and self._exchange.session is not None:
            self._exchange.session.acknowledge(counter, self._clock.now_s())
            self._exchange.wake()

    # ---- one link after the other

    async def _visit(self, sighting: Sighting, hear: Hear) -> None:
        """Connect and listen until link or session end."""
        self._facts.tell("rssi_dbm", sighting.rssi_dbm)
        self._facts.tell("link", "connecting")
        exchange = self._new_exchange(sighting, hear)
        try:
            async with self._radio.connect(sighting.device, exchange.on_gone) as client:
                self._exchange = exchange
                await exchange.run(client)
        except ButtonUnreachableError as error:
            self._note_loss(str(error))
            if exchange.session is not None and not exchange.is_gone:
                self._radio.doubt()  # the link fails us, and the stack has not noticed
        finally:
            self._exchange = None
            self._is_caught_up = False

    def _new_exchange(self, sighting: Sighting, hear: Hear) -> Exchange:
        hearing = Hearing(self.button, self._pairing.serial)

        def take(event: SessionEvent) -> None:
            heard = hearing.translate(event, self._clock.now_s())
            if heard is not None:
                hear(heard)
            self._note(event)  # after it was heard, for nothing may delay a press

        def open_session(max_frame: int) -> Session:
            self._ready_by_s = self._clock.now_s() + READY_TIMEOUT_S
            return Session(
                Reconnect(self._pairing, self._resume),
                address=sighting.address,
                address_type=address_type(sighting.device),
                root_key=self._root_key,
                max_frame=max_frame,
                now_s=self._clock.now_s(),
                random=self._random,
            )

        return Exchange(self._radio, self._clock, open_session, take, self._tend)

    def _doubt_link(self, _sighting: Sighting) -> None:
        """A button that calls while it seems connected may have lost a link that we still believe in."""
        if self._is_caught_up and self._clock.now_s() - self._asked_s >= SUSPICION_S:
            self._ask(Question.FIRMWARE)

    # ---- looking after a session

    def _tend(self, now_s: float) -> float:
        """Ask what is due; return when something is due next.

        Raises:
            ButtonUnreachableError: the button is not ready, though it had time enough.
        """
        if now_s >= self._ready_by_s:
            raise ButtonUnreachableError(f"the button did not prove itself within {READY_TIMEOUT_S:g} s")
        if not self._is_caught_up:
            return self._ready_by_s
        if now_s >= self._battery_due_s:
            self._battery_due_s = now_s + BATTERY_S
            self._ask(Question.BATTERY)
        if now_s >= self._asked_s + HEARTBEAT_S:
            self._ask(Question.FIRMWARE)
        return min(self._battery_due_s, self._asked_s + HEARTBEAT_S)

    def _ask(self, question: Question) -> None:
        if self._exchange is not None and self._exchange.session is not None:
            self._asked_s = self._clock.now_s()
            self._exchange.session.ask(question)
            self._exchange.wake()

    def _note(self, event: SessionEvent) -> None:
        """Draw the consequences for the link."""
        match event:
            case Failed():
                self._note_failure(event)
                return
            case PairingGone():
                self._note_forgotten()
                return
            case Ready():
                self._note_ready(event)
            case PressGap():
                self._note_gap(event)
            case QueueDone():
                self._is_caught_up = True
                self._battery_due_s = self._clock.now_s()
                self._ask(Question.FIRMWARE)
            case BatteryRead(mv):
                self._facts.tell("battery_mv", mv)
                self._facts.tell("battery_percent", battery_percent(mv))
            case FirmwareRead(version):
                self._facts.tell("firmware", version)
        self._facts.tell("last_heard", self._clock.now_at().isoformat(timespec="seconds"))

    def _note_ready(self, ready: Ready) -> None:
        self._ready_by_s = math.inf
        self._is_forgotten = False
        self._queue_follows = ready.queue_follows
        if self._resume is not None or not ready.queue_follows:
            # What the button counts as processed; it knows better only after a restart, or if we were wrong.
            self._resume = Counter(ready.boot_id, ready.event_count)
        self._facts.tell("link", "up")
        self._facts.tell("last_error", None)
        self._facts.count("connections")
        self._log.info(
            "link_up",
            boot_id=ready.boot_id,
            event_count=ready.event_count,
            restarted=ready.restarted,
            rewound=ready.rewound,
            queue_follows=ready.queue_follows,
        )

    def _note_gap(self, gap: PressGap) -> None:
        if not self._queue_follows and not self._is_caught_up:
            self._resume = gap.counter  # the button holds nothing older: miss it once, not at every link
        self._facts.count("presses_lost", gap.presses)
        self._log.error("presses_lost", presses=gap.presses, event_count=gap.counter.event_count)

    def _note_failure(self, failed: Failed) -> None:
        facts = {"reason": failed.reason, "subcode": failed.subcode, "detail": failed.detail}
        if failed.reason in TAMPERING:
            self._facts.count("tampering")
            self._log.warning("button_not_authentic", **facts)
        else:
            self._log.info("session_failed", **facts)
        if failed.reason in SILENT:
            self._radio.doubt()
        self._facts.tell("link", "waiting" if failed.reason in LOST else "refused")
        self._facts.tell("last_error", f"{failed.reason}: {failed.detail}")

    def _note_forgotten(self) -> None:
        self._is_forgotten = True
        self._log.warning("pairing_gone")
        self._facts.tell("link", "refused")
        self._facts.tell("last_error", "the button has forgotten this bridge; pair it again")

    def _note_loss(self, why: str) -> None:
        self._log.info("link_lost", why=why)
        self._facts.tell("link", "waiting")
        self._facts.tell("last_error", why)
