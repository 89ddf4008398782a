"""Am I protected right now? From all that is known to be wrong, one answer. Pure.

The doctor is protected while an unbroken chain leads from a button to somebody who is told at once:

    a button that raises alerts  ->  the bridge itself  ->  a channel of the plan's first step

What breaks every such chain makes it NOT PROTECTED. Anything else that is broken or weak makes it DEGRADED:
a second button that is not heard, a battery that is low, a channel that never carried anything. Only when
nothing is known to be wrong is it PROTECTED; what was never seen to work is not called so.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Final

SOON: Final = timedelta(minutes=1)
A_WHILE: Final = timedelta(minutes=10)
AT_ONCE: Final = timedelta(0)


class Protection(StrEnum):
    """The answer, for a link and for the whole; best first."""

    PROTECTED = "protected"
    DEGRADED = "degraded"
    NOT_PROTECTED = "not_protected"


class Weight(StrEnum):
    """What a problem does to the link it is about."""

    BREAKS = "breaks"  # nothing gets through
    WEAKENS = "weakens"  # it may soon fail, or fails sometimes
    NOTED = "noted"  # somebody should look, and no press depends on it


class Urgency(StrEnum):
    """When whoever looks after the bridge is told."""

    AT_ONCE = "at_once"
    BY_DAY = "by_day"  # it can wait for the morning
    NEVER = "never"  # it is somebody's own doing, or told elsewhere; `status` shows it


@dataclass(frozen=True, slots=True)
class Rule:
    """What is made of one kind of problem.

    Attributes:
        weight: what it does to its link.
        urgency: when it is told.
        onset: told once it has lasted so long; what comes and goes within that is told to nobody.
        clears_after: said to be over once it has been gone for so long.
    """

    weight: Weight
    urgency: Urgency
    onset: timedelta = AT_ONCE
    clears_after: timedelta = SOON


RULES: Final[Mapping[str, Rule]] = {
    # the bridge itself
    "rehearsing": Rule(Weight.BREAKS, Urgency.NEVER),
    "pipeline_stuck": Rule(Weight.BREAKS, Urgency.AT_ONCE),
    "vital_part_failing": Rule(Weight.BREAKS, Urgency.AT_ONCE, SOON),
    "part_failing": Rule(Weight.WEAKENS, Urgency.AT_ONCE, SOON),
    "loop_lagging": Rule(Weight.WEAKENS, Urgency.BY_DAY, A_WHILE, A_WHILE),
    "api_impaired": Rule(Weight.WEAKENS, Urgency.BY_DAY, SOON),
    "watched_by_nobody": Rule(Weight.WEAKENS, Urgency.BY_DAY, A_WHILE, A_WHILE),
    # radio and buttons
    "radio_off": Rule(Weight.BREAKS, Urgency.AT_ONCE, SOON),
    "radio_silent": Rule(Weight.BREAKS, Urgency.AT_ONCE, SOON),
    "test_key_believed": Rule(Weight.WEAKENS, Urgency.NEVER),
    "flicd_unreachable": Rule(Weight.BREAKS, Urgency.AT_ONCE, SOON),
    "flicd_radio_off": Rule(Weight.BREAKS, Urgency.AT_ONCE, SOON),
    "flicd_full": Rule(Weight.BREAKS, Urgency.AT_ONCE, SOON),
    "not_paired": Rule(Weight.BREAKS, Urgency.NEVER),
    # A doctor on a round of visits carries the button out of reach: that is no news until it lasts.
    "not_connected": Rule(Weight.BREAKS, Urgency.BY_DAY, A_WHILE, SOON),
    "paused": Rule(Weight.BREAKS, Urgency.NEVER),
    "battery_low": Rule(Weight.WEAKENS, Urgency.BY_DAY, A_WHILE, A_WHILE),
    "battery_critical": Rule(Weight.WEAKENS, Urgency.AT_ONCE, A_WHILE, A_WHILE),
    "battery_will_be_low": Rule(Weight.NOTED, Urgency.BY_DAY, A_WHILE, A_WHILE),
    "presses_lost": Rule(Weight.WEAKENS, Urgency.AT_ONCE),
    "no_small_button": Rule(Weight.WEAKENS, Urgency.BY_DAY),
    "impostor": Rule(Weight.WEAKENS, Urgency.AT_ONCE),
    "tampering": Rule(Weight.WEAKENS, Urgency.AT_ONCE),
    "garbage": Rule(Weight.WEAKENS, Urgency.AT_ONCE),
    "unproven": Rule(Weight.WEAKENS, Urgency.BY_DAY, A_WHILE, A_WHILE),
    "advertisement_flood": Rule(Weight.WEAKENS, Urgency.AT_ONCE),
    # the way out
    "channel_unproven": Rule(Weight.WEAKENS, Urgency.NEVER),
    "channel_failing": Rule(Weight.BREAKS, Urgency.AT_ONCE, SOON),
    "channel_refused": Rule(Weight.BREAKS, Urgency.AT_ONCE),
    "channel_sick": Rule(Weight.BREAKS, Urgency.AT_ONCE, SOON),
    "channel_weak": Rule(Weight.WEAKENS, Urgency.BY_DAY, A_WHILE, A_WHILE),
    "replies_unread": Rule(Weight.WEAKENS, Urgency.BY_DAY, A_WHILE),
    "alert_unanswered": Rule(Weight.NOTED, Urgency.AT_ONCE),
    # what it all stands on; a sick disk does not silence a button: alerts go out from memory
    "store_sick": Rule(Weight.WEAKENS, Urgency.AT_ONCE),
    "disk_full": Rule(Weight.WEAKENS, Urgency.AT_ONCE),
    "store_set_aside": Rule(Weight.NOTED, Urgency.AT_ONCE),
    "store_too_new": Rule(Weight.WEAKENS, Urgency.AT_ONCE),
    "clock_wrong": Rule(Weight.WEAKENS, Urgency.AT_ONCE),
    "clock_stepped": Rule(Weight.NOTED, Urgency.NEVER),
    "clock_unsynchronised": Rule(Weight.WEAKENS, Urgency.BY_DAY, A_WHILE, A_WHILE),
    "disk_low": Rule(Weight.WEAKENS, Urgency.BY_DAY, A_WHILE, A_WHILE),
    "disk_read_only": Rule(Weight.WEAKENS, Urgency.AT_ONCE),
    "memory_short": Rule(Weight.WEAKENS, Urgency.AT_ONCE, A_WHILE, A_WHILE),
    "host_hot": Rule(Weight.WEAKENS, Urgency.BY_DAY, A_WHILE, A_WHILE),
    "under_voltage": Rule(Weight.WEAKENS, Urgency.BY_DAY, AT_ONCE, A_WHILE),
    # drills
    "self_test_failed": Rule(Weight.BREAKS, Urgency.AT_ONCE),
    "drill_failed": Rule(Weight.WEAKENS, Urgency.AT_ONCE),
    "drill_overdue": Rule(Weight.WEAKENS, Urgency.BY_DAY),
}
"""Every problem that `status` can name, and what is made of it. `docs/status.md` shows the same table."""

UNKNOWN: Final = Rule(Weight.WEAKENS, Urgency.AT_ONCE)
"""For a problem without a rule: a new one that somebody forgot here is not to be swallowed."""

BRIDGE: Final = "bridge"
WITHOUT_WHICH_NOTHING: Final = frozenset({BRIDGE, "drill:self"})
"""Parts through which every press goes."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong: with which part, what, and since when if known (UTC)."""

    part: str
    problem: str
    since_at: datetime | None = None

    @property
    def rule(self) -> Rule:
        """What is made of it."""
        return RULES.get(self.problem, UNKNOWN)

    @property
    def makes(self) -> Protection:
        """What it makes of its own link."""
        return _MADE[self.rule.weight]


