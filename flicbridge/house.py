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

from flicbridge.alert.alert import DeliveryState, Happening
from flicbridge.alert.desk import Desk, Standing
from flicbridge.api.server import serving
from flicbridge.clock import Clock
from flicbridge.errors import InputError, StoreError
from flicbridge.gesture.script import finger_script
from flicbridge.guard.board import Board
from flicbridge.guard.status import House, report
from flicbridge.listening import Listening, Roster
from flicbridge.outbox.courier import Courier
from flicbridge.outbox.job import Job
from flicbridge.outbox.ledger import Ledger, Taken
from flicbridge.outbox.store import Attempt, Store
from flicbridge.path import ButtonPath
from flicbridge.press.virtual import VirtualButton
from flicbridge.room import Finger
from flicbridge.supervise import Backoff, Start, keep_running

log = structlog.get_logger()

TIDY_EVERY_S: Final = 300.0
START_TIMEOUT_S: Final = 5.0
# A press that is not decided and committed by then never will be: the thresholds end at ten seconds.
PRESS_TIMEOUT_S: Final = 20.0


@dataclass(frozen=True, slots=True)
class Parts:
    """Everything a bridge consists of, built and connected.

    Attributes:
        house: what does not change while it runs.
        state_dir: where the API's socket goes.
        listen: host and port for the API, or None.
        keep: how long closed alerts are remembered.
        longest_wait: nothing in the outbox is ever due later than this from now.
        fingers: simulated buttons that can be pressed.
        roster: the buttons of the settings that the bridge starts with.
        reread: reads the settings file anew and builds its buttons.
    """

    house: House
    state_dir: Path
    listen: tuple[str, int] | None
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


class Bridge:
    """See `flicbridge.api.daemon.Daemon` for what the API asks of it."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._house = parts.house
        self._listening: Listening | None = None
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.ready = asyncio.Event()

    async def run(self) -> None:
        """Run until cancelled. `ready` is set once presses are taken.

        Raises:
            InputError: another bridge runs on this state.
        """
        parts = self._parts
        async with serving(self, parts.state_dir, parts.listen, observe=parts.board.observe):
            await self._take_up()
            async with asyncio.TaskGroup() as group:
                for part, start in self._starts():
                    group.create_task(self._keep(part, start), name=part)
                self._listening = Listening(group, self._keep, clock=parts.clock, observe=parts.board.observe)
                await self._listening.take_up(parts.roster)
                await self._virtual_buttons_are_there()
                log.info("bridge_ready", bridge=parts.house.bridge, rehearsal=parts.house.rehearsal)
                self.ready.set()

    async def _virtual_buttons_are_there(self) -> None:
        """Whoever reads that we are ready may press at once."""
        virtual = (path for path in self._paths.values() if isinstance(path.source, VirtualButton))
        with suppress(TimeoutError):
            async with asyncio.timeout(START_TIMEOUT_S):
                for path in virtual:
                    await path.is_heard.wait()

    def _starts(self) -> Iterator[tuple[str, Start]]:
        yield "courier", self._parts.courier.run
        yield "housekeeping", self._tidy_for_ever

    async def _keep(self, part: str, start: Callable[[], Awaitable[None]]) -> None:
        await keep_running(
            part, start, clock=self._parts.clock, backoff=Backoff(), observe=self._parts.board.observe
        )

    async def _take_up(self) -> None:
        """Take up what an earlier run left unfinished."""
        parts = self._parts
        jobs = await parts.store.unfinished(parts.clock.now_at())
        orphans = parts.courier.hand_over(jobs, longest_wait=parts.longest_wait)
        if jobs:
            log.info("outbox_taken_up", deliveries=len(jobs))
        for job in orphans:
            await self._give_up(job)

    async def _give_up(self, job: Job) -> None:
        """Say that a message cannot leave: its channel is no longer in the settings."""
        now_at = self._parts.clock.now_at()
        log.error("channel_is_gone", channel=job.delivery.channel, delivery=str(job.id))
        detail = f"the channel {job.delivery.channel} is no longer in the settings"
        await self._parts.ledger.settle(Attempt(job, DeliveryState.FAILED, now_at, now_at, 0.0, detail))

    async def _tidy_for_ever(self) -> None:
        parts = self._parts
        while True:
            try:
                await parts.ledger.tidy(parts.keep)
                await parts.store.put_observations(parts.board.changed())
            except StoreError as error:
                log.error("store_refused", error=str(error))
            await parts.clock.sleep(TIDY_EVERY_S)

    # -- what the API asks -------------------------------------------------------------------------------

    async def status(self) -> Mapping[str, Any]:
        """How every part is doing."""
        parts = self._parts
        try:
            counts: Mapping[str, Any] = await parts.store.counts()
        except StoreError as error:
            counts = {"error": str(error)}
        return report(
            self._house,
            parts.board,
            counts=counts,
            open_alerts=[standing.alert.id for standing in parts.desk.open],
            now_at=parts.clock.now_at(),
        )

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

    async def list_alerts(self, limit: int) -> Sequence[Standing]:
        """The newest alerts, newest first."""
        return await self._parts.store.list_alerts(limit)

    async def find_alert(self, prefix: str) -> UUID | None:
        """The one alert whose id begins like this."""
        return await self._parts.store.find_alert(prefix)

    async def show_alert(self, alert: UUID) -> Mapping[str, Any] | None:
        """All there is about one alert, or None."""
        return await self._parts.store.show_alert(alert)

    async def move_alert(self, alert: UUID, what: Happening, by: str) -> bool:
        """Acknowledge, cancel, confirm or close; returns False if that moves nothing."""
        return await self._parts.ledger.move(alert, what, by=by)
