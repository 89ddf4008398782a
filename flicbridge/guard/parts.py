"""Which parts of the bridge break again and again: starting them anew does not help. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from flicbridge.guard.board import Board

BUDGET: Final = 4
"""So many failures in a row a part is forgiven; each new start after a longer wait (`supervise`)."""

WELL_AFTER: Final = timedelta(seconds=30)
"""A part that has run for so long is well again; longer than the longest wait between two starts."""

VITAL: Final = frozenset({"courier", "turns"})
"""Parts without which no alert leaves; so is the path of every button."""


@dataclass(frozen=True, slots=True)
class Failing:
    """A part whose budget of new starts is spent.

    Attributes:
        part: its name under supervision, such as `courier` or `path:poche`.
        failure: what broke last, by the name of its exception.
        failures: how often in a row.
        since_at: when it broke last, UTC.
        is_vital: whether no press gets through without it.
    """

    part: str
    failure: str
    failures: int
    since_at: datetime
    is_vital: bool


def failing(board: Board, now_at: datetime) -> Iterator[Failing]:
    """Every part whose budget is spent."""
    for part, failures in board.notes("failures"):
        running = board.note(part, "running")
        if running is None or not isinstance(failures.value, int | float) or failures.value <= BUDGET:
            continue
        if running.value and now_at - running.since_at >= WELL_AFTER:
            continue
        yield Failing(
            part=part,
            failure=str(board.value(part, "failure")),
            failures=int(failures.value),
            since_at=failures.at,
            is_vital=part in VITAL or part.startswith("path:"),
        )
