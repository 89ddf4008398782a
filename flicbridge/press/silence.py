"""How long nothing has been heard, and what to do about it. Pure: times are passed in.

    LISTENING ---- RESTART ----> RESTARTED ---- POWER_CYCLE ----> CYCLED ---- REPORT ----> SILENT
        ^                            '------- REPORT, where no cycle is allowed ------------^ |
        |                                                                     POWER_CYCLE, now and then
        '---- any sign of life, from anywhere

Beside the ladder, and without a word, a scanner that sees nothing is replaced early and often (RENEW): that
costs a few milliseconds, mends what goes wrong most, and must happen although a link is well.

A practice without any other Bluetooth device, with its buttons out of reach, is as silent as a dead radio.
Nobody can tell the two apart, so no rung may do harm in such a place, and the last one says only what is so.
"""

from enum import Enum, auto
from math import inf
from typing import Final

# Deafness matters most while a button is waited for.
RENEW_WHEN_WAITING_S: Final = 15.0
RENEW_S: Final = 60.0
# What a step gets to show its effect: a button in the hand calls several times a second, and most other
# devices every few seconds.
PATIENCE_S: Final = 15.0
# A power cycle cuts the links of other programs, and what did not help will hardly help soon.
POWER_CYCLE_PAUSE_S: Final = 900.0


class Step(Enum):
    """What is to be done."""

    RENEW = auto()
    """Replace the scanner, without a word."""
    RESTART = auto()
    """Replace the scanner, and say so: from here on the radio is suspected."""
    POWER_CYCLE = auto()
    REPORT = auto()
    """Say that nothing is heard."""


class Stage(Enum):
    """How far up the ladder we are."""

    LISTENING = auto()
    RESTARTED = auto()
    CYCLED = auto()
    SILENT = auto()


NEXT: Final = {
    (Stage.LISTENING, Step.RESTART): Stage.RESTARTED,
    (Stage.RESTARTED, Step.POWER_CYCLE): Stage.CYCLED,
    (Stage.RESTARTED, Step.REPORT): Stage.SILENT,
    (Stage.CYCLED, Step.REPORT): Stage.SILENT,
    (Stage.SILENT, Step.POWER_CYCLE): Stage.SILENT,
}


class Silence:
    """Where on the ladder we are.

    Attributes:
        stage: see `Stage`.
        heard_s: when the last sign of life came; when the measuring began if none ever did.

    Args:
        now_s: when the measuring begins.
        longest_s: a silence longer than this is no ordinary one.
        may_power_cycle: whether anybody could, and wants it.
    """

    def __init__(self, now_s: float, *, longest_s: float, may_power_cycle: bool) -> None:
        self.stage = Stage.LISTENING
        self.heard_s = now_s
        self._longest_s = longest_s
        self._may_power_cycle = may_power_cycle
        self._scanner_well_s = now_s
        self._stepped_s = now_s
        self._moved_s = -inf
        self._cycled_s = -inf

    # ---- what is heard of the world

    def hear(self, now_s: float) -> None:
        """Take a sign of life of whatever kind."""
        self.heard_s = now_s
        self.stage = Stage.LISTENING

    def hear_advertisement(self, now_s: float) -> None:
        """Take a sign of life that proves the scanner well, too."""
        self._scanner_well_s = now_s
        self.hear(now_s)

    def begin_scan(self, now_s: float) -> None:
        """Give a new scanner the time to see something."""
        self._scanner_well_s = now_s

    def move(self, now_s: float) -> None:
        """The adapter came, or was switched: let it settle before it is touched again."""
        self._moved_s = now_s

    def finish(self, now_s: float) -> None:
        """A step that takes its time is done: its patience begins now."""
        self._stepped_s = now_s

    # ---- what is to be done

    def next_step(self, now_s: float, *, is_waiting: bool) -> Step | None:
        """Return what is due, once, or None.

        Args:
            now_s: what time it is.
            is_waiting: whether somebody waits for an advertisement.
        """
        step, due_s = self._rung()
        if now_s >= due_s:
            self.stage = NEXT[self.stage, step]
            self._stepped_s = now_s
            if step is Step.POWER_CYCLE:
                self._cycled_s = now_s
            return step
        if now_s >= self._renewal_s(is_waiting):
            self._scanner_well_s = now_s
            return Step.RENEW
        return None

    def due_s(self, *, is_waiting: bool) -> float:
        """When something will be due, if nothing is heard until then."""
        return min(self._rung()[1], self._renewal_s(is_waiting))

    def _renewal_s(self, is_waiting: bool) -> float:
        return self._scanner_well_s + (RENEW_WHEN_WAITING_S if is_waiting else RENEW_S)

    def _rung(self) -> tuple[Step, float]:
        """The next step up the ladder, and when it is due."""
        match self.stage:
            case Stage.LISTENING:
                return Step.RESTART, self.heard_s + self._longest_s
            case Stage.RESTARTED if self._power_cycle_s <= self._stepped_s + PATIENCE_S:
                return Step.POWER_CYCLE, self._stepped_s + PATIENCE_S
            case Stage.RESTARTED | Stage.CYCLED:
                return Step.REPORT, self._stepped_s + PATIENCE_S
            case Stage.SILENT:
                return Step.POWER_CYCLE, self._power_cycle_s

    @property
    def _power_cycle_s(self) -> float:
        """From when on a power cycle is allowed."""
        if not self._may_power_cycle:
            return inf
        return max(self._cycled_s + POWER_CYCLE_PAUSE_S, self._moved_s + self._longest_s)
