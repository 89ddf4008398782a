"""One line of the table, and the table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final, Self

HEADS: Final = (
    "fault",
    "trials",
    "presses",
    "told",
    "repeats",
    "twice (key)",
    "twice (no key)",
    "worst s",
    "lost",
)


@dataclass(slots=True)
class Row:
    """What came of one kind of fault.

    Attributes:
        fault: what went wrong, in a few words.
        trials: how often.
        presses: how many were made.
        told: how many messages people read, each counted once.
        repeats: how often a receiver was asked for what it had been asked for before.
        twice_with_key: messages that a person read again though the receiver honours the idempotency key.
        twice_without_key: the same, of a receiver that does not.
        worst_s: the longest from the end of the fault to the last message.
        wrong: what must not be; each is a loss.
        skipped: why this could not be tried here.
        of_harness: a test of the harness itself, which does not count among the trials.
    """

    fault: str
    trials: int = 0
    presses: int = 0
    told: int = 0
    repeats: int = 0
    twice_with_key: int = 0
    twice_without_key: int = 0
    worst_s: float = 0.0
    wrong: list[str] = field(default_factory=list)
    skipped: str = ""
    of_harness: bool = False

    @classmethod
    def total(cls, rows: Iterable[Self]) -> "Row":
        """All of them together."""
        total = Row("together")
        for row in rows:
            total.wrong += row.wrong
            if row.of_harness:
                continue
            total.trials += row.trials
            total.presses += row.presses
            total.told += row.told
            total.repeats += row.repeats
            total.twice_with_key += row.twice_with_key
            total.twice_without_key += row.twice_without_key
            total.worst_s = max(total.worst_s, row.worst_s)
        return total

    @property
    def cells(self) -> Sequence[str]:
        """Its cells, in the order of the heads."""
        if self.skipped:
            return self.fault, f"skipped: {self.skipped}"
        if self.of_harness:
            return self.fault, f"{self.trials} trials: {'not found out' if self.wrong else 'found out'}"
        numbers = (
            self.trials,
            self.presses,
            self.told,
            self.repeats,
            self.twice_with_key,
            self.twice_without_key,
        )
        return self.fault, *(f"{n:,}" for n in numbers), f"{self.worst_s:.1f}", f"{len(self.wrong):,}"


def test_row(sabotage: str, trials: int, found: Sequence[str]) -> Row:
    """What became of a bridge that is broken on purpose: it is wrong if nothing was found wrong with it."""
    unnoticed = [] if found else [f"the harness finds nothing wrong with a bridge that is broken: {sabotage}"]
    return Row(f"(broken on purpose: {sabotage})", trials, wrong=unnoticed, of_harness=True)


def table(rows: Sequence[Row]) -> str:
    """All rows as text, numbers to the right."""
    lines = [HEADS, *(row.cells for row in rows)]
    widths = [max(len(line[i]) for line in lines if len(line) == len(HEADS)) for i in range(len(HEADS))]
    widths[0] = max(len(line[0]) for line in lines)
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    written = [_line(line, widths) for line in lines]
    return "\n".join([written[0], rule, *written[1:]])


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = cells
    if len(cells) < len(widths):
        return "  ".join([first.ljust(widths[0]), *rest])
    padded = (cell.rjust(width) for cell, width in zip(rest, widths[1:], strict=True))
    return "  ".join([first.ljust(widths[0]), *padded])
