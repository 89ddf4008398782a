"""The ledger: where a press becomes an alert on disk, and where every try of a delivery is written down.

It joins the desk (what the rules say), the store (what is on disk) and the courier (what is carried), in the
one order that loses nothing: decide, commit, believe, carry, and only then may the press be acknowledged.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from uuid import UUID

import structlog

from flicbridge.alert import life
from flicbridge.alert.alert import (
    Alert,
    AlertEvent,
    AlertState,
    Delivery,
    DeliveryState,
    Happening,
)
from flicbridge.alert.desk import Change, Desk, Mark, Press, Reaction, Standing
from flicbridge.clock import Clock
from flicbridge.errors import StoreError
from flicbridge.observation import Observation, Observe
from flicbridge.outbox.job import Job
from flicbridge.outbox.store import Attempt, Store
from flicbridge.place.position import Position

log = structlog.get_logger()

CLOSE_AFTER = timedelta(days=1)
"""An alert nobody touched for so long is over; a press after that is a new call for help."""


class Effect(StrEnum):
    """What a press did."""

    RAISED = "raised"
    JOINED = "joined"
    CANCELLED = "cancelled"
    ACKNOWLEDGED = "acknowledged"
    KNOWN = "known"
    NOTHING = "nothing"


@dataclass(frozen=True, slots=True)
class Taken:
    """What became of a press.

    Attributes:
        effect: what it did.
        alert: the alert it raised, joined or moved, or None.
        safe: True once it is on disk, so that it may be acknowledged.
    """

    effect: Effect
    alert: UUID | None
    safe: bool


class Ledger:
    """Takes presses and outcomes, one at a time, and keeps desk, disk and courier agreed."""

    def __init__(
        self,
        desk: Desk,
        store: Store,
        carry: Callable[[Iterable[Job]], object],
        *,
        clock: Clock,
        observe: Observe,
    ) -> None:
        """Join the three; `carry` hands jobs to the courier."""
        self._desk = desk
        self._store = store
        self._carry = carry
        self._clock = clock
        self._observe = observe
        self._turn = asyncio.Lock()
        self._unsaved: dict[UUID, Change] = {}

    async def take(self, press: Press, mark: Mark | None, position: Position | None) -> Taken:
        """Take a press: when this returns, it is on disk and on its way (or on its way from memory)."""
        async with self._turn:
            if press.id in self._unsaved:
                await self._save_unsaved()
                return Taken(Effect.KNOWN, press.id, press.id not in self._unsaved)
            # A mark must not overtake presses that are only in memory; it comes with a later press.
            change = replace(self._desk.decide(press, position), mark=None if self._unsaved else mark)
            known, safe = await self._commit(change)
            if known is not None:
                return Taken(Effect.KNOWN, known, safe=True)
            if not safe:
                self._unsaved[press.id] = change
            self._believe(change)
        await self._clock.sleep(0)  # the messages leave first; all that is left to do here can wait for them
        taken = Taken(_effect(press, change), _alert_of(change), safe)
        log.info(
            "press_taken",
            press=str(press.id),
            effect=taken.effect.value,
            alert=str(taken.alert),
            button=press.button,
            gesture=press.gesture,
            queued=press.was_queued,
            age_s=round((press.received_at - press.pressed_at).total_seconds(), 3),
            safe=safe,
        )
        return taken

    async def note(self, mark: Mark) -> bool:
        """Write down how far a button is settled; returns True once that is on disk.

        Not while a press is only in memory: the mark would tell the button to forget it.
        """
        async with self._turn:
            await self._save_unsaved()
            return not self._unsaved and (await self._commit(Change(mark=mark)))[1]

    async def move(self, alert: UUID, what: Happening, *, by: str) -> bool:
        """Let a person acknowledge, cancel, confirm or close an alert; returns False if it moves nothing."""
        async with self._turn:
            change = self._desk.move(alert, what, by=by, at=self._clock.now_at())
            if change is None:
                return False
            await self._commit(change)
            self._believe(change)
        log.info("alert_moved", alert=str(alert), what=what.value, by=by)
        return True

    # -- what the courier needs --------------------------------------------------------------------------

    def is_wanted(self, delivery: Delivery) -> bool:
        """Tell whether a delivery still makes sense to its recipient."""
        return self._desk.is_wanted(delivery)

    async def lease(self, job: Job) -> None:
        """Write down that a try begins. Raises StoreError."""
        await self._store.lease(job)

    async def settle(self, attempt: Attempt) -> None:
        """Write down what became of a try, and what that means for the alert. Raises StoreError."""
        async with self._turn:
            event, standing = self._notified(attempt)
            if standing is not None:
                self._desk.apply(Change(standings=(standing,)))
            await self._store.settle(attempt, event, standing)

    def _notified(self, attempt: Attempt) -> tuple[AlertEvent | None, Standing | None]:
        """The first message that arrives moves its alert from raised to notified."""
        standing = self._desk.standing(attempt.job.delivery.alert)
        arrived = attempt.state in (DeliveryState.SENT, DeliveryState.DELIVERED)
        if not arrived or standing is None or standing.state is not AlertState.RAISED:
            return None, None
        by = f"recipient:{attempt.job.delivery.recipient}"
        at = attempt.at + timedelta(seconds=attempt.took_s)
        event = AlertEvent(standing.alert.id, Happening.NOTIFIED, at, by)
        return event, replace(standing, state=life.after(standing.state, Happening.NOTIFIED))

    # -- the daily round ---------------------------------------------------------------------------------

    async def tidy(self, keep: timedelta) -> None:
        """Save what a sick disk refused, close what is long over, forget what is old. Raises StoreError."""
        async with self._turn:
            await self._save_unsaved()
        now_at = self._clock.now_at()
        for standing in self._desk.stale(now_at - CLOSE_AFTER):
            await self.move(standing.alert.id, Happening.CLOSED, by="bridge")
        await self._store.prune(now_at - keep)

    # -- inside ------------------------------------------------------------------------------------------

    async def _commit(self, change: Change) -> tuple[UUID | None, bool]:
        """Commit; returns the alert a press is already in, if so, and whether it is on disk."""
        try:
            known = await self._store.commit(change, self._clock.now_at())
        except StoreError as error:
            log.error("store_refused", error=str(error), press=str(change.press))
            self._observe(Observation("store", "state", "sick"))
            self._observe(Observation("store", "error", str(error)))
            return None, False
        self._observe(Observation("store", "state", "ok"))
        self._observe(Observation("store", "error", None))
        return known, True

    async def _save_unsaved(self) -> None:
        for press, change in list(self._unsaved.items()):
            if (await self._commit(change))[1]:
                del self._unsaved[press]

    def _believe(self, change: Change) -> None:
        self._desk.apply(change)
        alerts = {standing.alert.id: standing.alert for standing in change.standings}
        self._carry(self._job(delivery, alerts[delivery.alert]) for delivery in change.deliveries)

    def _job(self, delivery: Delivery, alert: Alert) -> Job:
        """A new job; one that is due was committed as under way, and so needs no lease."""
        under_way = delivery.due_at <= self._clock.now_at()
        return Job(delivery, alert, attempts=int(under_way), leased=under_way)


def _effect(press: Press, change: Change) -> Effect:
    if not change.history:
        return Effect.NOTHING
    match press.reaction:
        case Reaction.CANCEL:
            return Effect.CANCELLED
        case Reaction.ACKNOWLEDGE:
            return Effect.ACKNOWLEDGED
        case _:
            return Effect.RAISED if change.history[0].what is Happening.RAISED else Effect.JOINED


def _alert_of(change: Change) -> UUID | None:
    return change.history[0].alert if change.history else None
