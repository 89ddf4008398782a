"""One paired button: connected whenever it is seen, heard within its sessions, looked after for ever.

Whatever goes wrong ends in waiting for the next advertisement, and no wait of ours stands in the way of one:
with the parameters that a session sets, the button calls by itself after a lost link.
"""

import math
import os
import random as chance
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
    Item,
    PairingGone,
    PressGap,
    QueueDone,
    Ready,
    SessionEvent,
)
from flicbridge.press.flic2.rest import Rest
from flicbridge.press.flic2.session import Reconnect, Session
from flicbridge.press.incidents import Incident, Incidents, Seldom, Surge
from flicbridge.press.radio import Radio
from flicbridge.press.sighting import Sighting
from flicbridge.press.source import Hear

log = structlog.get_logger()

# A button proves itself and answers in well under a second: 0.4 s on BlueZ under emulation. A weak link takes
# longer, but not this long: at 60 % loss the 20 smallest frames need 3 s, and a link that loses more breaks
# first, by its supervision timeout (0.42 s on Linux until the session is up). What holds us longer is no
# button. The session would wait 31 s, as the vendor's hosts do, and the real one call in vain meanwhile.
READY_TIMEOUT_S: Final = 5.0
# After somebody who did not prove to be it, every other one gets no longer than nearly all links need.
HASTY_TIMEOUT_S: Final = 1.5
# Somebody with the button's address may call in step with us, so that the button is never the next one who
# calls when we answer. Whoever did not prove to be it makes us step out of time.
OUT_OF_STEP_S: Final = 0.3
# In so long, so many packets for nobody mean that somebody invents them: the other programs that may share
# our link with a button cause ten or so per press.
GARBAGE_STRETCH_S: Final = 10.0
GARBAGE_MANY: Final = 100
LINES: Final = 20  # of each kind are logged in ten minutes; whoever annoys a link shall not fill a disk
# A link that was silent for so long is asked something, for bleak may not have noticed that it is dead; and
# sooner if the radio itself would be suspected sooner, so that an idle link vouches for it.
HEARTBEAT_S: Final = 120.0
BATTERY_S: Final = 3 * 3600.0
# A connected button does not advertise. One that does is asked whether it is there, but no more often.
SUSPICION_S: Final = 10.0
# A button that proved to have forgotten us is tried again all the same: it costs little and mends by itself.
FORGOTTEN_PAUSE_S: Final = 60.0

INCIDENTS: Final = {
    FailReason.NOT_GENUINE: Incident.IMPOSTOR,
    FailReason.QUICK_VERIFY_SIGNATURE: Incident.IMPOSTOR,
    FailReason.PACKET_SIGNATURE: Incident.TAMPERING,
    FailReason.PAIRING_EXISTS: Incident.TAMPERING,
}
"""Somebody else answers at the button's address, or speaks in between."""
SILENT: Final = {FailReason.VERIFY_TIMEOUT, FailReason.RESPONSE_TIMEOUT}
"""The link may have died without the stack's noticing."""
LOST: Final = {*SILENT, FailReason.DISCONNECTED}


