"""The ledger: where a press becomes an alert on disk, and where every try of a delivery is written down.

It joins the desk (what the rules say), the store (what is on disk) and the courier (what is carried), in the
one order that loses nothing: decide, commit, believe, carry, and only then may the press be acknowledged.
"""

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from uuid import UUID, uuid4

import structlog

from flicbridge.alert.alert import (
    AlertEvent,
    AlertState,
    Delivery,
    DeliveryState,
    Happening,
    Purpose,
    Way,
)
from flicbridge.alert.desk import BRIDGE, Change, Desk, Mark, Press, Reaction, Standing
from flicbridge.alert.moves import Said
from flicbridge.clock import Clock, Reading
from flicbridge.errors import StoreError
from flicbridge.observation import Observation, Observe
from flicbridge.outbox.hush import Hush
from flicbridge.outbox.job import Attempt, Job
from flicbridge.outbox.store import Store
from flicbridge.outbox.turns import Turns
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
        # What the courier writes down, one at a time: hundreds of tries may end at once when a network comes
        # back, and a press that comes then waits for one commit and not for all of theirs.
        self._errand = asyncio.Lock()
        self.turns = Turns(desk, store, carry, clock=clock)
        # What a sick disk refused of presses and of people's answers, oldest first, by the press or message.
        self._unsaved: dict[UUID, Change] = {}
        self._dated: Reading | None = None  # by which reading of the clock the desk is dated
        self._redated: set[UUID] = set()  # and what of that is not on disk yet
        self._hush = Hush(desk)

    async def take(self, press: Press, mark: Mark | None, position: Position | None) -> Taken:
        """Take a press: when this returns, it is on disk and on its way (or on its way from memory)."""
        async with self._turn:
            if press.id in self._unsaved:
                await self._save_unsaved()
                return Taken(Effect.KNOWN, press.id, safe=not self._unsaved)
            press = press.redated(self._redate())
            # A mark must not overtake presses that are only in memory; it comes with a later press.
            change = replace(self._desk.decide(press, position), mark=None if self._unsaved else mark)
            known, safe = await self._commit(change)
            if known is not None:
                return Taken(Effect.KNOWN, known, safe=True)
            if not safe and change.history:  # a press that means nothing is not owed to anybody
                self._unsaved[press.id] = change
            self._believe(change)
            if safe and self._unsaved:  # whoever is told that this one is safe forgets those before it
                await self._save_unsaved()
                safe = not self._unsaved
        await self._clock.sleep(0)  # the messages leave first; all that is left to do here can wait for them
        taken = Taken(_effect(press, change), _alert_of(change), safe)
        if taken.effect is Effect.RAISED:
            self._observe(Observation("alerts", "last_kind", change.standings[0].alert.kind.value))
        tell = log.debug if taken.effect is Effect.NOTHING else log.info  # a canary sings all day
        tell(
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

    async def move(
        self,
        alert: UUID,
        what: Happening,
        *,
        by: str,
        way: Way = Way.NONE,
        said_at: datetime | None = None,
        reply: UUID | None = None,
        is_proven: bool = True,
    ) -> bool:
        """Let a person acknowledge, cancel, confirm or close an alert.

        Args:
            alert, what: which alert, and what.
            by, way, said_at, is_proven: as in `Said`.
            reply: id of the message that says so; the same one counts once.

        Returns:
            Whether it moves. To somebody in the room that is told as if nothing were ever doubted.
        """
        now = self._clock.reading()
        said = Said(by, now.at, way, said_at, reply, is_proven, now.up)
        async with self._turn:
            if reply in self._unsaved:  # read again before it is on disk
                return False
            self._redate()
            moves, is_secret = self._desk.may_move(alert, what, said), self._desk.is_secret(alert, what, said)
            change = self._desk.move(alert, what, said)
            if change is not None:
                in_order = await self._save_unsaved()
                known, safe = await self._commit(change) if in_order else (None, False)
                moves = moves and known is None
                if not safe and change.history:
                    self._unsaved[reply or uuid4()] = change
                if known is None:
                    self._believe(change)
        if moves:
            (log.debug if is_secret else log.info)("alert_moved", alert=str(alert), what=what.value, by=by)
            if by.startswith("recipient:") and not is_secret:
                at = self._clock.now_at().isoformat(timespec="milliseconds")
                self._observe(Observation(by, "last_ack_at", at))
        return moves

    # -- what the courier needs --------------------------------------------------------------------------

    def is_wanted(self, delivery: Delivery) -> bool:
        """Tell whether a delivery still makes sense to its recipient."""
        return self._desk.is_wanted(delivery) and not self.turns.is_overtaken(delivery)

    def is_called_off(self, delivery: Delivery) -> bool:
        """Tell whether people have made a delivery pointless, in truth or as far as the room is to know."""
        return not self._desk.is_wanted(delivery) or self._hush.is_called_off(delivery)

    def is_shown(self, job: Job) -> bool:
        """Tell whether the room may notice that a delivery is carried."""
        return self._hush.is_shown(job)

    def told(self, attempt: Attempt) -> Attempt:
        """An attempt that may be noticed, as the log may tell of it."""
        return self._hush.told(attempt)

    async def withdraw(self, job: Job, *, really: bool) -> bool:
        """Write down that a delivery is not needed, in truth or as far as the room sees.

        Returns:
            Whether that was not written down before. Raises StoreError.
        """
        async with self._errand, self._turn:
            if really:
                self.turns.settled(job)
            return await self._store.withdraw(job, self._clock.now_at(), really=really)

    async def lease(self, job: Job) -> None:
        """Write down that a try begins. Raises StoreError."""
        async with self._errand:
            await self._store.lease(job)

    async def settle(self, attempt: Attempt) -> None:
        """Write down what became of a try, and what that means for the alert. Raises StoreError."""
        async with self._errand, self._turn:
            event, standing = self._notified(attempt)
            if standing is not None:
                self._desk.apply(Change(standings=(standing,)))

            def stands() -> Standing | None:
                return None if standing is None else self._desk.standing(standing.alert.id)

            released = self.turns.after(attempt)
            waits = attempt.state is DeliveryState.QUEUED
            hide = waits and not attempt.job.secret and self._hush.is_called_off(attempt.job.delivery)
            try:
                later = not await self._save_unsaved()  # nothing comes on disk before the press it is about
                await self._store.settle(attempt, event, stands, released, hide=hide, later=later)
            finally:
                self._carry(released)  # a sick disk must not hold back the next channel
                if event is not None and standing is not None:
                    await self._confirm_test(attempt, standing, event.at)

    async def _confirm_test(self, attempt: Attempt, standing: Standing, at: datetime) -> None:
        """Tell the doctor that a test got through, if it is one."""
        change = self._desk.confirm_test(standing, attempt.job.delivery, attempt.state, at)
        if change.deliveries:
            if not (await self._commit(change))[1]:
                self._unsaved[uuid4()] = change
            self._believe(change)

    async def fall_over(self, delivery: Delivery) -> None:
        """Give the recipient's next channel its turn, for this one does not work. Raises StoreError."""
        async with self._errand, self._turn:
            released = self.turns.instead_of(delivery)
            try:
                if released:
                    await self._store.release(released, self._clock.now_at())
            finally:
                self._carry(released)  # a sick disk must not hold back the next channel

    def _notified(self, attempt: Attempt) -> tuple[AlertEvent | None, Standing | None]:
        """The first message that arrives moves its alert from raised to notified."""
        standing = self._desk.standing(attempt.job.delivery.alert)
        arrived = attempt.state in (DeliveryState.SENT, DeliveryState.DELIVERED)
        arrived = arrived and attempt.job.delivery.purpose is not Purpose.TESTED  # that tells no helper
        if not arrived or standing is None or standing.state is not AlertState.RAISED:
            return None, None
        by = f"recipient:{attempt.job.delivery.recipient}"
        at = attempt.at + timedelta(seconds=attempt.took_s)
        event = AlertEvent(standing.alert.id, Happening.NOTIFIED, at, by)
        return event, standing.after(Happening.NOTIFIED)

    async def keep_time(self) -> None:
        """Do what the plan lets happen while nobody answers; for ever."""
        while True:
            await self.turns.wait()
            async with self._turn:
                await self.turns.release()
            for alert in self.turns.ended():
                tell = log.debug if self._desk.is_hushed(alert) else log.error
                tell("alert_unanswered", alert=str(alert))
                await self.move(alert, Happening.UNANSWERED, by=BRIDGE)

    # -- the daily round ---------------------------------------------------------------------------------

    async def tidy(self, keep: timedelta | None) -> None:
        """Save what a sick disk refused, close what is long over, forget what is old. Raises StoreError.

        Args:
            keep: how long alerts are remembered; None while the clock must not say what is old.
        """
        await self.pay()
        await self.redate()
        if keep is None:
            return
        now_at = self._clock.now_at()
        for standing in self._desk.stale(now_at - CLOSE_AFTER):
            await self.move(standing.alert.id, Happening.CLOSED, by=BRIDGE)
        await self._store.prune(now_at - keep)

    @property
    def owed(self) -> int:
        """How many presses, answers and outcomes are only in memory."""
        return len(self._unsaved) + self._store.owed

    async def pay(self) -> None:
        """Write down what a sick disk refused. Raises StoreError if it still does."""
        async with self._turn:
            if await self._save_unsaved():
                await self._store.pay()

    async def redate(self) -> None:
        """Date anew what a wrong clock has dated, in memory and on disk. Raises StoreError."""
        async with self._turn:
            now = self._redate()
            redated = tuple(s for s in map(self._desk.standing, self._redated) if s is not None)
            if redated:
                await self._store.commit(Change(standings=redated), now.at)
                log.info("alerts_redated", alerts=len(redated))
            self._redated.clear()
        await self._store.redate(now)

    # -- inside ------------------------------------------------------------------------------------------

    def _redate(self) -> Reading:
        """Let the desk speak of the wall clock of now; returns that."""
        now = self._clock.reading()
        if self._dated is None or now.error_of(self._dated.at, self._dated.up):
            self._redated |= {standing.alert.id for standing in self._desk.redate(now)}
            self._dated = now
        return now

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

    async def _save_unsaved(self) -> bool:
        """Write down what a sick disk refused, as it stands by now: nothing that happened since is undone.

        Returns:
            Whether all of it is on disk; where it is not, not all was tried.
        """
        for key, change in list(self._unsaved.items()):
            standings = tuple(
                self._desk.standing(old.alert.id) or replace(old, state=AlertState.CLOSED)
                for old in change.standings
            )
            if not (await self._commit(replace(change, standings=standings)))[1]:
                return False
            del self._unsaved[key]
        return True

    def _believe(self, change: Change) -> None:
        self._desk.apply(change)
        standings = {standing.alert.id: standing for standing in change.standings}
        self.turns.believe(change.standings)
        self._carry(
            self.turns.begin(self._job(delivery, standings[delivery.alert]) for delivery in change.deliveries)
        )

    def _job(self, delivery: Delivery, standing: Standing) -> Job:
        """A new job; one that leaves at once was committed as under way, and so needs no lease."""
        under_way = delivery.at_once
        made_up = self._clock.reading().up
        return Job(
            delivery,
            standing.alert,
            attempts=int(under_way),
            leased=under_way,
            made_up=made_up,
            code=standing.code,
        )


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
