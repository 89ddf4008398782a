"""What is told of the bridge itself, and when, so that nothing that matters is missed and nobody is worn out.

Each problem is told by its rule (`protection.py`): once it has lasted for its onset, once a day at most, at
night only if its rule says so; and that it is over, once it has been gone for a while. Gaps shorter than that
do not count, so what flickers counts as lasting. All that is new at one moment is one notice, and what waited
for the morning is one in the morning.

That the doctor is not protected, or is again, is told at any hour and each time. A verdict that comes and
goes is called over only after longer and longer times of quiet: whoever was told last that all is well can
rely on it.

What has reached somebody is kept on the board, so that a bridge which starts again and again does not tell it
each time. What has not is only remembered for this run: the next one tells it anew. Pure.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from flicbridge.clock import is_credible
from flicbridge.guard.board import Board
from flicbridge.guard.protection import RULES, SOON, UNKNOWN, Protection, Rule, Urgency, Weight
from flicbridge.observation import Observation
from flicbridge.transport.notice import VERDICT, News

SUBJECT: Final = "notice"
ONCE_PER: Final = timedelta(days=1)
NIGHT_BEGINS, NIGHT_ENDS = 21, 7
"""Hours of the practice's clock between which nothing is told that can wait."""

VERDICT_RULE: Final = Rule(Weight.BREAKS, Urgency.AT_ONCE, SOON, SOON)

TOLD_OF: Final = frozenset(
    {VERDICT, *(name for name, rule in RULES.items() if rule.urgency is not Urgency.NEVER)}
)
"""Everything of which somebody may be told."""


@dataclass(frozen=True, slots=True)
class Notice:
    """What is told at one moment.

    Attributes:
        news: the verdict first, then the gravest.
        at: when it became worth telling.
    """

    news: tuple[News, ...]
    at: datetime

    @property
    def verdict(self) -> News | None:
        """The news that concerns the doctor as well, if it is among them."""
        return next((item for item in self.news if item.problem == VERDICT), None)

    @property
    def keys(self) -> frozenset[str]:
        """What it is about."""
        return frozenset(item.key for item in self.news)


@dataclass(frozen=True, slots=True)
class _Fault:
    """Something that is wrong now."""

    part: str
    problem: str
    since_at: datetime | None
    rule: Rule
    because: tuple[str, str] | None = None


@dataclass(slots=True)
class _Record:
    """What was seen and said of one fault.

    Attributes:
        rule: when it is told.
        on_at: since when it is there, in this run, gaps left out; None if it is gone, or was not seen.
        off_at: since when it is not there, at this look; None while it is.
        told_at: when it was told last; None if never.
        is_over: True once the all-clear was told as well.
        times: when it was told within the last day.
    """

    rule: Rule = UNKNOWN
    on_at: datetime | None = None
    off_at: datetime | None = None
    told_at: datetime | None = None
    is_over: bool = False
    times: list[datetime] = field(default_factory=list)

    @property
    def is_open(self) -> bool:
        """Whether somebody was told last that it is wrong."""
        return self.told_at is not None and not self.is_over

    def see(self, rule: Rule, now_at: datetime) -> None:
        """It is there."""
        self.rule, self.off_at = rule, None
        self.on_at = self.on_at or now_at

    def miss(self, clears_after: timedelta, now_at: datetime) -> None:
        """It is not there."""
        self.off_at = self.off_at or now_at
        if self.is_gone(clears_after, now_at):
            self.on_at = None

    def is_gone(self, clears_after: timedelta, now_at: datetime) -> bool:
        """Whether it has not been there for long enough to be over."""
        return self.off_at is not None and _apart(self.off_at, now_at) >= clears_after

    def has_lasted(self, now_at: datetime) -> bool:
        """Whether it is there, and for long enough to be told."""
        present = self.on_at is not None and self.off_at is None
        return present and _apart(self.on_at or now_at, now_at) >= self.rule.onset

    def was_told_lately(self, now_at: datetime) -> bool:
        """Within a day; a wall clock that was set back must not make it never again."""
        return self.told_at is not None and _apart(self.told_at, now_at) < ONCE_PER

    def tell(self, now_at: datetime) -> None:
        """Somebody is told that it is wrong."""
        self.told_at, self.is_over = now_at, False
        self.times = [at for at in self.times if _apart(at, now_at) < ONCE_PER] + [now_at]

    def is_forgotten(self, now_at: datetime) -> bool:
        """Whether it says nothing any more that could matter."""
        told = self.is_open or self.was_told_lately(now_at)
        return self.on_at is None and not told


