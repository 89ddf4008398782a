"""One channel's worker: its queue, what is under way on it, and what becomes of it.

It has several messages under way at once, so that neither a hanging provider nor an old message that keeps
failing stands in front of a new alert.
"""

import asyncio
import heapq
from collections.abc import Callable, Coroutine
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from itertools import count
from typing import Any, Final, Protocol, assert_never

import structlog

from flicbridge.alert.alert import Delivery, DeliveryState
from flicbridge.clock import Clock
from flicbridge.errors import StoreError
from flicbridge.observation import Observation, Observe
from flicbridge.outbox.carrier import Carrier, Handed, Later, Outcome, Refused, outcome_of
from flicbridge.outbox.job import Job
from flicbridge.outbox.schedule import Schedule
from flicbridge.outbox.store import Attempt

log = structlog.get_logger()

# Enough that a provider which hangs on some messages does not delay the next, few enough for a small phone.
IN_FLIGHT: Final = 8

# How soon, how often and for how long to ask what became of a message that was sent.
FOLLOW: Final = Schedule(first_s=2.0, longest_s=60.0, jitter=0.0)
FOLLOW_POLLS: Final = 64  # about an hour


class Ledger(Protocol):
    """Where a worker writes down what it does."""

    def is_wanted(self, delivery: Delivery) -> bool:
        """Tell whether a delivery still makes sense to its recipient."""
        ...

    async def lease(self, job: Job) -> None:
        """Write down that a try begins. Raises StoreError."""
        ...

    async def settle(self, attempt: Attempt) -> None:
        """Write down what became of a try. Raises StoreError."""
        ...


@dataclass(order=True, slots=True)
class _Entry:
    """A job in the queue, by the monotonic time it is due; equal times keep their order."""

    due_s: float
    number: int
    job: Job = field(compare=False)
    expires_s: float = field(compare=False)
    polls: int = field(compare=False, default=0)


