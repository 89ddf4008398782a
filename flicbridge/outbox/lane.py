"""The queue of one channel, in lanes, so that no message stands in front of a more urgent one. Pure.

First tries have a lane of their own with more room than a practice ever fills: on a network that swallows
everything, retries hang by the dozen after an outage of seconds, and a new alert must not wait for one of
them to end. Those that are young come next; those that have failed for a while, and questions about what
became of a message, can hang for as long as they like beside them. So can what the room must not notice
(`hush.py`): if it held up what shows, that would be a sign.
"""

import heapq
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import Enum
from itertools import count
from typing import Final

from flicbridge.alert.alert import Purpose
from flicbridge.outbox.job import Job

YOUNG_TRIES: Final = 4
"""After so many tries, about half a minute on a dead network, a message is no longer young."""


class Lane(Enum):
    """Which kind of entry; the value is how many of it are under way at a time, another number for each."""

    FIRST = 40
    YOUNG = 32
    OLD = 8  # few enough for a small phone
    FOLLOW = 4
    HUSHED = 33  # room for all


TO_BE_SENT: Final = (Lane.FIRST, Lane.YOUNG, Lane.OLD)
"""The lanes of what nobody has taken yet, as far as everybody may know."""


@dataclass(order=True, slots=True)
class Entry:
    """A job in the queue, by the monotonic time it is due; equal times keep their order.

    Attributes:
        due_s: not before.
        number: in the order of arrival.
        job: what to do.
        expires_s: pointless after.
        polls: how often somebody asked what became of it.
        failures: in a row, since the world last changed; sets the pace.
        asked_s: the provider asked not to be tried before this time.
        is_fresh: made by this run, and not tried yet.
    """

    due_s: float
    number: int
    job: Job = field(compare=False)
    expires_s: float = field(compare=False)
    polls: int = field(compare=False, default=0)
    failures: int = field(compare=False, default=0)
    asked_s: float = field(compare=False, default=0.0)
    is_fresh: bool = field(compare=False, default=False)

    @property
    def lane(self) -> Lane:
        """Where it queues."""
        if self.job.provider_id is not None:
            return Lane.FOLLOW
        if self.job.secret:
            return Lane.HUSHED
        if self.is_fresh:
            return Lane.FIRST
        return Lane.YOUNG if self.job.attempts <= YOUNG_TRIES else Lane.OLD

    @property
    def waits_to_be_retried(self) -> bool:
        """True if it failed before, and is neither a later step of the plan nor already sent."""
        return self.job.attempts > 0 and not self.job.leased and self.job.provider_id is None


class Lanes:
    """All that waits on one channel."""

    def __init__(self) -> None:
        self._waiting: dict[Lane, list[Entry]] = {lane: [] for lane in Lane}
        self._under_way = dict.fromkeys(Lane, 0)
        self._numbers = count()

    def put(
        self,
        job: Job,
        *,
        due_s: float,
        expires_s: float,
        polls: int = 0,
        failures: int = 0,
        is_fresh: bool = False,
    ) -> Entry:
        """Queue a job."""
        entry = Entry(due_s, next(self._numbers), job, expires_s, polls, failures, is_fresh=is_fresh)
        heapq.heappush(self._waiting[entry.lane], entry)
        return entry

    def start_due(
        self, now_s: float, *, sick: bool, is_shown: Callable[[Job], bool]
    ) -> Iterator[tuple[Lane, Entry]]:
        """Take out what may start now; call `landed` with its lane when it has ended.

        Args:
            now_s: now, monotonic.
            sick: True while nothing gets through.
            is_shown: says of a job whether the room may notice it; what it may not goes to a lane of its own.
        """
        for lane, waiting in self._waiting.items():  # the lane of what is hushed is the last
            while waiting and waiting[0].due_s <= now_s and self._has_room(lane, sick=sick):
                entry = heapq.heappop(waiting)
                if lane in TO_BE_SENT and not is_shown(entry.job):
                    heapq.heappush(self._waiting[Lane.HUSHED], entry)
                    continue
                self._under_way[lane] += 1
                yield lane, entry

    @property
    def holding(self) -> int:
        """How many messages wait or are under way that nobody has taken yet."""
        lanes = (*TO_BE_SENT, Lane.HUSHED)
        return sum(len(self._waiting[lane]) + self._under_way[lane] for lane in lanes)

    def landed(self, lane: Lane) -> None:
        """Something that was started has ended."""
        self._under_way[lane] -= 1

    def next_due_s(self, *, sick: bool) -> float | None:
        """When something may start next; None if that takes more than time."""
        heads = [w[0].due_s for lane, w in self._waiting.items() if w and self._has_room(lane, sick=sick)]
        return min(heads, default=None)

    def next_try_s(self, counts: Callable[[Job], bool]) -> float | None:
        """When one of the messages that count is tried next, whether or not there is room."""
        waiting = (entry for lane in TO_BE_SENT for entry in self._waiting[lane])
        return min((entry.due_s for entry in waiting if counts(entry.job)), default=None)

    def hurry(self, now_s: float) -> None:
        """Make every retry due, and the pace as for a first failure; except what the provider asked for."""
        for waiting in self._waiting.values():
            for entry in waiting:
                if entry.waits_to_be_retried:
                    entry.due_s = min(entry.due_s, max(now_s, entry.asked_s))
                    entry.failures = 0
            heapq.heapify(waiting)

    def pass_time(self, seconds: float) -> None:
        """Make everything due sooner by a time that no clock of ours saw pass; nothing is given up for it.

        But not reminders: those of a whole night would come as a bunch.
        """
        for waiting in self._waiting.values():
            for entry in waiting:
                if entry.job.delivery.purpose is not Purpose.REMINDER:
                    entry.due_s -= seconds
                    entry.asked_s -= seconds
            heapq.heapify(waiting)

    def retries(self) -> Iterator[Job]:
        """Every job that has failed before and waits to be tried again."""
        return (e.job for waiting in self._waiting.values() for e in waiting if e.waits_to_be_retried)

    def _has_room(self, lane: Lane, *, sick: bool) -> bool:
        """Old messages knock one at a time on a door that nobody opens: one is enough to find out."""
        limit = 1 if sick and lane is Lane.OLD else lane.value
        return self._under_way[lane] < limit
