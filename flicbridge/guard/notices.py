"""What the maintainer is told, and when: each fault once a day at most, and once that it is over. Pure.

What was told is kept on the board, so that a bridge which starts again and again does not tell it each time.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from flicbridge.guard.board import Board
from flicbridge.observation import Observation

SUBJECT: Final = "notice"
ONCE_PER: Final = timedelta(days=1)

TOLD_OF: Final = frozenset({"store_sick", "disk_full", "store_set_aside", "store_too_new", "clock_wrong"})
"""Problems of which somebody must know who does not look at `status` every day."""


@dataclass(frozen=True, slots=True)
class Notice:
    """One message about the bridge itself.

    Attributes:
        part, problem: as in `status`.
        since_at: since when; for one that is over, when it was told.
        at: when this became worth telling.
        is_over: True for the all-clear.
    """

    part: str
    problem: str
    since_at: datetime
    at: datetime
    is_over: bool


class Notices:
    """Compares what is wrong with what was told."""

    def __init__(self, board: Board) -> None:
        self._board = board

    def due(self, problems: Sequence[Mapping[str, Any]], now_at: datetime) -> Iterator[Notice]:
        """What is to be told now; it counts as told.

        Args:
            problems: as in the answer of `status`.
            now_at: now, UTC.
        """
        present = {f"{p['part']}/{p['problem']}": p for p in problems if p["problem"] in TOLD_OF}
        for key, problem in present.items():
            if self._was_told(key, now_at):
                continue
            self._note(key, now_at.isoformat())
            since_at = datetime.fromisoformat(problem["since"]) if problem["since"] else now_at
            yield Notice(problem["part"], problem["problem"], since_at, now_at, is_over=False)
        for key, told_at in self._told():
            if key not in present and not self._board.value(SUBJECT, f"{key}/over"):
                self._board.observe(Observation(SUBJECT, f"{key}/over", True))
                part, _, problem_name = key.rpartition("/")
                yield Notice(part, problem_name, told_at, now_at, is_over=True)

    def _was_told(self, key: str, now_at: datetime) -> bool:
        """Within a day; a wall clock that was set back must not make it never again."""
        told_at = dict(self._told()).get(key)
        return told_at is not None and abs(now_at - told_at) < ONCE_PER

    def _note(self, key: str, told: str) -> None:
        self._board.observe(Observation(SUBJECT, key, told))
        self._board.observe(Observation(SUBJECT, f"{key}/over", False))

    def _told(self) -> list[tuple[str, datetime]]:
        facts = self._board.facts(SUBJECT)
        return [(key, datetime.fromisoformat(at)) for key, at in facts.items() if isinstance(at, str)]
