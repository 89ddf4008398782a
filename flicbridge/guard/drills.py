"""When a drill is due, and whether it is overdue. Pure.

A drill is owed from the first of its times after the one before took place. A bridge that was off then makes
it up once it is on again: only by day, for it tells people, and never while somebody calls for help. The
self-test is silent and may come at any hour. What is owed for long makes the status say so.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from flicbridge.alert.alert import DeliveryState
from flicbridge.alert.cadence import DAY, Cadence
from flicbridge.alert.drill import DrillKind, DrillResult, Found
from flicbridge.clock import is_credible
from flicbridge.observation import Value

ON_TIME: Final = timedelta(hours=1)
"""This long after its time a drill is not made up, it is held: at whatever hour was agreed on."""

MORNING, EVENING = 7, 21
"""Only between these hours are people told of what is made up."""

RETRY: Final = timedelta(minutes=15)
"""A self-test that failed is tried again so soon: nobody is disturbed, and it may have been a busy moment."""


@dataclass(frozen=True, slots=True)
class Held:
    """The last drill of a kind that took place: when, and with which result."""

    at: datetime
    result: DrillResult


@dataclass(frozen=True, slots=True)
class Timetable:
    """When one kind of drill takes place.

    Attributes:
        kind: which.
        cadence: its times.
        zone: where the practice's clock is.
    """

    kind: DrillKind
    cadence: Cadence
    zone: ZoneInfo

    @property
    def grace(self) -> timedelta:
        """How long it may be owed before it is overdue: half a day, two days, a week."""
        if self.cadence.longest == DAY:
            return timedelta(hours=12)
        return timedelta(days=2) if self.cadence.ordinal is None else timedelta(days=7)

    def due_at(self, last: Held | None, since_at: datetime, now_at: datetime) -> datetime:
        """When the next one is due, or was, UTC.

        Args:
            last: the last one that took place.
            since_at: since when this kind is in the settings: what was before is not made up.
            now_at: now. A last one that lies far ahead of it was dated by a clock that was wrong.
        """
        if last is not None and self._is_credible(last.at, now_at):
            due_at = self.cadence.after(last.at, self.zone)
            retries = self.kind is DrillKind.SELF and last.result is DrillResult.FAILED
            return min(due_at, last.at + RETRY) if retries else due_at
        since_at = min(since_at, now_at)
        # What was never tried is not known to work, and trying it tells nobody.
        return since_at if self.kind is DrillKind.SELF else self.cadence.after(since_at, self.zone)

    def may_begin(self, due_at: datetime, now_at: datetime, *, is_calm: bool) -> bool:
        """Tell whether it is to begin now.

        Args:
            due_at: from `due_at`.
            now_at: now, UTC.
            is_calm: no alert is open.
        """
        if not is_calm or now_at < due_at or not is_credible(now_at):
            return False
        is_day = MORNING <= now_at.astimezone(self.zone).hour < EVENING
        return self.kind is DrillKind.SELF or is_day or now_at - due_at <= ON_TIME

    def overdue_at(self, due_at: datetime) -> datetime:
        """From when on the status says that it is missing."""
        return due_at + self.grace

    def _is_credible(self, last_at: datetime, now_at: datetime) -> bool:
        return is_credible(last_at) and last_at - now_at <= self.cadence.longest


ARRIVED: Final = frozenset({DeliveryState.SENT, DeliveryState.DELIVERED})
OVER: Final = frozenset({DeliveryState.FAILED, DeliveryState.EXPIRED, DeliveryState.WITHDRAWN})


@dataclass(frozen=True, slots=True)
class Told:
    """How one message of a real drill stands.

    Attributes:
        recipient, channel, state: as in `Delivery`.
        follows: whether its channel will still say that it was delivered.
        error: what went wrong last.
        took_ms: from the press until it was there, as far as is known; None while it is not.
    """

    recipient: str
    channel: str
    state: DeliveryState
    follows: bool
    error: str = ""
    took_ms: float | None = None

    @property
    def is_there(self) -> bool:
        """As far as its channel can ever know."""
        return self.state is DeliveryState.DELIVERED or (
            self.state is DeliveryState.SENT and not self.follows
        )

    @property
    def is_under_way(self) -> bool:
        """Whether more will be known of it."""
        return not self.is_there and self.state not in OVER


def found_of(messages: Iterable[Told], *, is_late: bool) -> Found | None:
    """What a real drill found out; None while more may come.

    Everybody has to be reached, each over one channel at least. Channels in reserve whose turn never came
    have nothing to say.

    Args:
        messages: all of them, as they stand.
        is_late: nothing more is waited for.
    """
    told = [message for message in messages if message.state is not DeliveryState.RESERVE]
    recipients = {message.recipient for message in told}
    reached = {message.recipient for message in told if message.is_there}
    if not is_late and (not told or any(message.is_under_way for message in told)):
        return None
    took_ms = {message.channel: message.took_ms for message in told}
    wrong = [message for message in told if message.state not in ARRIVED]
    why = "; ".join(f"{message.channel}: {message.error or message.state.value}" for message in wrong)
    accepted = reached | {message.recipient for message in told if message.state in ARRIVED}
    if not told or recipients - accepted:
        return Found(DrillResult.FAILED, why or "nothing is known of its messages", took_ms)
    if wrong:
        return Found(DrillResult.PARTLY, why, took_ms)
    return Found(DrillResult.SENT if recipients - reached else DrillResult.OK, "", took_ms)


FACTS: Final = ("at", "result", "detail", "due_at", "overdue_at")
"""What the board knows of one kind; all of it None if that kind does not take place."""


def facts_of(last: Held | None, detail: str, due_at: datetime, overdue_at: datetime) -> Mapping[str, Value]:
    """The same, of one that does."""
    at, result = (None, None) if last is None else (_iso(last.at), last.result.value)
    return dict(zip(FACTS, (at, result, detail, _iso(due_at), _iso(overdue_at)), strict=True))


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds")
