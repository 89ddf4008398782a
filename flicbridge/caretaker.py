"""Looks after the store while the bridge runs: what an earlier run left, a disk that comes and goes, history.

Of a long queue only the newest messages are taken into memory at once, for somebody may still be waiting for
them; the rest follows as the channels get through, each when it is due.
"""

import asyncio
import math
from collections import defaultdict
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Final
from uuid import UUID

import structlog

from flicbridge.alert.desk import Change, Desk
from flicbridge.clock import Clock, Reading
from flicbridge.errors import StoreError
from flicbridge.guard.board import Board
from flicbridge.observation import Observation
from flicbridge.outbox.backlog import Backlog
from flicbridge.outbox.courier import Courier
from flicbridge.outbox.job import Job
from flicbridge.outbox.ledger import Ledger
from flicbridge.outbox.store import Store

log = structlog.get_logger()

TIDY_EVERY_S: Final = 300.0
MEND_EVERY_S: Final = 10.0
# A disk that is well is looked at, and written to only so often: on a memory card a write of one byte wears
# as much as one of some thousand, and every press and every outcome tries the disk as well.
PROBE_EVERY_S: Final = 600.0
# A sick disk is tried again soon, for until then presses are in memory only; but one that takes its time to
# refuse is left alone ten times as long, since a press would have to wait behind the try.
SICK_EVERY_S: Final = 1.0
REST: Final = 10.0
# While messages are due that the channels have no room for; and while none is, for the clock may be set.
FEED_EVERY_S: Final = 0.5
LOOK_EVERY_S: Final = 10.0
# Network time comes within minutes; a clock that is years ahead until then must not cost the history.
TRUSTED_AFTER_S: Final = 1800.0

# So many messages of an earlier run are taken up at once, the newest: more than a practice ever owes.
AT_ONCE: Final = 64
# So many of the rest one channel holds at a time while nothing gets through it, so that trying them again and
# again leaves disk and processor to the next press; and so many when it works, which it reaches by doubling.
KNOCKING: Final = 8
IN_HAND: Final = 256

type TakeUp = Callable[[Sequence[Job], Sequence[Job]], Awaitable[None]]
"""Takes up messages that an earlier run left: those that are owed, and those in reserve."""


def mend_in_s(*, is_well: bool, took_s: float) -> float:
    """When to look at the disk again, after a look that took so long."""
    return MEND_EVERY_S if is_well else min(max(SICK_EVERY_S, REST * took_s), MEND_EVERY_S)


def may_be_spared(*, is_well: bool, probed_ago_s: float) -> bool:
    """Whether a look at the disk need write nothing, that long after something was written to try it."""
    return is_well and probed_ago_s < PROBE_EVERY_S