_MADE: Final = {
    Weight.BREAKS: Protection.NOT_PROTECTED,
    Weight.WEAKENS: Protection.DEGRADED,
    Weight.NOTED: Protection.PROTECTED,
}
_ORDER: Final = tuple(Protection)


@dataclass(frozen=True, slots=True)
class Chain:
    """What an alert of this bridge can travel through.

    Attributes:
        buttons: those that raise alerts, each with the part it is heard through, such as `radio`; empty if it
            needs none.
        channels: those over which somebody is told at once.
    """

    buttons: Mapping[str, str]
    channels: frozenset[str]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer.

    Attributes:
        state: for the whole.
        since_at: since when at least; None if that takes a problem of which nobody knows since when.
        because: the problems that make it so, worst first.
    """

    state: Protection
    since_at: datetime | None
    because: tuple[Problem, ...]


def judge(problems: Collection[Problem], chain: Chain) -> Verdict:
    """Say whether whoever carries a button is protected.

    Args:
        problems: all that is known to be wrong.
        chain: what alerts travel through.
    """
    state, because = _state(problems, chain)
    worst_first = sorted(because, key=lambda problem: _ORDER.index(problem.makes), reverse=True)
    return Verdict(state, _since(state, problems, chain), tuple(worst_first))


def _state(problems: Collection[Problem], chain: Chain) -> tuple[Protection, list[Problem]]:
    """The answer, and the problems that make it so."""
    breaking = [problem for problem in problems if problem.rule.weight is Weight.BREAKS]
    if not _is_whole(chain, {problem.part for problem in breaking}):
        return Protection.NOT_PROTECTED, breaking
    weak = [problem for problem in problems if problem.makes is not Protection.PROTECTED]
    return (Protection.DEGRADED if weak else Protection.PROTECTED), weak


def _since(state: Protection, problems: Collection[Problem], chain: Chain) -> datetime | None:
    """When the problems of now had made it so: with the last of them that it took.

    One without a date may have begun long ago or just now, so it makes nothing so at any date: no date is
    better than the date of something else.
    """
    if _state((), chain)[0] is state:
        return None  # nothing had to go wrong for it
    dated = [(problem.since_at, problem) for problem in problems if problem.since_at is not None]
    for date in sorted({since_at for since_at, _ in dated}):
        if _state([problem for since_at, problem in dated if since_at <= date], chain)[0] is state:
            return date
    return None


def state_of(part: str, problems: Iterable[Problem]) -> Protection:
    """How one link is, by its own problems alone."""
    found = [problem.makes for problem in problems if problem.part == part]
    return max(found, key=_ORDER.index, default=Protection.PROTECTED)


def _is_whole(chain: Chain, broken: Collection[str]) -> bool:
    """Whether a press on some button still reaches somebody at once."""
    return (
        not WITHOUT_WHICH_NOTHING.intersection(broken)
        and any(
            f"button:{name}" not in broken and through not in broken
            for name, through in chain.buttons.items()
        )
        and any(f"channel:{channel}" not in broken for channel in chain.channels)
    )
