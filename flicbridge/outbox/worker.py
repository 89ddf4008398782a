"""One channel's worker: its queue, what is under way on it, and what becomes of it.

It has several messages under way at once (`lane.py`), so that neither a hanging provider nor an old message
that keeps failing stands in front of a new alert. How the channel fares as a whole is for its circuit
(`circuit.py`).
"""

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress
from contextvars import ContextVar
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final, Protocol, assert_never

import structlog

from flicbridge.alert.alert import Delivery, DeliveryState
from flicbridge.clock import Clock
from flicbridge.errors import Failure, StoreError
from flicbridge.observation import Observe
from flicbridge.outbox.carrier import Carrier, Handed, Later, Outcome, Refused, outcome_of
from flicbridge.outbox.circuit import Circuit
from flicbridge.outbox.hush import NOT_WANTED
from flicbridge.outbox.job import Attempt, Job
from flicbridge.outbox.lane import Entry, Lane, Lanes
from flicbridge.outbox.schedule import Schedule
from flicbridge.outbox.window import Window

log = structlog.get_logger()

# Between the end of a try and the next one, however long it hung.
SHORTEST_S: Final = 1.0

# How soon, how often and for how long to ask what became of a message that was sent.
FOLLOW: Final = Schedule(first_s=2.0, longest_s=60.0, jitter=0.0)
FOLLOW_POLLS: Final = 64  # about an hour


IS_SECRET: Final[ContextVar[bool]] = ContextVar("is_secret", default=False)
"""True in the task of a delivery that must not show in the status of its channel."""