class Flic2Link:
    """A `ButtonSource` of family `flic2`.

    Observed of `button:NAME`: `link` (`waiting`, `connecting`, `up`, `refused`, `asleep`), `last_error` (None
    when up), `connected`, `connections` and `presses_lost` (counted since the start), `unproven` (how many
    calls in a row led to no proof that it is the button) and `unproven_since`, incidents (see `Incidents`),
    `rssi_dbm` and `last_heard` (RFC 3339), `firmware`, `battery_mv`, `battery_percent`, `keys` (2 for a Duo),
    `restless` (see `Rest`).

    Args:
        button: its name in the configuration.
        pairing: what was stored when it was paired.
        resume: the last event that was committed; None if none ever was.
        radio: must be running for anything to be heard.
        root_key: the Ed25519 public key that vouches for genuine buttons.
        clock: what time it is.
        observe: told how the link fares.
        rest_after_s: let the button sleep when everything was quiet and settled for so long; None to stay
            connected for ever.
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
        rest_after_s: float | None = None,
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
        self._incidents = Incidents(self._facts, self._log.warning, clock)
        self._seldom = Seldom(burst=LINES)
        self._garbage = Surge(many=GARBAGE_MANY, stretch_s=GARBAGE_STRETCH_S)
        self._unexpected = 0
        self._unproven = 0
        self._is_proven = False
        self._exchange: Exchange | None = None
        self._ready_by_s = math.inf
        self._queue_follows = False
        self._is_caught_up = False
        self._is_forgotten = False
        self._rest = None if rest_after_s is None else Rest(rest_after_s)
        self._asked_s = -math.inf
        self._battery_due_s = math.inf

    async def run(self, hear: Hear) -> None:
        """Listen until cancelled, whatever happens to the radio."""
        # A button that sleeps and one that is not there look alike; of these it is said that they sleep.
        self._facts.tell("link", "waiting" if self._rest is None else "asleep")
        self._facts.tell("connected", False)
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
        if self._rest is not None:
            self._rest.settle(counter, self._clock.now_s())
        if self._exchange is not None and self._exchange.session is not None:
            self._exchange.session.acknowledge(counter, self._clock.now_s())
            self._exchange.wake()

    # ---- one link after the other

    async def _visit(self, sighting: Sighting, hear: Hear) -> None:
        """Connect and listen until link or session end."""
        self._facts.tell("rssi_dbm", sighting.rssi_dbm)
        self._facts.tell("link", "connecting")
        exchange = self._new_exchange(sighting, hear)
        self._is_proven = False
        step_s = chance.uniform(0.0, OUT_OF_STEP_S) if self._unproven else 0.0
        connecting = self._radio.connect(sighting.device, exchange.on_gone, hesitate_s=step_s)
        try:
            async with connecting as client:
                self._exchange = exchange
                await exchange.run(client)
        except ButtonUnreachableError as error:
            self._note_loss(str(error))
            if exchange.session is not None and not exchange.is_gone:
                self._radio.doubt()  # the link fails us, and the stack has not noticed
        finally:
            self._exchange = None
            self._is_caught_up = False
            self._facts.tell("connected", False)
        if not self._is_proven and not self._is_forgotten:
            self._note_unproven()

    def _new_exchange(self, sighting: Sighting, hear: Hear) -> Exchange:
        hearing = Hearing(self.button, self._pairing.serial)

        def take(event: SessionEvent) -> None:
            heard = hearing.translate(event, self._clock.now_s())
            if heard is not None:
                hear(heard)
            self._note(event)  # after it was heard, for nothing may delay a press

        def open_session(max_frame: int) -> Session:
            self._ready_by_s = self._clock.now_s() + self._patience_s
            self._unexpected = 0
            if self._rest is not None:
                self._rest.begin()
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

    @property
    def _patience_s(self) -> float:
        """How long whoever answers may take to prove to be the button."""
        return HASTY_TIMEOUT_S if self._unproven % 2 else READY_TIMEOUT_S

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
        self._watch_for_garbage(now_s)
        if now_s >= self._ready_by_s:
            raise ButtonUnreachableError(f"the button did not prove itself within {self._patience_s:g} s")
        if not self._is_caught_up:
            return self._ready_by_s
        if now_s >= self._battery_due_s:
            self._battery_due_s = now_s + BATTERY_S
            self._ask(Question.BATTERY)
        heartbeat_s = min(HEARTBEAT_S, self._radio.silence_s / 2)
        if now_s >= self._asked_s + heartbeat_s:
            self._ask(Question.FIRMWARE)
        return min(self._battery_due_s, self._asked_s + heartbeat_s, self._let_rest(now_s))

    def _let_rest(self, now_s: float) -> float:
        """Say to the button whether it may go; return when to think about that again."""
        if self._rest is None or self._exchange is None or self._exchange.session is None:
            return math.inf
        if packet := self._rest.pass_time(now_s):
            self._exchange.session.tell(packet)
        return self._rest.due_s

    def _watch_for_garbage(self, now_s: float) -> None:
        if self._exchange is None or self._exchange.session is None:
            return
        known, self._unexpected = self._unexpected, self._exchange.session.unexpected
        if many := self._garbage.add(self._unexpected - known, now_s):
            detail = f"{many / GARBAGE_STRETCH_S:.0f} packets per second that are for nobody"
            self._incidents.note(Incident.GARBAGE, "garbage_received", detail, times=many)

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
            case Item() if self._rest is not None:
                self._rest.hear(event, self._clock.now_s())
            case QueueDone():
                self._is_caught_up = True
                if self._rest is not None:
                    self._rest.catch_up(self._clock.now_s())
                    self._facts.tell("restless", self._rest.is_restless)
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
        self._radio.vouch(self._pairing.address)
        self._is_proven = True
        self._unproven = 0
        self._facts.tell("unproven", 0)
        self._queue_follows = ready.queue_follows
        if self._resume is not None or not ready.queue_follows:
            # What the button counts as processed; it knows better only after a restart, or if we were wrong.
            self._resume = ready.counter
        self._facts.tell("link", "up")
        self._facts.tell("connected", True)
        self._facts.tell("keys", ready.keys)
        self._facts.tell("last_error", None)
        self._facts.count("connections")
        self._say(
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
        if failed.reason is FailReason.DISCONNECTED and self._has_gone_to_sleep():
            return
        if failed.reason in INCIDENTS:
            detail = f"{failed.reason}: {failed.detail}"
            self._incidents.note(INCIDENTS[failed.reason], "button_not_authentic", detail)
        else:
            self._say("session_failed", reason=failed.reason, subcode=failed.subcode, detail=failed.detail)
        if failed.reason in SILENT:
            self._radio.doubt()
        self._facts.tell("link", "waiting" if failed.reason in LOST else "refused")
        self._facts.tell("last_error", f"{failed.reason}: {failed.detail}")

    def _note_forgotten(self) -> None:
        self._is_forgotten = True
        self._log.warning("pairing_gone")
        self._facts.tell("link", "refused")
        self._facts.tell("last_error", "the button has forgotten this bridge; pair it again")

    def _note_unproven(self) -> None:
        """Somebody called, and it may not have been the button."""
        if not self._unproven:
            self._facts.tell("unproven_since", self._clock.now_at().isoformat(timespec="seconds"))
        self._unproven += 1
        self._facts.tell("unproven", self._unproven)

    def _has_gone_to_sleep(self) -> bool:
        """Tell whether the link ended because the button was allowed to end it, and say so."""
        if self._rest is None or not self._rest.is_resting:
            return False
        self._facts.tell("link", "asleep")
        self._say("button_asleep")
        return True

    def _note_loss(self, why: str) -> None:
        if self._has_gone_to_sleep():
            return
        self._say("link_lost", why=why)
        self._facts.tell("link", "waiting")
        self._facts.tell("last_error", why)

    def _say(self, event: str, **facts: object) -> None:
        """Log what happens once in a while, unless somebody makes it happen all the time."""
        unsaid = self._seldom.due(event, self._clock.now_s())
        if unsaid is not None:
            self._log.info(event, **facts, **({"unsaid": unsaid} if unsaid else {}))
