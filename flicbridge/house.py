"""A bridge that has been built: it runs its parts, each kept alive by itself, and answers the API."""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from uuid import UUID

import structlog

from flicbridge.alert.alert import AlertState, DeliveryState, Happening, Way
from flicbridge.alert.desk import Desk, Standing
from flicbridge.alert.drill import Drill, DrillKind
from flicbridge.answering import Answering
from flicbridge.api.server import serving
from flicbridge.caretaker import Caretaker
from flicbridge.clock import Clock
from flicbridge.drills import Drills
from flicbridge.errors import DrillRefusedError, Failure, InputError, StoreError
from flicbridge.gesture.script import finger_script
from flicbridge.guard.board import Board
from flicbridge.guard.lag import watch_lag
from flicbridge.guard.status import House, drills, report
from flicbridge.guard.tally import Counted, Tally
from flicbridge.heartbeat import Heartbeat
from flicbridge.listening import Listening, Roster
from flicbridge.maintainer import Maintainer
from flicbridge.memory import Memory
from flicbridge.outbox.courier import Courier
from flicbridge.outbox.job import Attempt, Job
from flicbridge.outbox.ledger import Ledger, Taken
from flicbridge.outbox.store import Store
from flicbridge.path import ButtonPath
from flicbridge.press.virtual import VirtualButton
from flicbridge.room import Finger
from flicbridge.rounds import Rounds
from flicbridge.supervise import Backoff, Start, keep_running
from flicbridge.watchdog import Watchdog

log = structlog.get_logger()