class Ledger(Protocol):
    """Where a worker writes down what it does."""

    def is_wanted(self, delivery: Delivery) -> bool:
        """Tell whether a delivery still makes sense to its recipient."""
        ...

    def is_called_off(self, delivery: Delivery) -> bool:
        """Tell whether people have made a delivery pointless, in truth or as far as the room is to know."""
        ...

    def is_shown(self, job: Job) -> bool:
        """Tell whether the room may notice that a delivery is carried."""
        ...

    def told(self, attempt: Attempt) -> Attempt:
        """An attempt that may be noticed, as the log may tell of it."""
        ...

    async def withdraw(self, job: Job, *, really: bool) -> bool:
        """Write down that a delivery is not needed; returns whether that is news. Raises StoreError."""
        ...

    async def lease(self, job: Job) -> None:
        """Write down that a try begins. Raises StoreError."""
        ...

    async def settle(self, attempt: Attempt) -> None:
        """Write down what became of a try. Raises StoreError."""
        ...

    async def fall_over(self, delivery: Delivery) -> None:
        """Give the recipient's next channel its turn, for this one does not work. Raises StoreError."""
        ...


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
        self._schedule = schedule
        self._random = random
        self._lanes = Lanes()
        self._circuit = Circuit()
        self._window = Window(channel, self._next_shown_s, clock=clock, observe=observe)
        self._news = asyncio.Event()
        self._group: asyncio.TaskGroup | None = None
        self._hurried_s = -1.0

    def put(self, job: Job, *, wait_s: float, lives_s: float, is_fresh: bool = False) -> None:
        """Queue a job: due in `wait_s`, pointless after `lives_s` seconds; fresh if this run made it."""
        now_s = self._clock.now_s()
        self._lanes.put(job, due_s=now_s + wait_s, expires_s=now_s + lives_s, is_fresh=is_fresh)
        self._look()

    @property
    def holding(self) -> int:
        """How many messages it has in hand that nobody has taken yet."""
        return self._lanes.holding

    @property
    def is_sick(self) -> bool:
        """True while nothing gets through."""
        return self._circuit.is_open

    def hurry(self) -> None:
        """Try everything again at once that failed before: there is reason to hope, such as a network."""
        self._hurried_s = self._clock.now_s()
        self._circuit.doubt()
        self._window.doubt()
        self._lanes.hurry(self._hurried_s)
        self._look()

    def pass_time(self, seconds: float) -> None:
        """Go on as if this much more time had passed: the machine slept."""
        self._lanes.pass_time(seconds)
        self._look()

    async def run(self) -> None:
        """Carry until cancelled."""
        self._window.show()
        async with asyncio.TaskGroup() as group:
            self._group = group
            try:
                while True:
                    self._start_what_is_due()
                    await self._news_or_due()
            finally:
                self._group = None

    def _look(self) -> None:
        self._start_what_is_due()  # at once: a new alert does not wait for another turn of the loop
        self._news.set()

    def _start_what_is_due(self) -> None:
        if self._group is None:
            return
        now_s, sick, is_shown = self._clock.now_s(), self._circuit.is_open, self._ledger.is_shown
        for lane, entry in self._lanes.start_due(now_s, sick=sick, is_shown=is_shown):
            task = self._group.create_task(self._keep(entry), name=f"delivery:{entry.job.id}")
            task.add_done_callback(partial(self._landed, lane))

    def _landed(self, lane: Lane, _task: asyncio.Task[None]) -> None:
        self._lanes.landed(lane)
        self._news.set()

    async def _news_or_due(self) -> None:
        """Wait until the queue or what is under way changed, or something is due."""
        due_s = self._lanes.next_due_s(sick=self._circuit.is_open)
        self._news.clear()
        with suppress(TimeoutError):
            async with asyncio.timeout_at(due_s):
                await self._news.wait()

    async def _keep(self, entry: Entry) -> None:
        """Handle an entry; whatever goes wrong inside must not lose it, nor end the channel."""
        IS_SECRET.set(not self._ledger.is_shown(entry.job))
        try:
            await self._handle(entry)
        except Exception:
            log.exception("worker_broke", channel=self._channel, delivery=str(entry.job.id))
            await self._again(entry, Later("fault inside the bridge"), self._clock.now_s())

    async def _handle(self, entry: Entry) -> None:
        job, expired = entry.job, self._clock.now_s() >= entry.expires_s
        if job.provider_id is not None:
            await self._follow(entry)
        elif not self._ledger.is_wanted(job.delivery):
            await self._withdraw(job, really=True)
        elif expired and job.attempts > 0:  # what was never tried is tried, however late
            await self._end(job, DeliveryState.EXPIRED, f"given up after {job.attempts} tries")
        else:
            await self._try(entry)

    async def _withdraw(self, job: Job, *, really: bool) -> None:
        """Write down, and tell once, that a delivery is not needed; of a secret one it only looks so."""
        is_news = True
        try:
            is_news = await self._ledger.withdraw(job, really=really)
        except StoreError as error:
            self._store_refused(error)
        if is_news:
            now_at = self._clock.now_at()
            self._window.tell(Attempt(job, DeliveryState.WITHDRAWN, now_at, now_at, 0.0, NOT_WANTED))
            self._window.show()

    async def _try(self, entry: Entry) -> None:
        if IS_SECRET.get() and not entry.job.secret:
            await self._withdraw(entry.job, really=False)
            entry.job = replace(entry.job, secret=True)
        job = entry.job
        if not job.leased:
            job = entry.job = replace(job, attempts=job.attempts + 1, leased=True)
            await self._write(self._ledger.lease(job))
        began_s = self._clock.now_s()
        if self._circuit.is_open:
            self._fall_over(job)  # beside this try, which may succeed all the same
        self._circuit.begin()
        if not IS_SECRET.get():
            self._window.begin()
        try:
            outcome = await self._outcome(self._carrier.carry(job), job)
        except asyncio.CancelledError:
            self._circuit.under_way -= 1
            if not IS_SECRET.get():
                self._window.drop()
            raise
        self._judge(outcome, job)
        await self._conclude(entry, outcome, began_s)

    def _judge(self, outcome: Outcome, job: Job) -> None:
        """Let the channel as a whole be known by this try."""
        if isinstance(outcome, Handed):
            if self._circuit.succeed():  # it works again: nothing that failed before waits any longer
                self.hurry()
        elif self._circuit.fail():
            for waiting in list(self._lanes.retries()):
                self._fall_over(waiting)
        if not IS_SECRET.get():
            self._window.end(outcome, job)

    def _fall_over(self, job: Job) -> None:
        """Let the recipient's next channel have its turn now; nothing here waits for that."""
        if self._group is not None and job.delivery.next_after is not None:
            self._group.create_task(self._give_turn(job.delivery), name=f"fall_over:{job.id}")

    async def _give_turn(self, delivery: Delivery) -> None:
        try:
            await self._write(self._ledger.fall_over(delivery))
        except Exception:
            log.exception("worker_broke", channel=self._channel, delivery=str(delivery.id))

    async def _follow(self, entry: Entry) -> None:
        """Ask what became of a message that the provider took."""
        began_s = self._clock.now_s()
        outcome = await self._outcome(self._carrier.follow(entry.job), entry.job)
        under_way = isinstance(outcome, Handed) and outcome.state is DeliveryState.SENT
        could_not_ask = isinstance(outcome, Later) and not outcome.with_new_key
        if under_way or could_not_ask:
            self._follow_up(entry)
            return
        if not isinstance(outcome, Handed):  # taken, and failed afterwards: the next one may fare no better
            if not IS_SECRET.get():
                self._window.say_failure(outcome)
            self._fall_over(entry.job)
        await self._conclude(entry, outcome, began_s)

    async def _outcome(self, work: Coroutine[Any, Any, Handed], job: Job) -> Outcome:
        return await outcome_of(
            work,
            self._carrier.timeout_s,
            channel=self._channel,
            delivery=str(job.id),
            is_secret=IS_SECRET.get(),
        )

    async def _conclude(self, entry: Entry, outcome: Outcome, began_s: float) -> None:
        """Write down what came of a try, and queue what follows from it."""
        match outcome:
            case Handed():
                entry.job = replace(entry.job, provider_id=outcome.provider_id or entry.job.provider_id)
                await self._end(
                    entry.job, outcome.state, outcome.detail, began_s=began_s, provider_at=outcome.at
                )
                if outcome.state is DeliveryState.SENT:
                    self._follow_up(entry)
            case Later() if self._is_called_off(entry.job):
                job = replace(entry.job, provider_id=None)
                why, failure = outcome.why, outcome.failure
                await self._end(job, DeliveryState.WITHDRAWN, why, began_s=began_s, failure=failure)
            case Later():
                await self._again(entry, outcome, began_s)
            case Refused():
                await self._end(
                    entry.job, DeliveryState.FAILED, outcome.why, began_s=began_s, failure=outcome.failure
                )
            case unreachable:
                assert_never(unreachable)

    def _is_called_off(self, job: Job) -> bool:
        """True if there is no use in another try, for people have made it pointless during this one."""
        return self._ledger.is_called_off(job.delivery) and not self._ledger.is_wanted(job.delivery)

    def _next_shown_s(self) -> float | None:
        """When something is tried next, as far as the room is to know."""
        ledger = self._ledger
        return self._lanes.next_try_s(
            lambda job: ledger.is_shown(job) and not ledger.is_called_off(job.delivery)
        )

    async def _again(self, entry: Entry, later: Later, began_s: float) -> None:
        now_s = self._clock.now_s()
        # What began before there was new hope says nothing against it, and is tried again at once.
        is_stale = began_s <= self._hurried_s < now_s
        failures = 1 if is_stale else entry.failures + 1
        wait_s = self._schedule.wait_s(failures, later.asked_s, self._random)
        if later.asked_s is None:
            # A try that hung has waited already, so the pace is from one beginning to the next.
            wait_s = 0.0 if is_stale else max(wait_s - (now_s - began_s), min(wait_s, SHORTEST_S))
        key_no = entry.job.key_no + int(later.with_new_key)
        retry = replace(entry.job, leased=False, provider_id=None, key_no=key_no)
        # Queued before it is written down: a stalling disk must not hold up the next try.
        queued = self._lanes.put(retry, due_s=now_s + wait_s, expires_s=entry.expires_s, failures=failures)
        if later.asked_s is not None:
            queued.asked_s = queued.due_s
        self._look()
        if not IS_SECRET.get():
            self._window.show()
        if self._circuit.is_open:
            self._fall_over(retry)
        await self._end(
            retry, DeliveryState.QUEUED, later.why, began_s=began_s, wait_s=wait_s, failure=later.failure
        )

    def _follow_up(self, entry: Entry) -> None:
        if not self._carrier.follows or entry.job.provider_id is None or entry.polls >= FOLLOW_POLLS:
            return
        polls = entry.polls + 1
        due_s = self._clock.now_s() + FOLLOW.wait_s(polls, None, self._random)
        self._lanes.put(entry.job, due_s=due_s, expires_s=entry.expires_s, polls=polls)
        self._look()

    async def _end(
        self,
        job: Job,
        state: DeliveryState,
        detail: str,
        *,
        began_s: float | None = None,
        wait_s: float = 0.0,
        failure: Failure | None = None,
        provider_at: datetime | None = None,
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
            failure=failure,
            provider_at=provider_at,
        )
        if not IS_SECRET.get():
            self._window.tell(self._ledger.told(attempt))
        await self._write(self._ledger.settle(attempt))

    async def _write(self, work: Coroutine[Any, Any, None]) -> None:
        """Write to the ledger; a sick disk is reported there and must not keep the alert here."""
        try:
            await work
        except StoreError as error:
            self._store_refused(error)

    def _store_refused(self, error: StoreError) -> None:
        tell = log.debug if IS_SECRET.get() else log.error
        tell("store_refused", channel=self._channel, error=str(error))
