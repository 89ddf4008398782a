"""What the plan lets happen by itself: channels whose turn comes, reminders that are not needed, and the end.

The ledger asks, within its own turn, so that all of it agrees with the presses and outcomes it writes down.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from flicbridge.alert import life
from flicbridge.alert.agenda import Agenda
from flicbridge.alert.alert import Alert, AlertKind, Delivery, DeliveryState, Purpose
from flicbridge.alert.desk import Desk, Standing
from flicbridge.alert.plan import overtaken
from flicbridge.clock import Clock, is_credible
from flicbridge.errors import StoreError
from flicbridge.outbox.due import due_after_restart, due_of_new
from flicbridge.outbox.job import Attempt, Job
from flicbridge.outbox.store import Store

log = structlog.get_logger()

# After a restart an alert is not given up before what fell due meanwhile has left the house.
GRACE_S: Final = 60.0


class Turns:
    """Keeps the agenda of this bridge's alerts."""

    def __init__(
        self, desk: Desk, store: Store, carry: Callable[[Iterable[Job]], object], *, clock: Clock
    ) -> None:
        self._desk = desk
        self._store = store
        self._carry = carry
        self._clock = clock
        self._agenda = Agenda()
        self._alerts: dict[UUID, Alert] = {}
        self._owed: defaultdict[tuple[UUID, str], set[UUID]] = defaultdict(set)
        self._news = asyncio.Event()

    # -- what the ledger tells ---------------------------------------------------------------------------

    def begin(self, jobs: Iterable[Job]) -> list[Job]:
        """Take over new deliveries; returns those that are not kept in reserve."""
        at_once = []
        for job in jobs:
            if job.delivery.turn:
                self._keep(job, due_of_new(job.delivery).wait_s)
            else:
                at_once.append(job)
        return at_once

    def believe(self, standings: Iterable[Standing]) -> None:
        """Follow how alerts stand now."""
        for standing in standings:
            alert = standing.alert
            if standing.state in life.OVER:
                self._forget(alert.id)
            elif standing.state in life.ANSWERED or alert.kind is AlertKind.TEST:
                self._agenda.answered(alert.id)
            elif not self._agenda.has_end(alert.id):
                self._end(alert.id, self._desk.plan.give_up_after.total_seconds())

    def after(self, attempt: Attempt) -> list[Job]:
        """Note what became of a try; returns what leaves in its place because the channel failed for good."""
        job = attempt.job
        if attempt.state is DeliveryState.QUEUED:
            self._owed[job.delivery.alert, job.delivery.channel].add(job.id)
        else:
            self.settled(job)
        following = self._agenda.after(job.delivery, attempt.state)
        return [] if following is None else [self._take(following, is_known=not job.secret)]

    def settled(self, job: Job) -> None:
        """Note that a delivery is not tried any more."""
        place = job.delivery.alert, job.delivery.channel
        self._owed[place].discard(job.id)
        if not self._owed[place]:
            del self._owed[place]

    def instead_of(self, delivery: Delivery) -> list[Job]:
        """Return what leaves beside a delivery whose channel does not work, while nobody has answered.

        That one goes on being tried: told twice is better than not at all.
        """
        if not self._is_unanswered(delivery.alert):
            return []
        following = self._agenda.after(delivery, DeliveryState.FAILED)
        return [] if following is None else [self._take(following, is_known=False)]

    def is_overtaken(self, delivery: Delivery) -> bool:
        """True of a reminder while what it reminds of is still being tried over the same channel."""
        if delivery.purpose is not Purpose.REMINDER:
            return False
        return bool(self._owed.get((delivery.alert, delivery.channel), set()) - {delivery.id})

    # -- time --------------------------------------------------------------------------------------------

    async def wait(self) -> None:
        """Return when something is due."""
        while True:
            next_s = self._agenda.next_s
            if next_s is not None and next_s <= self._clock.now_s():
                return
            self._news.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout_at(next_s):
                    await self._news.wait()

    def pass_time(self, seconds: float) -> None:
        """Go on as if this much more time had passed: the machine slept."""
        self._agenda.pass_time(seconds)
        self._news.set()

    async def release(self) -> None:
        """Let those leave whose turn has come because nobody answered in time."""
        taken = []
        for delivery in self._agenda.due(self._clock.now_s()):
            if self._is_unanswered(delivery.alert):
                taken.append(self._take(delivery, is_known=False))
            else:
                self._agenda.hold(delivery)
        try:
            if taken:
                await self._store.release(taken, self._clock.now_at())
        except StoreError as error:
            log.error("store_refused", error=str(error))
        finally:
            self._carry(taken)

    def ended(self) -> list[UUID]:
        """Alerts that nobody has answered to the end; each is told once."""
        return self._agenda.take_ended(self._clock.now_s())

    # -- a restart ---------------------------------------------------------------------------------------

    def expect_ends(self) -> None:
        """Let open alerts of an earlier run come to their end, once the desk knows them again."""
        for standing in self._desk.known:
            is_open = standing.state in life.WAITING and standing.alert.kind is not AlertKind.TEST
            if is_open and not self._agenda.has_end(standing.alert.id):
                self._end(standing.alert.id, self._left_s(standing.alert))

    def take_up(
        self, unfinished: Sequence[Job], reserved: Sequence[Job], longest_wait: timedelta
    ) -> list[Job]:
        """Take over what an earlier run left, or some of it.

        Returns:
            Reminders that fell due while the bridge was down and are not needed any more.
        """
        now = self._clock.reading()
        untaken = [job for job in unfinished if job.provider_id is None]
        for job in untaken:
            if job.attempts:
                self._owed[job.delivery.alert, job.delivery.channel].add(job.id)

        def dated(job: Job) -> Delivery:
            """Due by the clock of now, whichever clock dated it."""
            wait = timedelta(seconds=due_after_restart(job, now, longest_wait).wait_s)
            return replace(job.delivery, due_at=now.at + wait)

        pointless = overtaken(map(dated, untaken), now.at) | overtaken(map(dated, reserved), now.at)
        for job in reserved:
            if job.id not in pointless:
                self._keep(job, due_after_restart(job, now, longest_wait).wait_s)
        return [job for job in (*untaken, *reserved) if job.id in pointless]

    def _left_s(self, alert: Alert) -> float:
        """How long an alert may still go unanswered.

        It has the whole time again if a wrong clock dated it, or if the machine restarted since: the clock
        may be ahead now, and an alert of minutes ago must not look as if nobody had answered for days.
        """
        now, whole = self._clock.reading(), self._desk.plan.give_up_after
        received_at = alert.received_at + now.error_of(alert.received_at, alert.received_up)
        if now.up.since_s(alert.received_up) is None or not is_credible(received_at):
            return whole.total_seconds()
        return min(max((received_at + whole - now.at).total_seconds(), GRACE_S), whole.total_seconds())

    # -- inside ------------------------------------------------------------------------------------------

    def _keep(self, job: Job, wait_s: float) -> None:
        self._alerts[job.alert.id] = job.alert
        self._agenda.keep(job.delivery, self._clock.now_s() + wait_s)
        self._news.set()

    def _end(self, alert: UUID, in_s: float) -> None:
        self._agenda.end(alert, self._clock.now_s() + in_s)
        self._news.set()

    def _forget(self, alert: UUID) -> None:
        self._agenda.forget(alert)
        self._alerts.pop(alert, None)

    def _take(self, delivery: Delivery, *, is_known: bool) -> Job:
        """Take one out of reserve.

        Args:
            delivery: which one.
            is_known: True if the room sees a reason for it that counts even once somebody has answered.
        """
        taken = self._agenda.take(delivery, self._clock.now_s())
        self._news.set()
        secret = self._desk.is_hushed(taken.alert) and not (is_known and self._desk.is_seen_wanted(taken))
        tell = log.debug if secret else log.info
        tell("turn_came", delivery=str(taken.id), channel=taken.channel, alert=str(taken.alert))
        standing = self._desk.standing(taken.alert)
        return Job(taken, self._alerts[taken.alert], code=standing.code if standing else "", secret=secret)

    def _is_unanswered(self, alert: UUID) -> bool:
        standing = self._desk.standing(alert)
        return standing is not None and standing.state in life.WAITING
