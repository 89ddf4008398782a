"""Holds the drills: by the timetable, and when somebody asks for one; and writes down what came of each.

A drill is on disk before it begins. A self-test that the end of the bridge cut off is made up; but a message
that has been promised to people is not sent a second time: the next run goes on watching the first.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID, uuid4

import structlog

from flicbridge.alert import life
from flicbridge.alert.alert import AlertKind, DeliveryState, Purpose
from flicbridge.alert.desk import Desk, Press, Reaction, Standing
from flicbridge.alert.drill import COUNTED, REAL, Drill, DrillKind, DrillResult, Found
from flicbridge.clock import Clock
from flicbridge.errors import DrillRefusedError, StoreError
from flicbridge.guard.board import Board
from flicbridge.guard.drills import FACTS, Held, Timetable, Told, facts_of, found_of
from flicbridge.observation import Observation, Value
from flicbridge.outbox.ledger import Ledger
from flicbridge.outbox.store import Store
from flicbridge.place.position import Position

log = structlog.get_logger()

# A start is a busy time, and who starts a bridge has enough to look at.
SETTLE_S: Final = 60.0
LOOK_EVERY_S: Final = 60.0
# How long a message may be on its way before the drill has failed; and how often that is looked at, at first.
LIMIT: Final = timedelta(minutes=10)
WATCH_EVERY_S: Final = 1.0
HURRY_S: Final = 30.0
WATCH_LATER_S: Final = 10.0
GESTURE: Final = "drill"


@dataclass(slots=True)
class Drills:
    """See the module.

    Attributes:
        timetables: of the kinds that take place by themselves. Those that tell people can only be asked for
            if they are in here: nobody else agreed to it.
        follows: channels that say later whether a message reached a handset.
        place: where the practice is.
        try_self: the self-test.
    """

    timetables: Mapping[DrillKind, Timetable]
    follows: frozenset[str]
    place: Position | None
    try_self: Callable[[], Awaitable[Found]]
    store: Store
    ledger: Ledger
    desk: Desk
    board: Board
    clock: Clock
    _asked: asyncio.Queue[Drill] = field(init=False, default_factory=asyncio.Queue)
    _under_way: dict[DrillKind, Drill] = field(init=False, default_factory=dict)
    _last: dict[DrillKind, Drill] = field(init=False, default_factory=dict)

    async def run(self) -> None:
        """Hold them; for ever."""
        self._under_way.clear()
        unended = await self._remember()
        self._publish()
        begins_s = self.clock.now_s() + SETTLE_S
        async with asyncio.TaskGroup() as group:
            for drill in unended:
                group.create_task(self._hold(drill, self._watch), name=drill.kind.actor)
            while True:
                drill = await self._next(begins_s)
                hold = self._tell if drill.kind in REAL else self._try_self
                group.create_task(self._hold(drill, hold), name=drill.kind.actor)

    def ask(self, kind: DrillKind, by: str) -> Drill:
        """Have one held now.

        Raises:
            DrillRefusedError: nobody agreed to it, or this is not the time for it.
        """
        if kind in REAL and kind not in self.timetables:
            why = f"the settings have no [drills.{kind.value}]: nobody agreed to such a message"
            raise DrillRefusedError("not_agreed", why)
        if kind in self._under_way:
            raise DrillRefusedError("under_way", f"such a drill ({kind.value}) is under way already")
        if kind in REAL and any(standing.face in life.MEANT for standing in self._emergencies):
            raise DrillRefusedError("alert_open", "an alert is open: nobody is to get a drill now")
        drill = self._begin(kind, by)
        self._asked.put_nowait(drill)
        return drill

    @property
    def held(self) -> frozenset[UUID]:
        """Drills that have begun and have no result yet."""
        return frozenset(drill.id for drill in self._under_way.values())

    async def newest(self, limit: int) -> Sequence[Drill]:
        """The newest drills, newest first; of those that a sick disk refused, the last of each kind."""
        written = await self.store.drills.newest(limit)
        known = {drill.id for drill in written}
        beside = [d for d in (*self._under_way.values(), *self._last.values()) if d.id not in known]
        return sorted((*beside, *written), key=lambda drill: drill.began_at, reverse=True)[:limit]

    # -- when --------------------------------------------------------------------------------------------

    async def _next(self, begins_s: float) -> Drill:
        """The next drill to be held: one that was asked for, or one that is due."""
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_EVERY_S):
                    return await self._asked.get()
            self._publish()
            if self.clock.now_s() >= begins_s and (kind := self._due()) is not None:
                return self._begin(kind, "schedule")

    def _due(self) -> DrillKind | None:
        now_at = self.clock.now_at()
        # An alert goes on whose cancellation is doubted; but who asks for a drill must not learn of that.
        is_calm = all(standing.state not in life.MEANT for standing in self._emergencies)
        for kind, table in self.timetables.items():
            due_at = table.due_at(self._held(kind), self._since_at(kind), now_at)
            if kind not in self._under_way and table.may_begin(due_at, now_at, is_calm=is_calm):
                return kind
        return None

    def _begin(self, kind: DrillKind, by: str) -> Drill:
        drill = Drill(uuid4(), kind, by, self.clock.now_at())
        self._under_way[kind] = drill
        return drill

    @property
    def _emergencies(self) -> list[Standing]:
        return [standing for standing in self.desk.known if standing.alert.kind is not AlertKind.TEST]

    def _held(self, kind: DrillKind) -> Held | None:
        last = self._last.get(kind)
        return None if last is None else Held(last.began_at, last.found.result)

    # -- one drill ---------------------------------------------------------------------------------------

    async def _hold(self, drill: Drill, hold: Callable[[Drill], Awaitable[Found]]) -> None:
        log.info("drill_begun", kind=drill.kind.value, drill=str(drill.id), by=drill.by)
        await self._write(drill)
        try:
            found = await hold(drill)
        except Exception as error:
            log.exception("drill_broke", kind=drill.kind.value)
            found = Found(DrillResult.FAILED, type(error).__name__)
        await self._end(drill, found)

    async def _end(self, drill: Drill, found: Found) -> None:
        ended = replace(drill, ended_at=self.clock.now_at(), found=found)
        tell = log.error if found.result is DrillResult.FAILED else log.info
        tell("drill_ended", kind=drill.kind.value, drill=str(drill.id), result=found.result.value)
        if found.result in COUNTED:
            self._last[drill.kind] = ended
        self._under_way.pop(drill.kind, None)
        await self._write(ended)
        self._publish()

    async def _try_self(self, _drill: Drill) -> Found:
        return await self.try_self()

    async def _tell(self, drill: Drill) -> Found:
        """Raise its alert, and watch what becomes of it."""
        now = self.clock.reading()
        press = Press(
            id=drill.id,
            by=drill.kind.actor,
            button=drill.kind.actor,
            gesture=GESTURE,
            reaction=Reaction.TEST,
            pressed_at=now.at,
            received_at=now.at,
            was_queued=False,
            received_up=now.up,
        )
        await self.ledger.take(press, None, self.place)
        return await self._watch(drill)

    async def _watch(self, drill: Drill) -> Found:
        """Wait until nothing more can be known of its messages, or for as long as a drill may take."""
        began_s = self.clock.now_s()
        waited = min(max(self.clock.now_at() - drill.began_at, timedelta(0)), LIMIT)
        while True:
            passed_s = self.clock.now_s() - began_s
            is_late = waited + timedelta(seconds=passed_s) >= LIMIT
            found = found_of(await self._told(drill.id), is_late=is_late)
            if found is not None:
                return found
            await self.clock.sleep(WATCH_EVERY_S if passed_s < HURRY_S else WATCH_LATER_S)

    async def _told(self, alert: UUID) -> list[Told]:
        """How its messages stand; none while the disk does not say."""
        try:
            shown = await self.store.show_alert(alert)
        except StoreError:
            return []
        if shown is None:
            return []
        pressed_s = shown["standing"].alert.received_at.timestamp()
        return [
            self._as_told(row, pressed_s) for row in shown["deliveries"] if row["purpose"] == Purpose.ALERT
        ]

    def _as_told(self, row: Mapping[str, Any], pressed_s: float) -> Told:
        there_s = row["delivered_at"] or row["sent_at"]
        return Told(
            recipient=row["recipient"],
            channel=row["channel"],
            state=DeliveryState(row["state"]),
            follows=row["channel"] in self.follows and row["provider_id"] is not None,
            error=row["last_error"] or "",
            took_ms=None if there_s is None else round((there_s - pressed_s) * 1000, 1),
        )

    # -- what is remembered ------------------------------------------------------------------------------

    async def _remember(self) -> list[Drill]:
        """Take over what an earlier run wrote down; returns the drills to go on watching."""
        watched = []
        try:
            for drill in await self.store.drills.running():
                if drill.kind in REAL and await self.store.show_alert(drill.id) is not None:
                    self._under_way[drill.kind] = drill
                    watched.append(drill)
                else:
                    await self._end(drill, Found(DrillResult.INTERRUPTED))
            for kind in DrillKind:
                if (last := await self.store.drills.last(kind)) is not None:
                    self._last[kind] = last
            await self._note_begin()
        except StoreError as error:
            log.error("store_refused", error=str(error))
        return watched

    async def _note_begin(self) -> None:
        """Note since when each kind is in the settings: what was before is not made up."""
        now_at = self.clock.now_at()
        new = [kind for kind in self.timetables if self.board.value(kind.actor, "since") is None]
        begun = [Observation(kind.actor, "since", now_at.isoformat()) for kind in new]
        for observation in begun:
            self.board.observe(observation)
        await self.store.put_observations((observation, now_at) for observation in begun)

    def _since_at(self, kind: DrillKind) -> datetime:
        since = self.board.value(kind.actor, "since")
        return datetime.fromisoformat(since) if isinstance(since, str) else self.clock.now_at()

    async def _write(self, drill: Drill) -> None:
        try:
            await self.store.drills.put(drill)
        except StoreError as error:
            log.error("store_refused", error=str(error))

    def _publish(self) -> None:
        """Pin on the board what the status shows of each kind; nothing of those that do not take place."""
        now_at = self.clock.now_at()
        for kind in DrillKind:
            table, last = self.timetables.get(kind), self._last.get(kind)
            facts: Mapping[str, Value] = dict.fromkeys(("since", *FACTS))
            if table is not None:
                due_at = table.due_at(self._held(kind), self._since_at(kind), now_at)
                detail = "" if last is None else last.found.detail
                facts = facts_of(self._held(kind), detail, due_at, table.overdue_at(due_at))
            for fact, value in facts.items():
                if self.board.value(kind.actor, fact) != value:
                    self.board.observe(Observation(kind.actor, fact, value))
