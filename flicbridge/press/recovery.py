"""The way back from silence: takes the steps of `Silence` on the adapter, and says each one."""

import math
from collections.abc import Callable, Coroutine
from datetime import timedelta
from typing import Any, Final, Protocol

import structlog

from flicbridge.clock import Clock
from flicbridge.errors import ButtonUnreachableError
from flicbridge.press.bluez import is_in_progress
from flicbridge.press.facts import Facts
from flicbridge.press.power import LONGEST_CYCLE_S, Cycled, Power
from flicbridge.press.silence import Silence, Stage, Step

log = structlog.get_logger()

COUNT_S: Final = 60.0  # so often is it worth an observation what was heard

RESTARTED: Final = "scanner_restarted"
POWER_CYCLED: Final = "power_cycled"
NOT_POWER_CYCLED: Final = "not_power_cycled"
REPORTED: Final = "reported"


class Within(Protocol):
    """Waits for something, but not for ever; see `Errands.within`."""

    async def __call__[T](self, seconds: float, errand: Coroutine[Any, Any, T], what: str) -> T: ...


class Recovery:
    """Listens to the signs of life of one radio, and does what is to be done without them.

    Args:
        power: who can switch the adapter; None if nobody can, or may.
        silence_s: after so long without any sign of life the radio is suspected.
        within: gives an errand a deadline.
        stir: called when the radio has something to look at.
        clock: what time it is.
        facts: told `advertisements_seen` and `last_heard` now and then, `silent_since` while a silence is
            reported, and of every step: `step` and `step_at`, `scanner_restarts`, `power_cycles` (those that
            worked) and `power_cycle` (what became of the last one in this silence: a word of `Cycled`).
    """

    def __init__(
        self,
        power: Power | None,
        *,
        silence_s: float,
        within: Within,
        stir: Callable[[], None],
        clock: Clock,
        facts: Facts,
    ) -> None:
        self._power = power
        self._within = within
        self._stir = stir
        self._clock = clock
        self._facts = facts
        self._silence = Silence(clock.now_s(), longest_s=silence_s, may_power_cycle=power is not None)
        self._advertisements_seen = 0
        self._counted_s = -math.inf
        self._was_heard = False
        self._has_daemon_died = False  # since the last scanner that started

    @property
    def is_silent(self) -> bool:
        """Whether a silence is reported."""
        return self._silence.stage is Stage.SILENT

    def begin(self) -> None:
        """Count from nothing: what the board remembers is of an earlier run."""
        for fact in ("scanner_restarts", "power_cycles"):
            self._facts.count(fact, 0)

    # ---- signs of life

    def hear(self) -> None:
        """Take a sign of life from a link. Cheap, as links hear often."""
        self._note_life(self._silence.hear)

    def hear_advertisement(self) -> None:
        """Take a sign of life from the air."""
        self._advertisements_seen += 1
        self._note_life(self._silence.hear_advertisement)

    def _note_life(self, hear: Callable[[float], None]) -> None:
        was_silent, self._was_heard = self.is_silent, True
        hear(self._clock.now_s())
        if was_silent:
            log.info("radio_heard_again")
            self._facts.tell("silent_since", None)
            self._tell_life()
            self._stir()

    def begin_scan(self) -> None:
        """Give a new scanner the time to see something."""
        self._has_daemon_died = False
        self._silence.begin_scan(self._clock.now_s())

    def move(self) -> None:
        """The adapter, or its daemon, came, went or was switched."""
        self._silence.move(self._clock.now_s())

    def count(self) -> None:
        """Say now and then what was heard."""
        if self._clock.now_s() >= self._counted_s + COUNT_S:
            self._tell_life()

    def _tell_life(self) -> None:
        self._counted_s = self._clock.now_s()
        self._facts.tell("advertisements_seen", self._advertisements_seen)
        if self._was_heard:  # what an earlier run heard last stays true
            self._facts.tell("last_heard", self._heard_at())

    def _heard_at(self) -> str:
        """When the last sign of life came, as RFC 3339; when we began to listen if none ever did."""
        ago = timedelta(seconds=self._clock.now_s() - self._silence.heard_s)
        return (self._clock.now_at() - ago).isoformat(timespec="seconds")

    def mourn(self) -> None:
        """The adapter's daemon died, and with it every link."""
        self._has_daemon_died = True

    # ---- steps

    def next_step(self, *, is_waiting: bool) -> Step | None:
        """Return what is due, once; see `Silence.next_step`."""
        return self._silence.next_step(self._clock.now_s(), is_waiting=is_waiting)

    def step_out_of(self, cause: BaseException | None) -> Step | None:
        """Return what to do at once about a scan that was refused; None where only patience helps.

        The kernel goes on searching for a bluetoothd that is dead, and refuses the new one for about ten
        seconds. A power cycle ends that, and harms nobody: no link outlived that death. Once for each death.
        """
        if self._power is None or not self._has_daemon_died or not is_in_progress(cause):
            return None
        self._has_daemon_died = False
        return Step.POWER_CYCLE

    def pause_s(self, *, is_waiting: bool) -> float:
        """In how many seconds something will be due, if nothing is heard until then."""
        return max(0.0, self._silence.due_s(is_waiting=is_waiting) - self._clock.now_s())

    async def take(self, step: Step, *, is_scanning: bool) -> bool:
        """Do what is to be done between two scanners; return whether links may have died by it.

        Args:
            step: what is to be done. A new scanner is made by whoever calls.
            is_scanning: False if no scanner would start, so that it is no news that another one is tried.
        """
        match step:
            case Step.RESTART if is_scanning:
                self._say(RESTARTED)
                self._facts.tell("power_cycle", None)  # of an earlier silence
                self._facts.count("scanner_restarts")
                log.warning("scanner_restarted", silent_since=self._heard_at())
            case Step.POWER_CYCLE if self._power is not None:
                return await self._cycle(self._power)
            case Step.REPORT:
                self._say(REPORTED)
                self._tell_life()
                self._facts.tell("silent_since", self._heard_at())
                # No error: where nothing else is near, it is as it should be whenever nobody is in.
                log.warning("radio_silent", since=self._heard_at())
        return False

    async def _cycle(self, power: Power) -> bool:
        log.info("power_cycle_begins", silent_since=self._heard_at())
        outcome = await self._ask(power.cycle())
        self._silence.finish(self._clock.now_s())
        self._facts.tell("power_cycle", outcome.value)
        if outcome is Cycled.DONE:
            self._say(POWER_CYCLED)
            self._facts.count("power_cycles")
        else:
            self._say(NOT_POWER_CYCLED)
        log.warning("power_cycle_ended", outcome=outcome.value)
        return outcome.cuts_links

    async def pay(self) -> None:
        """Switch the adapter on again if an interrupted power cycle left it off.

        Raises:
            ButtonUnreachableError: it stays off; to be tried again.
        """
        if self._power is None or not self._power.is_owing:
            return
        outcome = await self._ask(self._power.pay())
        if self._power.is_owing:
            self._facts.tell("power_cycle", Cycled.STAYS_OFF.value)
            raise ButtonUnreachableError(f"the adapter stays off after a power cycle ({outcome.value})")
        self._facts.tell("power_cycle", Cycled.DONE.value)
        log.info("adapter_switched_on_again")

    async def _ask(self, errand: Coroutine[Any, Any, Cycled]) -> Cycled:
        try:
            return await self._within(LONGEST_CYCLE_S, errand, "switch the adapter")
        except ButtonUnreachableError as error:
            log.warning("adapter_not_switched", why=str(error))
            return Cycled.FAILED

    def _say(self, step: str) -> None:
        self._facts.tell("step", step)
        self._facts.tell("step_at", self._clock.now_at().isoformat(timespec="seconds"))