@dataclass(slots=True)
class Caretaker:
    """See the module.

    Attributes:
        keep: how long closed alerts are remembered.
        longest_wait: nothing in the outbox is ever due later than this from now.
        take_up: called once for each database that turns up.
        take_up_more: called with what follows of it, as the channels get through.
    """

    store: Store
    desk: Desk
    ledger: Ledger
    courier: Courier
    board: Board
    clock: Clock
    keep: timedelta
    longest_wait: timedelta
    take_up: TakeUp
    take_up_more: Callable[[Sequence[Job]], Awaitable[None]]
    _openings: int = field(init=False, default=0)
    _is_well: bool = field(init=False, default=True)
    _mend_in_s: float = field(init=False, default=MEND_EVERY_S)
    _probed_s: float = field(init=False, default=-math.inf)
    _dated: Reading | None = field(init=False, default=None)
    _rest: Backlog = field(init=False, default_factory=Backlog)
    _limits: defaultdict[str, int] = field(init=False)
    _taken: set[bytes] = field(init=False, default_factory=set)
    _remembered: set[UUID] = field(init=False, default_factory=set)
    _at_hand: set[UUID] = field(init=False, default_factory=set)
    _more: asyncio.Event = field(init=False, default_factory=asyncio.Event)
    _refused: asyncio.Event = field(init=False, default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self._limits = defaultdict(int)
        self.board.listen(self._hear)

    def _hear(self, observation: Observation) -> None:
        """A disk that has just refused something is looked at now, not in the next round."""
        if self._is_well and observation == Observation("store", "state", "sick"):
            self._refused.set()

    # -- the disk ----------------------------------------------------------------------------------------

    async def begin(self) -> None:
        """Take over what an earlier run left, as far as the disk lets us; the rest comes with the disk."""
        await self._mend()
        await self._take_over()

    async def mend_for_ever(self) -> None:
        """See how the disk is, and take over what it brings when it comes back."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._mend_in_s):
                    await self._refused.wait()
            self._refused.clear()
            was_well = self._is_well
            await self._mend()
            if self._is_well and not was_well:
                await self._tidy()
            if self._is_well and self._openings != self.store.openings:
                await self._take_over()

    async def _mend(self) -> None:
        began_s = self.clock.now_s()
        spare = may_be_spared(is_well=self._is_well, probed_ago_s=began_s - self._probed_s)
        health = await self.store.mend(spare=spare)
        if not spare:
            self._probed_s = began_s
        if health.error is None:
            with suppress(StoreError):
                await self.ledger.pay()
        for observation in replace(health, owed=self.ledger.owed).observations():
            self.board.observe(observation)
        self._is_well = health.error is None and not self.ledger.owed
        self._mend_in_s = mend_in_s(is_well=self._is_well, took_s=self.clock.now_s() - began_s)

    async def _take_over(self) -> None:
        """Agree with a database that was opened: it learns what is going on here, and we what it holds."""
        openings = self.store.openings
        at_hand = tuple(self.desk.known)
        try:
            found = await self.store.standings()
            reserved = await self.store.reserved()
            now_at = self.clock.now_at()
            newest = [
                job for job in await self.store.newest(now_at, AT_ONCE) if job.id.bytes not in self._taken
            ]
            taken = self._taken | {job.id.bytes for job in newest}
            self._rest = await self.store.backlog(now_at, taken)
            known = {standing.alert.id for standing in at_hand}
            self.desk.remember(s for s in found if s.alert.id not in known)
            self._remembered.update(s.alert.id for s in found if s.alert.id not in known)
            self._at_hand = known - self._remembered
            if at_hand:
                await self.store.commit(Change(standings=at_hand), self.clock.now_at())
        except StoreError as error:
            log.error("store_refused", error=str(error))
            return
        if self._is_well:
            self._openings = openings
        self._taken = taken
        if self._rest:
            self._more.set()
        await self.take_up(self._unknown(newest), self._unknown(reserved))

    def _unknown(self, jobs: Sequence[Job]) -> list[Job]:
        """Without those that are at hand: their alert was raised, and sent, while the disk was away."""
        return [job for job in jobs if job.alert.id not in self._at_hand]

    # -- a long queue ------------------------------------------------------------------------------------

    async def feed_for_ever(self) -> None:
        """Take up the rest, as the channels get through."""
        wait_s: float | None = None
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._more.wait()
            self._more.clear()
            try:
                await self._feed()
            except StoreError as error:
                log.error("store_refused", error=str(error))
            wait_s = self._feed_in_s()

    def _feed_in_s(self) -> float | None:
        """When to look again; None if nothing is left."""
        if not self._rest:
            return None
        now_at, longest_s = self.clock.now_at().timestamp(), self.longest_wait.total_seconds()
        return max(FEED_EVERY_S, min(self._rest.wait_s(now_at, longest_s), LOOK_EVERY_S))

    async def _feed(self) -> None:
        longest_s, now_at = self.longest_wait.total_seconds(), self.clock.now_at().timestamp()
        for channel in self._rest.channels:
            room = max(0, self._limit(channel) - self.courier.holding(channel))
            if not (due := self._rest.due(channel, room, now_at, longest_s)):
                continue
            jobs = self._unknown(await self.store.jobs(due))
            self._rest.drop(channel, len(due))
            self._taken.update(due)
            await self.take_up_more(jobs)

    def _limit(self, channel: str) -> int:
        """How many messages a channel may hold now."""
        before = 0 if self.courier.is_sick(channel) else self._limits[channel]
        self._limits[channel] = min(max(KNOCKING, 2 * before), IN_HAND)
        return self._limits[channel]

    # -- history -----------------------------------------------------------------------------------------

    async def tidy_for_ever(self) -> None:
        """Close and forget, every few minutes."""
        with suppress(StoreError):
            await self.store.warm_up()
        while True:
            await self._tidy()
            await self.clock.sleep(TIDY_EVERY_S)

    async def _tidy(self) -> None:
        try:
            await self.ledger.tidy(self.keep if self._trusts_clock() else None)
        except StoreError as error:
            log.error("store_refused", error=str(error))

    def _trusts_clock(self) -> bool:
        """Whether the clock may decide what is old: not before network time, nor just after it was set."""
        now = self.clock.reading()
        if self._dated is None or now.error_of(self._dated.at, self._dated.up):
            self._dated = now
        return (now.up.since_s(self._dated.up) or 0.0) >= TRUSTED_AFTER_S