class Worker:
    """Carries the messages of one channel."""

    def __init__(
        self,
        channel: str,
        carrier: Carrier,
        ledger: Ledger,
        *,
        clock: Clock,
        observe: Observe,
        schedule: Schedule,
        random: Callable[[], float],
    ) -> None:
        self._channel = channel
        self._carrier = carrier
        self._ledger = ledger
        self._clock = clock
        self._observe = observe
        self._schedule = schedule
        self._random = random
        self._queue: list[_Entry] = []
        self._numbers = count()
        self._news = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._in_flight = 0
        self._failures = 0

    def put(self, job: Job, *, wait_s: float, lives_s: float) -> None:
        """Queue a job: due in `wait_s`, pointless after `lives_s` seconds."""
        now_s = self._clock.now_s()
        self._push(_Entry(now_s + wait_s, next(self._numbers), job, now_s + lives_s))

    async def run(self) -> None:
        """Carry until cancelled."""
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                while True:
                    self._start_what_is_due()
                    await self._news_or_due()
            finally:
                self._group = None

    def _push(self, entry: _Entry) -> None:
        heapq.heappush(self._queue, entry)
        self._start_what_is_due()  # at once: a new alert does not wait for another turn of the loop
        self._news.set()

    def _start_what_is_due(self) -> None:
        now_s = self._clock.now_s()
        while self._group and self._queue and self._queue[0].due_s <= now_s and self._in_flight < IN_FLIGHT:
            entry = heapq.heappop(self._queue)
            self._in_flight += 1
            task = self._group.create_task(self._keep(entry), name=f"delivery:{entry.job.id}")
            task.add_done_callback(self._landed)

    def _landed(self, _task: asyncio.Task[None]) -> None:
        self._in_flight -= 1
        self._news.set()

    async def _news_or_due(self) -> None:
        """Wait until the queue or the number under way changed, or its head is due."""
        may_start = self._queue and self._in_flight < IN_FLIGHT
        due_s = self._queue[0].due_s if may_start else None
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due_s):
                await self._news.wait()

    async def _keep(self, entry: _Entry) -> None:
        """Handle an entry; whatever goes wrong inside must not lose it, nor end the channel."""
        try:
            await self._handle(entry)
        except Exception:
            log.exception("worker_broke", channel=self._channel, delivery=str(entry.job.id))
            await self._again(entry, Later("fault inside the bridge"), self._clock.now_s())

    async def _handle(self, entry: _Entry) -> None:
        job, expired = entry.job, self._clock.now_s() >= entry.expires_s
        if job.provider_id is not None:
            await self._follow(entry)
        elif not self._ledger.is_wanted(job.delivery):
            await self._end(job, DeliveryState.WITHDRAWN, "the alert was answered or cancelled first")
        elif expired and job.attempts > 0:  # what was never tried is tried, however late
            await self._end(job, DeliveryState.EXPIRED, f"given up after {job.attempts} tries")
        else:
            await self._try(entry)

    async def _try(self, entry: _Entry) -> None:
        job = entry.job
        if not job.leased:
            job = entry.job = replace(job, attempts=job.attempts + 1, leased=True)
            await self._write(self._ledger.lease(job))
        began_s = self._clock.now_s()
        outcome = await self._outcome(self._carrier.carry(job), job)
        await self._conclude(entry, outcome, began_s)

    async def _follow(self, entry: _Entry) -> None:
        """Ask what became of a message that the provider took."""
        began_s = self._clock.now_s()
        outcome = await self._outcome(self._carrier.follow(entry.job), entry.job)
        under_way = isinstance(outcome, Handed) and outcome.state is DeliveryState.SENT
        could_not_ask = isinstance(outcome, Later) and not outcome.with_new_key
        if under_way or could_not_ask:
            self._follow_up(entry)
        else:
            await self._conclude(entry, outcome, began_s)

    async def _outcome(self, work: Coroutine[Any, Any, Handed], job: Job) -> Outcome:
        return await outcome_of(work, self._carrier.timeout_s, channel=self._channel, delivery=str(job.id))

    async def _conclude(self, entry: _Entry, outcome: Outcome, began_s: float) -> None:
        """Write down what came of a try, and queue what follows from it."""
        match outcome:
            case Handed():
                self._say("ok", None)
                entry.job = replace(entry.job, provider_id=outcome.provider_id or entry.job.provider_id)
                await self._end(entry.job, outcome.state, outcome.detail, began_s=began_s)
                if outcome.state is DeliveryState.SENT:
                    self._follow_up(entry)
            case Later():
                await self._again(entry, outcome, began_s)
            case Refused():
                self._say("refused", outcome.why)
                await self._end(entry.job, DeliveryState.FAILED, outcome.why, began_s=began_s)
            case unreachable:
                assert_never(unreachable)

    async def _again(self, entry: _Entry, later: Later, began_s: float) -> None:
        self._say("failing", later.why)
        wait_s = self._schedule.wait_s(entry.job.attempts, later.asked_s, self._random)
        key_no = entry.job.key_no + int(later.with_new_key)
        retry = replace(entry.job, leased=False, provider_id=None, key_no=key_no)
        # Queued before it is written down: a stalling disk must not hold up the next try.
        self._push(_Entry(self._clock.now_s() + wait_s, next(self._numbers), retry, entry.expires_s))
        await self._end(retry, DeliveryState.QUEUED, later.why, began_s=began_s, wait_s=wait_s)

    def _follow_up(self, entry: _Entry) -> None:
        if not self._carrier.follows or entry.job.provider_id is None or entry.polls >= FOLLOW_POLLS:
            return
        polls = entry.polls + 1
        due_s = self._clock.now_s() + FOLLOW.wait_s(polls, None, self._random)
        self._push(_Entry(due_s, next(self._numbers), entry.job, entry.expires_s, polls))

    async def _end(
        self,
        job: Job,
        state: DeliveryState,
        detail: str,
        *,
        began_s: float | None = None,
        wait_s: float = 0.0,
    ) -> None:
        """Write down where a try has left a delivery."""
        now_s, now_at = self._clock.now_s(), self._clock.now_at()
        took_s = 0.0 if began_s is None else now_s - began_s
        attempt = Attempt(
            job=job,
            state=state,
            due_at=now_at + timedelta(seconds=wait_s),
            at=now_at - timedelta(seconds=took_s),
            took_s=took_s,
            detail=detail,
        )
        log.info(
            "delivery",
            state=state.value,
            delivery=str(job.id),
            alert=str(job.delivery.alert),
            channel=self._channel,
            purpose=job.delivery.purpose.value,
            attempt=job.attempts,
            took_s=round(took_s, 4),
            detail=detail,
        )
        await self._write(self._ledger.settle(attempt))

    async def _write(self, work: Coroutine[Any, Any, None]) -> None:
        """Write to the ledger; a sick disk is reported there and must not keep the alert here."""
        try:
            await work
        except StoreError as error:
            log.error("store_refused", channel=self._channel, error=str(error))

    def _say(self, state: str, error: str | None) -> None:
        self._failures = 0 if error is None else self._failures + 1
        subject = f"channel:{self._channel}"
        self._observe(Observation(subject, "state", state))
        self._observe(Observation(subject, "last_error", error))
        self._observe(Observation(subject, "failures_in_a_row", float(self._failures)))
