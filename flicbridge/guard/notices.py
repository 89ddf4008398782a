"""What the maintainer is told, and when: each fault once a day at most, and once that it is over. Pure.

What has reached somebody is kept on the board, so that a bridge which starts again and again does not tell it
each time. What has not is only remembered for this run: the next one tells it anew.
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

    @property
    def key(self) -> str:
        """Names the fault, whether it is told or over."""
        return f"{self.part}/{self.problem}"


@dataclass(slots=True)
class _Said:
    """What was said of a fault.

    Attributes:
        at: when it was told.
        is_over: True once the all-clear was told as well.
    """

    at: datetime
    is_over: bool


class Notices:
    """Compares what is wrong with what was told."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self._said: dict[str, _Said] = {}

    def due(self, problems: Sequence[Mapping[str, Any]], now_at: datetime) -> Iterator[Notice]:
        """What is to be told now; it counts as told for as long as this run lasts.

        Args:
            problems: as in the answer of `status`.
            now_at: now, UTC.
        """
        self._recall()
        present = {f"{p['part']}/{p['problem']}": p for p in problems if p["problem"] in TOLD_OF}
        for key, problem in present.items():
            if not self._was_told(key, now_at):
                self._said[key] = _Said(now_at, is_over=False)
                since_at = datetime.fromisoformat(problem["since"]) if problem["since"] else now_at
                yield Notice(problem["part"], problem["problem"], since_at, now_at, is_over=False)
        for key, said in self._said.items():
            if key not in present and not said.is_over:
                said.is_over = True
                part, _, problem_name = key.rpartition("/")
                yield Notice(part, problem_name, said.at, now_at, is_over=True)

    def reached(self, notice: Notice) -> None:
        """Somebody has it: a later run need not tell it again."""
        if not notice.is_over:
            self._board.observe(Observation(SUBJECT, notice.key, notice.at.isoformat()))
        self._board.observe(Observation(SUBJECT, f"{notice.key}/over", notice.is_over))

    def _recall(self) -> None:
        """Take over what an earlier run told; the board may learn of it late, from a disk that was away."""
        facts = self._board.facts(SUBJECT)
        for key, at in facts.items():
            if isinstance(at, str) and key not in self._said:
                self._said[key] = _Said(datetime.fromisoformat(at), is_over=bool(facts.get(f"{key}/over")))

    def _was_told(self, key: str, now_at: datetime) -> bool:
        """Within a day; a wall clock that was set back must not make it never again."""
        said = self._said.get(key)
        return said is not None and abs(now_at - said.at) < ONCE_PER
