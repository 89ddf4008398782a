"""How often things happened since this process began, counted from what the parts say anyway. Pure.

The board keeps what is true now; whoever draws curves needs what has happened. Every observation passes by
here once more, at the price of a look into a set, and most are let go. Counts only grow: a part that is built
anew, because the settings were read anew, begins its own count at nothing, and this one goes on.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from flicbridge.guard.notices import SUBJECT as NOTICE
from flicbridge.observation import Observation
from flicbridge.press.incidents import Incident

# From the disk's own speed to the patience of a doctor; then what was pressed, or stuck, for hours.
BOUNDS_S: Final = (
    0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 900.0, 3600.0, 4 * 3600.0, 24 * 3600.0,
)  # fmt: skip

EACH: Final = frozenset({"last_gesture", "stepped_s"})
"""Facts that are said once for each time that they happen, with a value that does not matter here."""

BY_VALUE: Final = frozenset({"last_kind", "last_outcome", "last_end"})
"""Likewise, but each value of its own: all are of fixed sets, so that nobody can make them many."""

RISING: Final = frozenset(
    {"connections", "presses_lost", "scanner_restarts", "power_cycles", *(kind.value for kind in Incident)}
)
"""Facts that are themselves counts, since the part was built."""

TIMED: Final = frozenset({"last_latency_s"})
"""Facts that are lengths of time, of which the spread matters."""

OVER: Final = "/over"
"""How the fact ends that a notice was followed by its all-clear."""


@dataclass(slots=True)
class Spread:
    """How lengths of time are spread.

    Attributes:
        numbers: how many were at most as long as each of `BOUNDS_S` and longer than the one before; the last
            is of those longer than all.
        sum_s: all of them together.
    """

    numbers: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS_S) + 1))
    sum_s: float = 0.0

    def add(self, length_s: float) -> None:
        """Take in one more."""
        self.numbers[bisect_left(BOUNDS_S, length_s)] += 1
        self.sum_s += length_s

    def join(self, other: "Spread") -> None:
        """Take in all of another."""
        self.numbers = [ours + theirs for ours, theirs in zip(self.numbers, other.numbers, strict=True)]
        self.sum_s += other.sum_s


@dataclass(frozen=True, slots=True)
class Counted:
    """What was counted up to a moment; does not change any more.

    Attributes:
        numbers: by subject, fact and value; the value is empty where it does not matter.
        spreads: by subject.
    """

    numbers: Mapping[tuple[str, str, str], float]
    spreads: Mapping[str, Spread]

    def number(self, subject: str, fact: str, value: str = "") -> float:
        """How often; 0 if never."""
        return self.numbers.get((subject, fact, value), 0.0)


class Tally:
    """Counts for as long as the process lives. Bounded by the number of parts."""

    def __init__(self) -> None:
        self._numbers: Counter[tuple[str, str, str]] = Counter()
        self._said: dict[tuple[str, str], float] = {}
        self._spreads: dict[str, Spread] = {}

    def observe(self, said: Observation) -> None:
        """Count what is worth counting in an observation."""
        subject, fact, value = said.subject, said.fact, said.value
        if fact in EACH:
            self._numbers[subject, fact, ""] += 1
        elif fact in BY_VALUE:
            self._numbers[subject, fact, str(value)] += 1
        elif fact in RISING and isinstance(value, int | float):
            self._rise(subject, fact, int(value))
        elif fact in TIMED and isinstance(value, int | float):
            self._spreads.setdefault(subject, Spread()).add(value)
        elif subject == NOTICE:
            self._note(fact, value)

    def _rise(self, subject: str, fact: str, count: int) -> None:
        before = self._said.get((subject, fact), 0)
        self._said[subject, fact] = count
        # Less than before: the part was built anew, and has counted all of that since.
        self._numbers[subject, fact, ""] += int(count - before if count >= before else count)

    def _note(self, fact: str, value: object) -> None:
        """A notice is told as `part/problem` with a time, its all-clear as `part/problem/over` with True."""
        problem = fact.removesuffix(OVER).rpartition("/")[2]
        if not fact.endswith(OVER):
            self._numbers[NOTICE, problem, "fault"] += 1
        elif value:
            self._numbers[NOTICE, problem, "over"] += 1

    def counted(self) -> Counted:
        """What was counted up to now, as a copy that another thread may read."""
        return Counted(
            dict(self._numbers),
            {subject: Spread(list(s.numbers), s.sum_s) for subject, s in self._spreads.items()},
        )