class Notices:
    """Compares what is wrong with what was told.

    Args:
        board: where it is kept what reached somebody.
        zone: where the practice's clock is.
    """

    def __init__(self, board: Board, zone: ZoneInfo) -> None:
        self._board = board
        self._zone = zone
        self._records: dict[str, _Record] = {}

    def due(self, status: Mapping[str, Any], now_at: datetime) -> Notice | None:
        """What is to be told now; it counts as told for as long as this run lasts.

        Args:
            status: the answer of `status`.
            now_at: now, UTC.
        """
        self._recall(now_at)
        faults = {f"{fault.part}/{fault.problem}": fault for fault in _faults(status)}
        for key, fault in faults.items():
            self._records.setdefault(key, _Record()).see(fault.rule, now_at)
        for key, record in self._records.items():
            if key not in faults:
                record.miss(_clears_after(key, record), now_at)
        news = [*self._onsets(faults, now_at), *self._ends(now_at)]
        self._records = {k: r for k, r in self._records.items() if not r.is_forgotten(now_at)}
        return Notice(tuple(sorted(news, key=_rank)), now_at) if news else None

    def _onsets(self, faults: Mapping[str, _Fault], now_at: datetime) -> Iterator[News]:
        for key, fault in faults.items():
            record = self._records[key]
            is_said = record.was_told_lately(now_at) and (record.is_open or fault.problem != VERDICT)
            if not is_said and record.has_lasted(now_at) and self._may_tell(record.rule, now_at):
                record.tell(now_at)
                since_at = fault.since_at or now_at
                yield News(fault.part, fault.problem, since_at, is_over=False, because=fault.because)

    def _ends(self, now_at: datetime) -> Iterator[News]:
        for key, record in self._records.items():
            is_gone = record.is_gone(_clears_after(key, record), now_at)
            if is_gone and record.is_open and self._may_tell(record.rule, now_at):
                record.is_over = True
                part, _, problem = key.rpartition("/")
                yield News(part, problem, record.told_at or now_at, is_over=True)

    def _may_tell(self, rule: Rule, now_at: datetime) -> bool:
        """Whether this is an hour for it; a clock that nobody set knows no night."""
        if rule.urgency is not Urgency.BY_DAY or not is_credible(now_at):
            return rule.urgency is not Urgency.NEVER
        return NIGHT_ENDS <= now_at.astimezone(self._zone).hour < NIGHT_BEGINS

    def reached(self, notice: Notice) -> None:
        """Somebody has it: a later run need not tell it again."""
        for item in notice.news:
            if not item.is_over:
                self._board.observe(Observation(SUBJECT, item.key, notice.at.isoformat()))
            self._board.observe(Observation(SUBJECT, f"{item.key}/over", item.is_over))

    def _recall(self, now_at: datetime) -> None:
        """Take over what an earlier run told; the board may learn of it late, from a disk that was away."""
        facts = self._board.facts(SUBJECT)
        for key, at in facts.items():
            if isinstance(at, str) and key not in self._records:
                told_at, is_over = datetime.fromisoformat(at), bool(facts.get(f"{key}/over"))
                record = _Record(_rule(key.rpartition("/")[2]), told_at=told_at, is_over=is_over)
                if not record.is_forgotten(now_at):
                    self._records[key] = record


def _rule(problem: str) -> Rule:
    return VERDICT_RULE if problem == VERDICT else RULES.get(problem, UNKNOWN)


def _faults(status: Mapping[str, Any]) -> Iterator[_Fault]:
    protection = status["protection"]
    if protection["state"] == Protection.NOT_PROTECTED:
        because = [tuple(key.rsplit("/", 1)) for key in protection["because"]]
        # Behind it may be something that is no news for a while, such as a doctor who goes out for bread.
        onsets = [_rule(problem).onset for _, problem in because]
        rule = Rule(Weight.BREAKS, Urgency.AT_ONCE, max(SOON, min(onsets, default=SOON)), SOON)
        first = (because[0][0], because[0][1]) if because else None
        yield _Fault("bridge", VERDICT, _date(protection["since"]), rule, first)
    for problem in status["problems"]:
        code = problem["problem"]
        yield _Fault(problem["part"], code, _date(problem["since"]), _rule(code))


def _clears_after(key: str, record: _Record) -> timedelta:
    """How long it must be gone: of a verdict that comes and goes, twice as long each time within a day."""
    if not key.endswith(f"/{VERDICT}"):
        return record.rule.clears_after
    return SOON * (1 << max(0, len(record.times) - 1))


_GRAVE_FIRST: Final = tuple(Weight)


def _rank(item: News) -> tuple[bool, bool, int]:
    return item.problem != VERDICT, item.is_over, _GRAVE_FIRST.index(_rule(item.problem).weight)


def _date(at: str | None) -> datetime | None:
    return None if at is None else datetime.fromisoformat(at)


def _apart(one: datetime, other: datetime) -> timedelta:
    return abs(other - one)