START_TIMEOUT_S: Final = 5.0
# A press that is not decided and committed by then never will be: the thresholds end at ten seconds.
PRESS_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Guards:
    """Those who keep an eye on a bridge.

    Attributes:
        maintainer: tells whoever looks after the bridge what is wrong with it; None if there is nobody.
        heartbeat: tells somebody outside that all is well; None if nobody listens.
        watchdog: vouches for the bridge; None where nobody needs that, as in a rehearsal of an hour's length.
        drills: tries out by itself whether all this works; None in a rehearsal.
        rounds: asks those who say nothing by themselves; None in a rehearsal.
    """

    maintainer: Maintainer | None
    heartbeat: Heartbeat | None
    watchdog: Watchdog | None
    drills: Drills | None
    rounds: Rounds | None


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a bridge consists of, built and connected.

    Attributes:
        house: what does not change while it runs.
        state_dir: where the API's socket goes.
        listen: host and port for the API, or None.
        metrics_token: opens the metrics there, and nothing else; None if there is none.
        keep: how long closed alerts are remembered.
        longest_wait: nothing in the outbox is ever due later than this from now.
        fingers: simulated buttons that can be pressed.
        roster: the buttons of the settings that the bridge starts with.
        reread: reads the settings file anew and builds its buttons.
        watches: look out for a network that comes back, for replies; by name.
        guards: keep an eye on the bridge.
        answering: how answers are taken.
        memory: keeps what the board says for the next start.
        tally: counts what happens, all observations pass by it.
    """

    house: House
    state_dir: Path
    listen: tuple[str, int] | None
    metrics_token: str | None
    keep: timedelta
    longest_wait: timedelta
    store: Store
    desk: Desk
    ledger: Ledger
    courier: Courier
    board: Board
    clock: Clock
    fingers: Mapping[str, Finger]
    roster: Roster
    reread: Callable[[], Awaitable[Roster]]
    watches: Mapping[str, Start]
    guards: Guards
    answering: Answering
    memory: Memory
    tally: Tally


class Bridge:
    """See `flicbridge.api.daemon.Daemon` for what the API asks of it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._house = parts.house
        self._began = parts.clock.reading()
        self._caretaker = Caretaker(
            store=parts.store,
            desk=parts.desk,
            ledger=parts.ledger,
            courier=parts.courier,
            board=parts.board,
            clock=parts.clock,
            keep=parts.keep,
            longest_wait=parts.longest_wait,
            take_up=self._take_up,
            take_up_more=self._take_up_more,
        )
        self._listening: Listening | None = None
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.ready = asyncio.Event()

    @property
    def board(self) -> Board:
        """Where its parts pin what they notice."""
        return self._parts.board

    async def run(self) -> None:
        """Run until cancelled. `ready` is set once presses are taken.

        Raises:
            InputError: another bridge runs on this state.
        """
        try:
            await self._run()
        finally:
            if (watchdog := self._parts.guards.watchdog) is not None:
                watchdog.manager.stopping()

    async def _run(self) -> None:
        parts = self._parts
        observe, answers = parts.board.observe, parts.answering.answers
        async with serving(
            self,
            parts.state_dir,
            parts.listen,
            observe=observe,
            answers=answers,
            metrics_token=parts.metrics_token,
            clock=parts.clock,
        ):
            await self._caretaker.begin()
            try:
                await self._work()
            finally:
                await parts.memory.keep_at_the_end()

    async def _work(self) -> None:
        parts = self._parts
        async with asyncio.TaskGroup() as group:
            for part, start in self._starts():
                group.create_task(self._keep(part, start), name=part)
            self._listening = Listening(group, self._keep, clock=parts.clock, observe=parts.board.observe)
            await self._listening.take_up(parts.roster)
            await self._virtual_buttons_are_there()
            log.info("bridge_ready", bridge=parts.house.bridge, rehearsal=parts.house.rehearsal)
            self.ready.set()
            if parts.guards.watchdog is not None:
                parts.guards.watchdog.manager.ready()

    async def _virtual_buttons_are_there(self) -> None:
        """Whoever reads that we are ready may press at once."""
        virtual = (path for path in self._paths.values() if isinstance(path.source, VirtualButton))
        with suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT_S):
                for path in virtual:
                    await path.is_heard.wait()

    def _starts(self) -> Iterator[tuple[str, Start]]:
        yield "courier", self._parts.courier.run
        yield from self._parts.watches.items()
        if (maintainer := self._parts.guards.maintainer) is not None:
            yield "maintainer", lambda: maintainer.watch(self.status)
        if (watchdog := self._parts.guards.watchdog) is not None:
            yield from watchdog.canary.parts()
            yield "watchdog", lambda: watchdog.watch(lambda: self._paths)
            yield "lag", lambda: watch_lag(self._parts.clock, self._parts.board.observe)
        if (heartbeat := self._parts.guards.heartbeat) is not None:
            yield "heartbeat", lambda: heartbeat.beat(self.status)
        if (drills := self._parts.guards.drills) is not None:
            yield "drills", drills.run
        if (rounds := self._parts.guards.rounds) is not None:
            yield from rounds.parts()
        yield "memory", self._parts.memory.keep_for_ever
        yield "turns", self._parts.ledger.keep_time
        yield "disk", self._caretaker.mend_for_ever
        yield "backlog", self._caretaker.feed_for_ever
        yield "housekeeping", self._caretaker.tidy_for_ever

    async def _keep(self, part: str, start: Callable[[], Awaitable[None]]) -> None:
        await keep_running(
            part, start, clock=self._parts.clock, backoff=Backoff(), observe=self._parts.board.observe
        )

    async def _take_up(self, found: Sequence[Job], reserved: Sequence[Job]) -> None:
        """Take up what an earlier run left unfinished."""
        ledger, channels = self._parts.ledger, {channel.channel for channel in self._parts.house.channels}
        ledger.turns.expect_ends()
        jobs = await self._hand_over(found, reserved)
        if shown := sum(ledger.is_shown(job) for job in jobs):
            log.info("outbox_taken_up", deliveries=shown)
        for job in reserved:
            if job.delivery.channel not in channels:
                await self._give_up(job)

    async def _take_up_more(self, found: Sequence[Job]) -> None:
        """Take up what follows of it."""
        await self._hand_over(found, ())

    async def _hand_over(self, found: Sequence[Job], reserved: Sequence[Job]) -> list[Job]:
        """Hand over what is still needed of it; returns that."""
        parts = self._parts
        pointless = parts.ledger.turns.take_up(found, reserved, parts.longest_wait)
        for job in pointless:
            await self._withdraw(job)
        not_needed = {job.id for job in pointless}
        jobs = [job for job in found if job.id not in not_needed]
        for job in parts.courier.hand_over(jobs, longest_wait=parts.longest_wait):
            await self._give_up(job)
        return jobs

    async def _withdraw(self, job: Job) -> None:
        """Say that a reminder need not leave: a later one, or the alert itself, is due as well."""
        now_at = self._parts.clock.now_at()
        detail = "fell due while the bridge was down, and so did a message that says more"
        withdrawn = Attempt(job, DeliveryState.WITHDRAWN, now_at, now_at, 0.0, detail)
        with suppress(StoreError):
            await self._parts.ledger.settle(withdrawn)

    async def _give_up(self, job: Job) -> None:
        """Say that a message cannot leave: its channel is no longer in the settings."""
        now_at = self._parts.clock.now_at()
        tell = log.error if self._parts.ledger.is_shown(job) else log.debug
        tell("channel_is_gone", channel=job.delivery.channel, delivery=str(job.id))
        detail = f"the channel {job.delivery.channel} is no longer in the settings"
        failed = Attempt(job, DeliveryState.FAILED, now_at, now_at, 0.0, detail, Failure.PERMANENT)
        with suppress(StoreError):  # then it is found again, and given up, at the next start
            await self._parts.ledger.settle(failed)

    # -- what the API asks -------------------------------------------------------------------------------

    async def status(self) -> Mapping[str, Any]:
        """How every part is doing."""
        parts = self._parts
        try:
            counts: Mapping[str, Any] = await parts.store.counts()
        except StoreError as error:
            counts = {"error": str(error)}
        held = frozenset() if parts.guards.drills is None else parts.guards.drills.held
        return report(
            self._dated_house(),
            parts.board,
            counts=counts,
            open_alerts=[standing.alert.id for standing in parts.desk.open],
            unanswered=[s.alert for s in parts.desk.known if s.face is AlertState.UNANSWERED],
            trials=[standing.alert.id for standing in parts.desk.trials(held, parts.clock.now_at())],
            now_at=parts.clock.now_at(),
        )

    def counted(self) -> Counted:
        """How often things happened since the process began."""
        return self._parts.tally.counted()

    def _dated_house(self) -> House:
        """The house, begun when the wall clock of now says it was."""
        error = self._parts.clock.reading().error_of(self._began.at, self._began.up)
        return replace(self._house, started_at=self._house.started_at + error)

    async def press(self, button: str, gesture: str) -> Taken:
        """Press a virtual or simulated button; returns once the press is committed."""
        path = self._pressable(button)
        if gesture not in path.fingers.reactions:
            known = ", ".join(path.fingers.reactions)
            raise InputError(f'button "{button}" knows no gesture "{gesture}"; it knows {known}')
        script = finger_script(path.fingers.table, gesture)
        async with self._turns[button]:
            taken = path.next_taken()
            if isinstance(path.source, VirtualButton):
                path.source.press(script)
            else:
                await self._parts.fingers[button](script)
            try:
                async with asyncio.timeout(PRESS_TIMEOUT_S):
                    return await taken
            except TimeoutError as error:
                raise StoreError(f'the press on "{button}" was not taken in time') from error

    def _pressable(self, button: str) -> ButtonPath:
        path = self._paths.get(button)
        if path is None:
            known = ", ".join(self._paths) or "none"
            raise InputError(f'there is no button "{button}" that can be heard; there is {known}')
        if not isinstance(path.source, VirtualButton) and button not in self._parts.fingers:
            raise InputError(f'button "{button}" is a real one: only a finger can press it')
        return path

    async def reload(self) -> Mapping[str, Any]:
        """Listen to the buttons as the settings file and the pairings are now."""
        roster = await self._parts.reread()
        if self._listening is None:
            raise InputError("the bridge is still starting; ask again in a moment")
        listening, stopped = await self._listening.take_up(roster)
        self._house = replace(self._house, buttons=roster.buttons)
        log.info("buttons_reloaded", listening=listening, stopped=stopped, restart=roster.restart_needed)
        return {"listening": listening, "stopped": stopped, "restart_needed": roster.restart_needed}

    async def pause(self, button: str, seconds: float) -> None:
        """Let go of a button for a while."""
        path = self._paths.get(button)
        if self._listening is None or path is None or isinstance(path.source, VirtualButton):
            raise InputError(f'button "{button}" has no link that could be let go of')
        self._listening.pause(button, seconds)

    @property
    def _paths(self) -> Mapping[str, ButtonPath]:
        return {} if self._listening is None else self._listening.paths

    async def drill(self, kind: DrillKind, by: str) -> Drill:
        """Have a drill held now; returns it at once, without a result."""
        return self._drills.ask(kind, by)

    async def list_drills(self, limit: int) -> Sequence[Drill]:
        """The newest drills, newest first."""
        return await self._drills.newest(limit)

    def due_drills(self) -> Sequence[Mapping[str, Any]]:
        """The drills that take place by themselves, and when the next ones are due."""
        return drills(self._parts.board)

    @property
    def _drills(self) -> Drills:
        if self._parts.guards.drills is None:
            raise DrillRefusedError("rehearsal", "this bridge is a rehearsal itself: it holds no drills")
        return self._parts.guards.drills

    async def list_alerts(self, limit: int) -> Sequence[Standing]:
        """The newest alerts, newest first."""
        return await self._parts.store.list_alerts(limit)

    async def find_alert(self, prefix: str) -> UUID | None:
        """The one alert whose id begins like this."""
        return await self._parts.store.find_alert(prefix)

    async def show_alert(self, alert: UUID) -> Mapping[str, Any] | None:
        """All there is about one alert, or None."""
        return await self._parts.store.show_alert(alert)

    async def move_alert(
        self, alert: UUID, what: Happening, by: str, way: Way = Way.API, pin: str | None = None
    ) -> bool:
        """Acknowledge, cancel, confirm or close; returns False if that moves nothing."""
        is_proven = self._parts.answering.is_proven(pin)
        return await self._parts.ledger.move(alert, what, by=by, way=way, is_proven=is_proven)

    @property
    def asks_pin(self) -> bool:
        """Whether what is done in the room is only believed with a PIN."""
        return self._parts.answering.caution.asks_pin

    def is_pin(self, pin: str) -> bool:
        """Tell whether this is the PIN; False where none is asked for."""
        return self._parts.answering.pin is not None and self._parts.answering.is_proven(pin)

    def standing(self, alert: UUID) -> Standing | None:
        """How an alert stands in truth; None if it is closed or unknown."""
        return self._parts.desk.standing(alert)
